import { createCipheriv, createDecipheriv, hkdfSync } from 'node:crypto'
import { concatBytes, equalBytes, utf8 } from '../base/bytes.ts'
import { MuttrError } from '../base/errors.ts'
import type { Random } from '../base/ports.ts'

/**
 * A stream of any length under a secret of 16 bytes: chunks of 64 KiB in AES-256-GCM, each bound to its number and to whether it is the
 * last, so that none can be left out, moved or cut off (the STREAM construction). Nothing of a chunk is given out before it was checked,
 * and memory holds two of them. Source: docs/protocol/backup.md
 */
const magics = { backup: utf8('muttr backup 1\n'), link: utf8('muttr link 1\n') }
/** What the stream holds: one of another kind does not open, whatever its secret. */
export type StreamKind = keyof typeof magics
const saltBytes = 16
const checkBytes = 16
const chunkBytes = 64 * 1024
const tagBytes = 16

/** From the secret: the key of this stream, and a check by which wrong words are told from a damaged file. */
function derive(
  secret: Uint8Array,
  salt: Uint8Array,
  kind: StreamKind
): { key: Uint8Array; check: Uint8Array } {
  const bytes = new Uint8Array(hkdfSync('sha256', secret, salt, magics[kind], 32 + checkBytes))
  return { key: bytes.subarray(0, 32), check: bytes.subarray(32) }
}

/** 11 bytes of the chunk's number, big-endian, then 1 for the last one and 0 else. */
function nonceOf(number: number, isLast: boolean): Uint8Array {
  const nonce = new Uint8Array(12)
  new DataView(nonce.buffer).setUint32(7, number)
  nonce[11] = isLast ? 1 : 0
  return nonce
}

/** @param secret 16 bytes; nobody can open the stream without it */
export async function* sealStream(
  secret: Uint8Array,
  plain: AsyncIterable<Uint8Array>,
  random: Random,
  kind: StreamKind = 'backup'
): AsyncGenerator<Uint8Array> {
  const salt = random.bytes(saltBytes)
  const { key, check } = derive(secret, salt, kind)
  yield concatBytes(magics[kind], salt, check)
  let number = 0
  const seal = (chunk: Uint8Array, isLast: boolean): Uint8Array => {
    const cipher = createCipheriv('aes-256-gcm', key, nonceOf(number++, isLast))
    return concatBytes(cipher.update(chunk), cipher.final(), cipher.getAuthTag())
  }
  const source = inPieces(plain, chunkBytes)
  let held = (await source.next()).value ?? new Uint8Array()
  for await (const next of source) {
    yield seal(held, false)
    held = next
  }
  yield seal(held, true)
}

/**
 * @throws {MuttrError} `RECOVERY_WRONG` when the secret is of another stream; `BACKUP_INVALID` for what is no such stream, damaged, or cut short
 */
export async function* openStream(
  secret: Uint8Array,
  sealed: AsyncIterable<Uint8Array>,
  kind: StreamKind = 'backup'
): AsyncGenerator<Uint8Array> {
  const magic = magics[kind]
  const headBytes = magic.byteLength + saltBytes + checkBytes
  // The head of the stream, then pieces of the size of a sealed chunk; the last may be shorter.
  const source = inPieces(sealed, chunkBytes + tagBytes, headBytes)
  const head = (await source.next()).value ?? new Uint8Array()
  if (head.byteLength !== headBytes || !equalBytes(head.subarray(0, magic.byteLength), magic))
    throw new MuttrError('BACKUP_INVALID', 'the file is no backup of Muttr')
  const { key, check } = derive(secret, head.subarray(magic.byteLength, -checkBytes), kind)
  if (!equalBytes(check, head.subarray(-checkBytes)))
    throw new MuttrError('RECOVERY_WRONG', 'the words do not open this backup')
  let number = 0
  const open = (chunk: Uint8Array, isLast: boolean): Uint8Array => {
    try {
      const decipher = createDecipheriv('aes-256-gcm', key, nonceOf(number++, isLast))
      decipher.setAuthTag(chunk.subarray(-tagBytes))
      return concatBytes(decipher.update(chunk.subarray(0, -tagBytes)), decipher.final())
    } catch (cause) {
      throw new MuttrError('BACKUP_INVALID', 'the backup is damaged or cut short', { cause })
    }
  }
  let held: Uint8Array | undefined
  for await (const next of source) {
    if (held) yield open(held, false)
    held = next
  }
  yield open(held ?? new Uint8Array(), true)
}

/** @param first bytes of the first piece. No piece is empty. */
async function* inPieces(
  source: AsyncIterable<Uint8Array>,
  size: number,
  first = size
): AsyncGenerator<Uint8Array> {
  let wanted = first
  let waiting: Uint8Array[] = []
  let bytes = 0
  for await (const part of source) {
    waiting.push(part)
    bytes += part.byteLength
    if (bytes < wanted) continue
    let all = concatBytes(...waiting)
    for (; all.byteLength >= wanted; wanted = size) {
      yield all.subarray(0, wanted)
      all = all.subarray(wanted)
    }
    waiting = [all]
    bytes = all.byteLength
  }
  if (bytes > 0) yield concatBytes(...waiting)
}
