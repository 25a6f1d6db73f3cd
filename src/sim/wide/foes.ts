import type { Millis } from '../../base/ports.ts'
import type { Dice } from '../dice.ts'
import { floodParts, goneIn, inventedIn, slowMs } from '../hostile.ts'
import type { Scenario } from '../scenario.ts'
import type { Behaviour } from '../scenario-foes.ts'
import type { Place64, Places } from './places.ts'
import { Shortlist } from './places.ts'

/** A key, and ids that were minted around it. */
export interface Around {
  readonly target: Place64
  readonly ids: readonly Place64[]
}

/** Keys, and for each so many ids that share its first 32 bits, as `mintedPlace` of src/sim/keys.ts has it. */
export const mintAround = ({ adversaries }: Scenario, dice: Dice): Around[] =>
  adversaries?.behaviour === 'eclipse'
    ? Array.from({ length: adversaries.keys }, () => {
        const target = { hi: dice.below(2 ** 32), lo: dice.below(2 ** 32) }
        const id = () => ({ hi: target.hi, lo: dice.below(2 ** 32) })
        return { target, ids: Array.from({ length: adversaries.minted }, id) }
      })
    : []

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
  /** Of these, how many are minted. */
  mintedCount = 0
  readonly #places: Places
  readonly #dice: Dice
  readonly #nodes: number
  /** Places of keys around which ids are minted, and these. */
  readonly targets: readonly Place64[]
  readonly minted: readonly number[]
  readonly #isMinted: ReadonlySet<number>
  readonly #behaviour: Behaviour | undefined
  /** By node: 1 for who is one of them. */
  readonly #enlisted: Uint8Array
  /** By node: how often a flood was asked. */
  readonly #asked: Uint8Array
  readonly #short: Shortlist
  /** By part of all that is invented: what of it this lookup was told. */
  readonly #told = new Uint8Array(floodParts)
  #isOn: boolean

  /** @param o.around the keys around which somebody minted ids, with these. */
  constructor(o: { scenario: Scenario; places: Places; dice: Dice; around?: readonly Around[] }) {
    const { adversaries, nodes } = o.scenario
    const length = adversaries ? o.places.length : 0
    this.#places = o.places
    this.#dice = o.dice
    this.#nodes = nodes
    // Minted ids steer, and so does whoever is hostile beside them.
    this.#behaviour = adversaries?.behaviour === 'eclipse' ? 'steer' : adversaries?.behaviour
    const { around = [] } = o
    this.targets = around.map(({ target }) => target)
    this.minted = around.flatMap(({ ids }) => ids.map(id => o.places.at(id)))
    this.#isMinted = new Set(this.minted)
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

  /** Whether it is an id that somebody minted, which nobody else can have. */
  isMinted(node: number): boolean {
    return this.#isMinted.has(node)
  }

  enlist(node: number): void {
    this.#enlisted[node] = 1
    this.count += 1
    if (this.isMinted(node)) this.mintedCount += 1
  }

  dismiss(node: number): void {
    if (this.#enlisted[node] !== 1) return
    this.#enlisted[node] = 0
    this.count -= 1
    if (this.isMinted(node)) this.mintedCount -= 1
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

  /** Whether requests wait because of them: those that are late, or never answered. */
  get holdsUp(): boolean {
    return this.#behaviour === 'slow' || this.#behaviour === 'flood'
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

  /** Ids that a flood names; none where there is none. */
  get inventedCount(): number {
    return this.#behaviour === 'flood' ? inventedIn(this.#nodes) : 0
  }

  /** Those that floods named in this lookup. */
  *told(): Generator<number> {
    for (let part = 0; part < floodParts; part++)
      for (let i = 0; i < this.#told[part]!; i++) yield this.#places.length + part * namedMax + i
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
