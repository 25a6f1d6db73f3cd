/** Mailbox files as every mail program writes them (RFC 4155, with lines that begin like a separator quoted). */

/** What one message of a mailbox file was too large for. */
export const tooLarge = Symbol('a message that is too large')

const separator = Buffer.from('From ')
const newline = 0x0a

const isSeparator = (line: Buffer): boolean => line.subarray(0, 5).equals(separator)
const isEmpty = (line: Buffer): boolean =>
  line.byteLength === 1 || (line.byteLength === 2 && line[0] === 0x0d)

/** `>From ` and `>>From ` lose one of them. */
function unquoted(line: Buffer): Buffer {
  let at = 0
  while (line[at] === 0x3e) at++
  return at > 0 && isSeparator(line.subarray(at)) ? line.subarray(1) : line
}

/**
 * Cuts a mailbox file into its messages; what does not begin with a separator is one message. Holds one message at a time, and of one above
 * `maxBytes` nothing.
 */
export async function* messagesOf(
  chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  maxBytes: number
): AsyncGenerator<Uint8Array | typeof tooLarge> {
  let parts: Buffer[] = []
  let sizeBytes = 0
  let isFirst = true
  let isMailbox = false
  let afterEmpty = true
  const take = (line: Buffer) => {
    sizeBytes += line.byteLength
    if (sizeBytes <= maxBytes) parts.push(line)
    else parts = []
  }
  const flush = (): Uint8Array | typeof tooLarge | undefined => {
    const whole = sizeBytes > maxBytes ? tooLarge : Buffer.concat(parts)
    const isNothing = whole !== tooLarge && !whole.some(byte => byte > 0x20)
    parts = []
    sizeBytes = 0
    return isNothing ? undefined : whole
  }
  for await (const line of linesOf(chunks, maxBytes)) {
    if (isFirst) isMailbox = isSeparator(line)
    if (isMailbox && afterEmpty && isSeparator(line)) {
      const whole = isFirst ? undefined : flush()
      if (whole) yield whole
    } else take(isMailbox ? unquoted(line) : line)
    isFirst = false
    afterEmpty = isEmpty(line)
  }
  const last = flush()
  if (last) yield last
}

/** With their ends; a line above `maxBytes` comes in pieces. */
async function* linesOf(
  chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  maxBytes: number
): AsyncGenerator<Buffer> {
  let rest: Buffer[] = []
  let restBytes = 0
  for await (const chunk of chunks) {
    const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength)
    let from = 0
    for (let at = bytes.indexOf(newline); at >= 0; at = bytes.indexOf(newline, from)) {
      yield Buffer.concat([...rest, bytes.subarray(from, at + 1)])
      rest = []
      restBytes = 0
      from = at + 1
    }
    if (from === bytes.byteLength) continue
    // The chunk's memory may be used again by who reads the file.
    rest.push(Buffer.from(bytes.subarray(from)))
    restBytes += bytes.byteLength - from
    if (restBytes > maxBytes) {
      yield Buffer.concat(rest)
      rest = []
      restBytes = 0
    }
  }
  if (rest.length > 0) yield Buffer.concat(rest)
}

/** One message of a mailbox file. @param encoding `latin1` for bytes of any kind, one a character. */
export function mboxEntry(
  message: string,
  atMs: number,
  encoding: 'utf8' | 'latin1' = 'utf8'
): Uint8Array {
  const [day, date, month, year, time] = new Date(atMs).toUTCString().split(/[, ]+/)
  const head = `From MAILER-DAEMON ${day} ${month} ${date} ${time} ${year}\n`
  const body = message.replaceAll('\r\n', '\n').replace(/^(>*From )/gm, '>$1')
  return new Uint8Array(Buffer.from(`${head}${body.replace(/\n*$/, '\n')}\n`, encoding))
}
