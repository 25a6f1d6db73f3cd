import type { Millis } from '../../base/ports.ts'
import type { Dice } from '../dice.ts'
import { floodParts, goneIn, inventedIn, slowMs } from '../hostile.ts'
import type { Scenario } from '../scenario.ts'
import type { Behaviour } from '../scenario-foes.ts'
import type { Places } from './places.ts'
import { Shortlist } from './places.ts'

/** Named at a time, at most. */
const namedMax = 20

/** Of those that were never there, or are gone: places that one lookup can be told of. */
export const inventedMax = floodParts * namedMax

/**
 * Those who keep to no rule: `makeHostile` of src/sim/hostile.ts in compact form. Whom they invent are not nodes: of so many as there are
 * the nearest to a lookup's target are drawn anew for each lookup, and stand behind all places until the next one.
 */
export class Foes {
  /** Of those that are there: hostile ones, or who will be. */
  count = 0
  readonly #places: Places
  readonly #dice: Dice
  readonly #nodes: number
  readonly #behaviour: Exclude<Behaviour, 'eclipse'> | undefined
  /** By node: 1 for who is one of them. */
  readonly #enlisted: Uint8Array
  /** By node: how often a flood was asked. */
  readonly #asked: Uint8Array
  readonly #short: Shortlist
  /** By part of all that is invented: what of it this lookup was told. */
  readonly #told = new Uint8Array(floodParts)
  #isOn: boolean

  constructor(o: { scenario: Scenario; places: Places; dice: Dice }) {
    const { adversaries, nodes } = o.scenario
    const length = adversaries ? o.places.length : 0
    this.#places = o.places
    this.#dice = o.dice
    this.#nodes = nodes
    this.#behaviour =
      adversaries && adversaries.behaviour !== 'eclipse' ? adversaries.behaviour : undefined
    this.#enlisted = new Uint8Array(length)
    this.#asked = new Uint8Array(length)
    this.#short = new Shortlist(o.places, namedMax + 1)
    this.#isOn = adversaries?.fromHour === null
  }

  static bytesPerNode = 2

  /** Whether it is one of them, hostile already or not. */
  has(node: number): boolean {
    return this.#enlisted[node] === 1
  }

  /** Whether it is hostile now. */
  isHostile(node: number): boolean {
    return this.#isOn && this.#enlisted[node] === 1
  }

  enlist(node: number): void {
    this.#enlisted[node] = 1
    this.count += 1
  }

  dismiss(node: number): void {
    if (this.#enlisted[node] !== 1) return
    this.#enlisted[node] = 0
    this.count -= 1
  }

  /** From now on they are hostile. @returns who. */
  turn(): number[] {
    this.#isOn = true
    return [...this.#enlisted.keys()].filter(node => this.#enlisted[node] === 1)
  }

  /** By how much its answer is late. */
  delayMs(node: number): Millis {
    return this.#behaviour === 'slow' && this.isHostile(node) ? slowMs : 0
  }

  /** Whether it answers a get with bytes that are no blob's. */
  lies(node: number): boolean {
    return this.#behaviour === 'lie' && this.isHostile(node)
  }

  /** Whether it names others than an honest node does. */
  misleads(node: number): boolean {
    const of = this.#behaviour
    return of !== 'drop' && of !== 'slow' && this.isHostile(node)
  }

  /** A lookup begins, and what was invented before is forgotten. */
  begin(): void {
    this.#told.fill(0)
  }

  /** Whom one that {@link misleads} names. @returns how many there are in `out`. */
  name(node: number, hi: number, lo: number, max: number, out: Uint32Array): number {
    const of = this.#behaviour
    const count = Math.min(max, namedMax)
    if (of === 'stale') return this.#invent(0, goneIn(this.#nodes), hi, lo, count, out)
    if (of === 'flood') {
      const part = this.#asked[node]! % floodParts
      this.#asked[node] = part + 1
      return this.#invent(part, inventedIn(this.#nodes) / floodParts, hi, lo, count, out)
    }
    this.#short.begin(hi, lo, count)
    this.#short.fill(this.#enlisted, node)
    out.set(this.#short.nodes.subarray(0, this.#short.size))
    return this.#short.size
  }

  /** The nearest of `all` ids that were drawn evenly: each is by chance so much farther than the one before. */
  #invent(
    part: number,
    all: number,
    hi: number,
    lo: number,
    max: number,
    out: Uint32Array
  ): number {
    const first = this.#places.length + part * namedMax
    const count = Math.min(max, Math.floor(all))
    for (let share = 0, i = this.#told[part]!; i < count; i++) {
      if (i > 0) share = this.#places.share(first + i - 1, hi, lo)
      share += (1 - share) * (1 - this.#dice.next() ** (1 / (all - i)))
      this.#places.invent(first + i, share, hi, lo)
      this.#told[part] = i + 1
    }
    for (let i = 0; i < count; i++) out[i] = first + i
    return count
  }
}
