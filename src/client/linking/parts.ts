import { concatBytes } from '../../base/bytes.ts'
import type { LinkPart } from '../../wire/link.ts'

/**
 * Cuts a stream into parts of at most `maxBytes`, each as full as whole pieces make it, and says which is the last.
 * @param onPart is told the size of each as it is taken. No piece may be larger than a part.
 */
export async function* inParts(
  pieces: AsyncIterable<Uint8Array>,
  maxBytes: number,
  onPart: (sizeBytes: number) => void
): AsyncGenerator<LinkPart, void, undefined> {
  let held: Uint8Array[] = []
  let bytes = 0
  const part = (last: boolean): LinkPart => {
    onPart(bytes)
    return { last, part: concatBytes(...held) }
  }
  for await (const piece of pieces) {
    if (bytes + piece.byteLength > maxBytes) {
      yield part(false)
      held = []
      bytes = 0
    }
    held.push(piece)
    bytes += piece.byteLength
  }
  yield part(true)
}
