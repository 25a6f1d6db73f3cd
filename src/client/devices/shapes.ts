import type { Millis, PeerId } from '../../base/ports.ts'

/** A device of the person, as people are shown it. */
export interface OwnDevice {
  /** Hex. */
  key: string
  name: string
  peer: PeerId
  /** This one. */
  own: boolean
  sinceMs: Millis
  /** When the newest was made of what it said and is here; null for this one. */
  heardMs: Millis | null
  revokedMs: Millis | null
  /** How much of what this device had to say it has not yet, as far as it has said. */
  lacks: number
}
