import type { Millis } from '../../base/ports.ts'

/** A letter as a mail message: RFC 5322, for other programs to keep and show. What was signed and by whom is not in it. */
export interface Message {
  readonly id: string
  readonly thread: string
  readonly parent: string | null
  readonly from: string
  readonly to: readonly string[]
  readonly sentMs: Millis
  readonly subject: string
  readonly mimeType: string
  readonly body: string
  readonly direction: 'in' | 'out'
  readonly attachments: number
}

/** Of 45 bytes each: with what stands around it a word fits into its 75 characters (RFC 2047). */
const encodedWordBytes = 45

/** @returns the message with lines that end with CR LF. */
export function composeMessage(m: Message): string {
  const isText = m.mimeType.startsWith('text/')
  const type = m.mimeType.startsWith('text/html') ? 'text/html' : 'text/plain'
  const headers: [string, string][] = [
    ['From', address(m.from)],
    ['To', m.to.map(address).join(',\r\n ')],
    ['Date', new Date(m.sentMs).toUTCString().replace('GMT', '+0000')],
    ['Subject', encodedWords(m.subject)],
    ['Message-ID', messageId(m.id)],
    ...(m.parent ? [['In-Reply-To', messageId(m.parent)] as [string, string]] : []),
    ...(m.thread === m.id ? [] : [['References', messageId(m.thread)] as [string, string]]),
    ['X-Muttr-Direction', m.direction === 'in' ? 'received' : 'sent'],
    ['X-Muttr-Type', m.mimeType],
    ...(m.attachments ? [['X-Muttr-Files', `${m.attachments}`] as [string, string]] : []),
    ['MIME-Version', '1.0'],
    ['Content-Type', isText ? `${type}; charset=utf-8` : 'application/octet-stream'],
    ['Content-Transfer-Encoding', 'base64']
  ]
  const head = headers.map(([name, value]) => `${name}: ${value}`).join('\r\n')
  const body =
    Buffer.from(m.body, 'utf8')
      .toString('base64')
      .match(/.{1,76}/g) ?? []
  return `${head}\r\n\r\n${body.join('\r\n')}\r\n`
}

const messageId = (id: string): string => `<${id}@muttr.alt>`

const address = (text: string): string =>
  /^[\x21-\x7e]{1,320}$/.test(text) && !/[<>(),;:"\\[\]]/.test(text)
    ? text
    : `${encodedWords(text)} <unknown@invalid>`

/** Plain where it is, else in words that mail programs of any age read (RFC 2047). */
function encodedWords(text: string): string {
  const plain = /^[\x20-\x7e]*$/.test(text) && !text.includes('=?') && text === text.trim()
  if (plain && text.length <= 900) return text
  const words: string[] = []
  let word = ''
  for (const char of text) {
    if (Buffer.byteLength(word + char) > encodedWordBytes) {
      words.push(word)
      word = ''
    }
    word += char
  }
  if (word !== '') words.push(word)
  return words
    .map(one => `=?utf-8?B?${Buffer.from(one, 'utf8').toString('base64')}?=`)
    .join('\r\n ')
}
