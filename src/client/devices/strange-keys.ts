import { utf8 } from '../../base/bytes.ts'
import type { Clock, Millis } from '../../base/ports.ts'
import type { State } from '../../store/state.ts'
import { putRow, sortableTime } from '../table.ts'

interface StrangeKeysParts {
  state: State
  clock: Clock
  /** Nothing of what other devices told waits to be opened. */
  isCaughtUp: () => boolean
}

/** When a key or subkey was seen first that is not here. */
const table = 'sync-strange'
const waitMs: Millis = 2 * 24 * 3_600_000

/**
 * Whether a key or subkey that a pod shows, and that is not here, may be of another device of ours: its word comes before, so only as long as
 * something waits to be opened, and not for ever.
 */
export const createStrangeKeys =
  ({ state, clock, isCaughtUp }: StrangeKeysParts) =>
  async (fingerprint: string): Promise<boolean> => {
    if (isCaughtUp()) return false
    const seen = await state.get(table, fingerprint)
    if (!seen) await state.write([putRow(table, fingerprint, utf8(sortableTime(clock.now())))])
    const sinceMs = seen ? Number.parseInt(Buffer.from(seen).toString(), 16) : clock.now()
    return sinceMs + waitMs > clock.now()
  }
