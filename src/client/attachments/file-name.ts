/** What turns the reading order round, or takes no room: a name must read as what it is. */
const deceptive =
  /[\p{Cc}\p{Cs}\p{Co}\p{Cn}\p{Bidi_Control}\p{Default_Ignorable_Code_Point}\u2028\u2029]/gu
/** What file systems and shells give a meaning. */
const special = /[<>:"|?*]/g
const devices = /^(con|prn|aux|nul|conin\$|conout\$|com[0-9¹²³]|lpt[0-9¹²³])(?=\.|$)/i
const nameBytesMax = 200
const endingBytesMax = 20

/**
 * What a stranger calls a file, as one plain name that is safe to show and to write into a folder. Source: docs/protocol/attachment.md#what-a-reader-checks
 * @param index of the attachment, for one whose name holds nothing.
 */
export function fileName(said: string, index: number): string {
  const last = said.toWellFormed().split(/[/\\]/).at(-1)!
  const plain = last
    .normalize('NFC')
    .replace(deceptive, '')
    .replace(special, '_')
    .replace(/\s+/gu, ' ')
    .replace(/[. ]+$/, '')
    .replace(/^ +/, '')
    .replace(/^\.+/, '_')
    .replace(devices, '_$1')
  return /[^_ ]/.test(plain) ? shortened(plain) : `attachment-${index + 1}`
}

/** Cut before its ending, which says what it is. */
function shortened(name: string): string {
  if (Buffer.byteLength(name) <= nameBytesMax) return name
  const dot = name.lastIndexOf('.')
  const ending =
    dot > 0 && Buffer.byteLength(name.slice(dot)) <= endingBytesMax ? name.slice(dot) : ''
  let kept = ''
  let left = nameBytesMax - Buffer.byteLength(ending)
  for (const char of name) {
    left -= Buffer.byteLength(char)
    if (left < 0) break
    kept += char
  }
  return kept.trimEnd() + ending
}
