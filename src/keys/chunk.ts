import { concatBytes, utf8 } from '../base/bytes.ts'
import { MuttrError } from '../base/errors.ts'
import type { ChunkPlace } from '../wire/attachment.ts'

/** The chunks of one file: AES-256-GCM by WebCrypto, which computes beside everything else. Source: docs/protocol/attachment.md#a-chunk */
export interface ChunkCipher {
  /**
   * @param content `place.contentBytes` long; padded here.
   * @param nonce 12 random bytes, never twice under one key: what is sealed anew may have changed.
   * @returns `place.sealedBytes` bytes.
   */
  seal(place: ChunkPlace, content: Uint8Array, nonce: Uint8Array): Promise<Uint8Array>
  /** @throws {MuttrError} `ATTACHMENT_INVALID` for anything that was not sealed for this place of this file. */
  open(place: ChunkPlace, sealed: Uint8Array): Promise<Uint8Array>
}

const label = utf8('muttr chunk 1')
const nonceBytes = 12
const tagBytes = 16

/** Binds a chunk to its place in its file. */
function boundTo({ level, index }: ChunkPlace): Uint8Array<ArrayBuffer> {
  const place = new Uint8Array(9)
  const view = new DataView(place.buffer)
  view.setUint8(0, level)
  view.setBigUint64(1, BigInt(index))
  return new Uint8Array(concatBytes(label, place))
}

/** WebCrypto takes no view that might be shared between threads. */
const own = (bytes: Uint8Array): Uint8Array<ArrayBuffer> => bytes as Uint8Array<ArrayBuffer>

/** @param fileKey 32 random bytes, of one file alone. */
export async function chunkCipher(fileKey: Uint8Array): Promise<ChunkCipher> {
  const { subtle } = globalThis.crypto
  const name = 'AES-GCM'
  const key = await subtle.importKey('raw', own(fileKey), name, false, ['encrypt', 'decrypt'])
  const how = (place: ChunkPlace, iv: Uint8Array) => ({
    name,
    iv: own(iv),
    additionalData: boundTo(place)
  })
  return {
    async seal(place, content, nonce) {
      if (content.byteLength !== place.contentBytes)
        throw new TypeError(`a chunk of ${content.byteLength} bytes`)
      const padded = new Uint8Array(place.sealedBytes - nonceBytes - tagBytes)
      padded.set(content)
      const sealed = await subtle.encrypt(how(place, nonce), key, padded)
      return concatBytes(nonce, new Uint8Array(sealed))
    },
    async open(place, sealed) {
      if (sealed.byteLength !== place.sealedBytes)
        throw new MuttrError('ATTACHMENT_INVALID', `a chunk of ${sealed.byteLength} bytes`)
      const [nonce, rest] = [sealed.subarray(0, nonceBytes), sealed.subarray(nonceBytes)]
      const padded = await subtle.decrypt(how(place, nonce), key, own(rest)).catch(cause => {
        throw new MuttrError('ATTACHMENT_INVALID', 'a chunk of something else', { cause })
      })
      const opened = new Uint8Array(padded)
      if (opened.subarray(place.contentBytes).some(byte => byte !== 0))
        throw new MuttrError('ATTACHMENT_INVALID', 'a chunk that holds more than it says')
      return opened.subarray(0, place.contentBytes)
    }
  }
}
