import { fromHex, sha256, utf8 } from '../base/bytes.ts'
import { wordsOf } from './mnemonic.ts'

const label = utf8('muttr verification 1\0')

/**
 * Twelve words that two people read to each other: the same on both sides exactly when each has the other's key. The first 128 bits of
 * SHA-256 over the label and both pins, the lower first. Source: docs/protocol/keys.md#comparing-keys
 * @param pins SHA-256 of a primary key packet, 64 hex characters each; in any order
 */
export function verificationWords(...pins: [ours: string, theirs: string]): string[] {
  const [low, high] = pins.toSorted().map(pin => fromHex(pin, 32))
  if (!low || !high) throw new TypeError('a pin is 64 hex characters')
  return wordsOf(sha256(label, low, high).slice(0, 16))
}
