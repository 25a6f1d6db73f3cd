import type { Millis } from '../../base/ports.ts'
import type { Dice } from '../dice.ts'
import { dialRoundTrips } from '../latency.ts'
import type { Lines } from './lines.ts'
import type { Places } from './places.ts'
import type { Reach } from './reach.ts'
import type { WideTables } from './tables.ts'

export interface TripParts {
  places: Places
  tables: WideTables
  reach: Reach
  /** One way. */
  latencyOf(from: number, to: number): Millis
  /** Of messages. */
  loss: number
  dice: Dice
  /** Of who is connected to whom. */
  linkDice: Dice
  parameters: { connections: number }
  /** Of those whose connections are known one by one. */
  lines?: Pick<Lines, 'isConnected'>
}

/** What becomes of a request on its way. */
export class Trips {
  readonly #p: TripParts

  constructor(parts: TripParts) {
    this.#p = parts
  }

  /** Whether there is somebody who can be dialled. */
  reaches(from: number, to: number): boolean {
    return this.#p.reach.of(from)[to] === 1
  }

  /** From a request to its answer; undefined where either is lost or nobody is there. */
  timeMs(from: number, to: number, isConnected = this.#isConnected(from, to)): Millis | undefined {
    const { latencyOf, loss, dice } = this.#p
    const isLost = loss > 0 && (dice.next() < loss || dice.next() < loss)
    if (!this.reaches(from, to) || isLost) return undefined
    const tripMs = latencyOf(from, to) + latencyOf(to, from)
    return isConnected ? tripMs : (1 + dialRoundTrips) * tripMs
  }

  /**
   * With near ones always, and with everybody where they are no more than the connections that are kept. Of what is left of these half are
   * with random ones of the table, the others from whoever dialled.
   */
  #isConnected(from: number, to: number): boolean {
    const { tables, places, reach, linkDice, parameters, lines } = this.#p
    const isKnown = lines?.isConnected(from, to)
    if (isKnown !== undefined) return isKnown
    if (reach.seedCount - 1 <= parameters.connections) return true
    if (places.shared(from, to) >= tables.shape.far) return true
    const left = parameters.connections - tables.nearCount(from)
    return linkDice.next() * 2 * tables.farSize < left
  }
}
