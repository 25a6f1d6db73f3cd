import { randomBytes } from 'node:crypto'
import type { Random } from '../base/ports.ts'

/** The machine's own dice. */
export const systemRandom: Random = {
  // Not out of Buffer's pool: what is given away must not share memory with anything.
  bytes: length => new Uint8Array(randomBytes(length))
}
