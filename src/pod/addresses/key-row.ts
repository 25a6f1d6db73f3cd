import { limits } from '../../base/limits.ts'
import { bytes, literal, text, tuple } from '../../wire/cbor.ts'
import type { Row } from '../rows.ts'
import { row } from '../rows.ts'

/** Of an address that a key has. */
interface KeyRow {
  /** Ed25519, 32 bytes. */
  readonly key: Uint8Array
  /** The pod whose token paid first. */
  readonly issuer: string
}
export const keyRow: Row<KeyRow> = row(
  'an address of a key',
  tuple(literal(1), bytes(32), text(limits.hostnameCharsMax, 1)),
  ([, key, issuer]) => ({ key, issuer }),
  r => [1, r.key, r.issuer]
)
