/**
 * What a stranger can put into a text to make it look like another: marks that turn the reading order round, characters that cannot be
 * seen, tags. Each is shown by its number instead of being obeyed. Joiners have their place in many scripts, and none between Latin letters.
 */
const tricks =
  /[\p{Bidi_Control}\p{Cc}\u00ad\u115f\u1160\u180e\u200b\u2028\u2029\u2060-\u2064\u206a-\u206f\u3164\ufeff\uffa0\ufff9-\ufffb]|\u034f|\u17b4|\u17b5|[\u{e0000}-\u{e0fff}]|(?<=[!-~])[\u200c\u200d](?=[!-~])/gu
/** More marks on one letter than any language writes: they climb over the lines around. */
const towers = /(\p{M}{4})\p{M}+/gu
/** What is plain in a text of several lines. */
const plain = new Set(['\n', '\t'])

const nameOf = (character: string): string =>
  `U+${character.codePointAt(0)!.toString(16).toUpperCase().padStart(4, '0')}`

export interface Piece {
  text: string
  /** `U+202E`: the text is a character that would have been obeyed or not seen. */
  trick: string | null
}

/** Splits a text at what is not to be obeyed. */
export function pieces(text: string, isMultiline = false): Piece[] {
  const calm = text.toWellFormed().replace(/\r\n?/g, '\n').replace(towers, '$1')
  const found: Piece[] = []
  let from = 0
  for (const { 0: character, index } of calm.matchAll(tricks)) {
    if (isMultiline && plain.has(character)) continue
    if (index > from) found.push({ text: calm.slice(from, index), trick: null })
    found.push({ text: character, trick: nameOf(character) })
    from = index + character.length
  }
  if (from < calm.length || found.length === 0) found.push({ text: calm.slice(from), trick: null })
  return found
}

/** The same as one text, for titles and labels. */
export const plainOf = (text: string): string =>
  pieces(text)
    .map(({ text, trick }) => (trick ? `[${trick}]` : text))
    .join('')
