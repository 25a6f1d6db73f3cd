import type { Millis } from '../base/ports.ts'
import { bytes, decodeCbor, encodeCbor, mapped, tuple, uint } from './cbor.ts'

/** Label of a receipt's signature. */
export const receiptLabel = 'muttr receipt 1'

/** What a recipient signs who opened a letter: under which key it lay, which letter it was, when. Source: docs/protocol/proof.md#receipts */
export interface Acceptance {
  /** The blob's. 32 bytes. */
  readonly key: Uint8Array
  /** The letter's id. 32 bytes. */
  readonly letter: Uint8Array
  readonly atMs: Millis
}

const acceptance = mapped(
  tuple(bytes(32), bytes(32), uint()),
  ([key, letter, atMs]): Acceptance => ({ key, letter, atMs })
)
const acceptanceBytesMax = 128

export const encodeAcceptance = (a: Acceptance): Uint8Array => encodeCbor([a.key, a.letter, a.atMs])

/** @throws {MuttrError} `WIRE_MALFORMED` or `WIRE_TOO_LARGE`, and nothing else. */
export const decodeAcceptance = (frame: Uint8Array): Acceptance =>
  decodeCbor(frame, 'a receipt', acceptance, acceptanceBytesMax)
