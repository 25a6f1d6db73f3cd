import { sha256, toHex, utf8 } from '../../base/bytes.ts'
import type { Millis } from '../../base/ports.ts'
import type { Dice } from '../../sim/dice.ts'
import type { Scenario } from '../../sim/scenario.ts'
import { World } from '../../sim/world.ts'
import { atRandom, drawBlob, evenly } from '../full/arrivals.ts'
import { someOf } from '../full/faults.ts'
import { sampled } from '../full/figures.ts'
import { planLife } from '../full/lives.ts'

const hourMs: Millis = 3_600_000

/** A get of the blob with this number, as puts are counted; left out where that put failed. */
interface Get {
  readonly node: number
  readonly blob: number
}

type Doing =
  | { readonly type: 'come' | 'leave' | 'die'; readonly node: number }
  | {
      readonly type: 'put'
      readonly node: number
      readonly blob: number
      readonly sizeBytes: number
      readonly lifeMs: Millis
    }
  | ({ readonly type: 'get' } & Get)
  /** `place` in hex. */
  | { readonly type: 'lookup'; readonly node: number; readonly place: string }
  | { readonly type: 'row'; readonly atHours: number; readonly gets: readonly Get[] }

/** Something to do, so long after hour zero. */
export type Step = Doing & { readonly atMs: Millis }
type PutStep = Extract<Step, { type: 'put' }>

export interface RealPlan {
  /** Done one after the other or at the same time, before hour zero. */
  readonly first: readonly PutStep[]
  /** By time. */
  readonly steps: readonly Step[]
  /** All nodes that ever live; those that are there from the start come first. */
  readonly nodes: number
  /** Of it all, in hex. */
  readonly hash: string
}

interface Node {
  readonly index: number
}

/** Who does what when: what the scale full draws while it runs, drawn beforehand, so that it depends on scenario and seed alone. */
export async function planReal(scenario: Scenario, seed: number): Promise<RealPlan> {
  const planner = new Planner(scenario, seed)
  return planner.plan()
}

class Planner {
  readonly #scenario: Scenario
  readonly #world: World
  readonly #life: Dice
  readonly #dice: Dice
  readonly #startMs: Millis
  readonly #steps: Step[] = []
  readonly #members = new Set<Node>()
  readonly #online: Node[] = []
  /** Blobs that have not expired, by number. */
  #living: { readonly blob: number; readonly expiryMs: Millis }[] = []
  #made = 0
  #blobs = 0

  constructor(scenario: Scenario, seed: number) {
    this.#scenario = scenario
    this.#world = new World({ seed })
    this.#life = this.#world.dice('life')
    this.#dice = this.#world.dice('workload')
    this.#startMs = this.#world.nowMs
  }

  async plan(): Promise<RealPlan> {
    const { nodes, hours, workload, measure } = this.#scenario
    const world = this.#world
    for (let i = 0; i < nodes; i++) this.#online.push(this.#bear())
    const first = Array.from({ length: workload.blobs }, () => this.#put()).filter(put => !!put)
    for (const node of [...this.#members]) this.#live(node, true)
    atRandom(world, workload.putsPerHour, 'puts', () => this.#add(this.#put()))
    atRandom(world, workload.getsPerHour, 'gets', () => this.#add(this.#get()))
    evenly(world, workload.lookups, hours, () => this.#add(this.#lookup()))
    this.#planFaults()
    for (let row = 1; ; row++) {
      const atHours = Math.min(row * measure.everyHours, hours)
      await world.pass(Math.max(0, this.#startMs + atHours * hourMs - world.nowMs))
      const gets = Array.from({ length: sampled }, () => this.#get()).filter(get => !!get)
      this.#add({ type: 'row', atHours, gets: gets.map(({ node, blob }) => ({ node, blob })) })
      if (atHours === hours) break
    }
    const steps = this.#steps
    const hash = toHex(sha256(utf8(JSON.stringify([this.#scenario, first, steps]))))
    return { first, steps, nodes: this.#made, hash }
  }

  get #atMs(): Millis {
    return this.#world.nowMs - this.#startMs
  }

  #add(doing: Doing | undefined): void {
    if (doing) this.#steps.push({ ...doing, atMs: this.#atMs })
  }

  #any(): Node | undefined {
    return this.#online[this.#dice.below(this.#online.length)]
  }

  #put(): PutStep | undefined {
    const node = this.#any()
    if (!node) return undefined
    const { sizeBytes, lifeMs } = drawBlob(this.#scenario.workload, this.#dice)
    const blob = this.#blobs++
    this.#living.push({ blob, expiryMs: this.#world.nowMs + lifeMs })
    return { type: 'put', atMs: this.#atMs, node: node.index, blob, sizeBytes, lifeMs }
  }

  #get(): (Get & { type: 'get' }) | undefined {
    const { nowMs } = this.#world
    this.#living = this.#living.filter(({ expiryMs }) => expiryMs > nowMs)
    const held = this.#living[this.#dice.below(this.#living.length)]
    const node = this.#any()
    return held && node && { type: 'get', node: node.index, blob: held.blob }
  }

  #lookup(): Doing | undefined {
    const node = this.#any()
    const place = toHex(this.#dice.bytes(32))
    return node && { type: 'lookup', node: node.index, place }
  }

  #bear(): Node {
    const node = { index: this.#made++ }
    this.#members.add(node)
    return node
  }

  #live(node: Node, isOld: boolean): void {
    const { population } = this.#scenario
    planLife({ world: this.#world, zeroMs: this.#startMs, population, dice: this.#life }, isOld, {
      come: () => this.#come(node),
      leave: () => this.#leave(node, 'leave'),
      die: () => this.#die(node, true),
      lives: () => this.#members.has(node)
    })
  }

  #come(node: Node): void {
    if (!this.#members.has(node) || this.#online.includes(node)) return
    this.#online.push(node)
    this.#add({ type: 'come', node: node.index })
  }

  #leave(node: Node, type: 'leave' | 'die'): void {
    const at = this.#online.indexOf(node)
    if (at >= 0) this.#online.splice(at, 1)
    if (at >= 0 || type === 'die') this.#add({ type, node: node.index })
  }

  #die(node: Node, replaced: boolean): void {
    if (!this.#members.delete(node)) return
    this.#leave(node, 'die')
    if (!replaced) return
    const born = this.#bear()
    this.#come(born)
    this.#live(born, false)
  }

  #planFaults(): void {
    const dice = this.#world.dice('faults')
    for (const fault of this.#scenario.faults) {
      if (fault.type !== 'die') continue
      this.#world.after(fault.atHours * hourMs, () => {
        for (const node of someOf([...this.#members], dice, fault)) this.#die(node, fault.replaced)
      })
    }
  }
}
