/** What a letter says in plain words: for the snippet of a conversation and for the search. Nothing here is shown as a letter. */

const snippetChars = 200
/** Of a longer body only so much is looked at. */
const textCharsMax = 64 * 1_024
const entities: Readonly<Record<string, string>> = {
  amp: '&',
  lt: '<',
  gt: '>',
  quot: '"',
  apos: "'",
  nbsp: ' '
}

/** Without the markup of HTML; other types that are not text say nothing. */
export function plainText(mimeType: string, body: string): string {
  const type = mimeType.split(';', 1)[0]
  if (!type?.startsWith('text/')) return ''
  const text = body.slice(0, textCharsMax).toWellFormed()
  return type === 'text/html' ? withoutMarkup(text) : text
}

function withoutMarkup(html: string): string {
  return html
    .replace(/<!--[\s\S]*?(-->|$)/g, ' ')
    .replace(/<(script|style|head)\b[\s\S]*?(<\/\1\s*>|$)/gi, ' ')
    .replace(/<[^>]*(>|$)/g, ' ')
    .replace(/&([a-z]{2,6});/gi, (whole, name: string) => entities[name.toLowerCase()] ?? whole)
}

/** One line without what is quoted, or with it when there is nothing else. */
export function snippetOf(mimeType: string, body: string): string {
  const text = plainText(mimeType, body).slice(0, 8 * 1_024)
  const own = text
    .split('\n')
    .filter(line => !/^\s*>/.test(line))
    .join(' ')
  return oneLine(own) || oneLine(text)
}

/** Also without the characters that turn or hide text. */
const oneLine = (text: string): string =>
  cut(
    text
      .replace(/[\p{Cc}\p{Zl}\p{Zp}\s]+/gu, ' ')
      .replace(/[\p{Cf}]/gu, '')
      .trim(),
    snippetChars
  )

const cut = (text: string, chars: number): string =>
  text.length <= chars
    ? text
    : `${text
        .slice(0, chars - 1)
        .toWellFormed()
        .replace(/\uFFFD$/, '')}…`

const aroundChars = 80

/** Where a text first says one of the words: one line of what stands around it, else its beginning. */
export function around(text: string, words: readonly string[]): string {
  const folded = fold(text)
  const places = words.map(word => folded.indexOf(fold(word))).filter(at => at >= 0)
  if (places.length === 0) return oneLine(text.slice(0, 4 * snippetChars))
  const from = Math.max(0, Math.min(...places) - aroundChars)
  const said = oneLine(text.slice(from, from + 4 * snippetChars).toWellFormed())
  return from === 0 ? said : `…${said}`
}

/** Without case and accents; each character keeps its place. */
const fold = (text: string): string =>
  text.replace(/[\p{Lu}\u00c0-\u024f]/gu, char => {
    const plain = char
      .normalize('NFD')
      .replace(/[\u0300-\u036f]/g, '')
      .toLowerCase()
    return plain.length === char.length ? plain : char
  })
