import type { Contact, PeerId, Place, PlaceOf } from '../../src/base/ports.ts'
import { placeOfKey } from '../../src/routing/distance.ts'
import type { DhtParameters } from '../../src/seed/core.ts'
import { simPlaceOf } from '../../src/sim/keys.ts'
import type { VirtualNetwork } from '../../src/sim/network.ts'
import type { Behaviour } from './hostile.ts'
import { makeHostile } from './hostile.ts'
import type { SimSeed } from './sim-seeds.ts'
import { addSeed, simBlob, simNetwork } from './sim-seeds.ts'

/** As it was before there were any defences: Kademlia's own lookup, and copies at the R nearest only. */
export const undefended: Partial<DhtParameters> = { paths: 1, regionShare: 0 }

export interface HostileWorldOptions {
  nodes: number
  /** Of all nodes, 0 to 1. */
  hostile: number
  behaviour: Behaviour
  /** Honest nodes that put and get; they joined by themselves, among liars. The others only answer. */
  askers?: number
  seed?: number
  parameters?: Partial<DhtParameters>
}

export interface Outcome {
  /** Of all letters: stored, as far as the writer could tell; then fetched by another. */
  stored: number
  found: number
  /** Requests of one put and of one get, whatever came of them, on the average. */
  putRequests: number
  getRequests: number
  /** Virtual time of each get. */
  getMs: number[]
}

const bucketMax = 20
const inventedCount = 2_000

/** A network of shipped seeds, after long running: every table is full, and a share of all nodes is hostile. */
export class HostileWorld {
  readonly sim: VirtualNetwork
  readonly askers: SimSeed[] = []
  readonly honest: SimSeed[] = []
  readonly hostile: SimSeed[] = []
  /** Places of ids that somebody minted; all others are where their hash is. */
  readonly #minted = new Map<PeerId, Place>()
  readonly #places = new Map<PeerId, Place>()
  readonly #o: Required<HostileWorldOptions>

  private constructor(options: HostileWorldOptions) {
    this.#o = { askers: 12, seed: 1, parameters: {}, ...options }
    this.sim = simNetwork({ seed: this.#o.seed, connectionsMax: 60 })
  }

  static async make(options: HostileWorldOptions): Promise<HostileWorld> {
    const world = new HostileWorld(options)
    world.#populate()
    await world.#joinAskers()
    return world
  }

  readonly placeOf: PlaceOf = peer => {
    const known = this.#minted.get(peer) ?? this.#places.get(peer)
    if (known) return known
    const place = simPlaceOf(peer)
    this.#places.set(peer, place)
    return place
  }

  /** `count` hostile nodes whose places are the nearest to `key` that there are, known to everybody whose table has room. */
  eclipse(key: Uint8Array, count = 20): void {
    const target = placeOfKey(key)
    const added = Array.from({ length: count }, (_, i) => {
      const made = addSeed(this.sim, { ...this.#parts(), placeOf: this.placeOf })
      const place = Uint8Array.from(this.sim.random.bytes(32))
      place.set(target.subarray(0, 4))
      place[4] = target[4]! ^ i
      this.#minted.set(made.node.self, place)
      return made
    })
    this.#corrupt(added, 'steer')
    const minted = added.map(({ node }) => node.contact())
    for (const { seed } of this.honest)
      for (const contact of minted) seed.table.answered(contact, this.sim.clock.now())
  }

  /** Puts and gets letters, one after the other, each by two other people. */
  async letters(count: number): Promise<Outcome> {
    const out: Outcome = { stored: 0, found: 0, putRequests: 0, getRequests: 0, getMs: [] }
    for (let i = 0; i < count; i++) {
      const writer = this.askers[i % this.askers.length]!
      const reader = this.askers[(i + 1 + (i % 5)) % this.askers.length]!
      const blob = simBlob(this.sim)
      const one = await this.letter(blob, { writer, reader })
      out.stored += Number(one.stored) / count
      out.found += Number(one.found) / count
      out.putRequests += one.putRequests / count
      out.getRequests += one.getRequests / count
      out.getMs.push(one.getMs)
    }
    return out
  }

  async letter(blob: ReturnType<typeof simBlob>, o: { writer: SimSeed; reader: SimSeed }) {
    const put = await this.#measured(o.writer, async () => {
      const { settled } = await o.writer.seed.dht.put(blob)
      await settled
    })
    const startMs = this.sim.clock.now()
    const get = await this.#measured(o.reader, () => o.reader.seed.dht.get(blob.key))
    const getMs = this.sim.clock.now() - startMs
    const putRequests = put.requests
    return { stored: put.done, found: get.done, putRequests, getRequests: get.requests, getMs }
  }

  async #measured(by: SimSeed, work: () => Promise<unknown>) {
    const sent = () =>
      ['put', 'get', 'find-node'].reduce((sum, method) => sum + (by.node.sent.get(method) ?? 0), 0)
    const before = sent()
    const done = await this.sim.run(
      work().then(
        () => true,
        () => false
      )
    )
    return { done, requests: sent() - before }
  }

  #parts() {
    return { reach: 'dial' as const, parameters: this.#o.parameters, placeOf: this.placeOf }
  }

  #populate(): void {
    const { nodes, hostile, askers, behaviour } = this.#o
    const bad = Math.round(nodes * hostile)
    for (let i = 0; i < nodes; i++)
      (i < bad ? this.hostile : this.honest).push(addSeed(this.sim, this.#parts()))
    this.askers.push(...this.honest.slice(0, askers))
    const all = [...this.honest, ...this.hostile]
    const sorted = all
      .map(({ node }) => ({ contact: node.contact(), place: this.placeOf(node.self) }))
      .sort((a, b) => Buffer.compare(a.place, b.place))
    const filled = behaviour === 'drop' || behaviour === 'slow' ? all : this.honest
    for (const seed of filled) this.#fill(seed, sorted)
    this.#corrupt(this.hostile, behaviour)
  }

  /** Each bucket a random choice of its peers. */
  #fill({ seed }: SimSeed, sorted: { contact: Contact; place: Place }[]): void {
    const own = seed.table.place
    let [low, high] = [0, sorted.length]
    for (let bit = 0; high - low > 1 && bit < 256; bit++) {
      const isSet = (i: number) => (sorted[i]!.place[bit >> 3]! >> (7 - (bit & 7))) & 1
      let [middle, end] = [low, high]
      while (middle < end) {
        const half = (middle + end) >> 1
        if (isSet(half)) end = half
        else middle = half + 1
      }
      const isHigh = (own[bit >> 3]! >> (7 - (bit & 7))) & 1
      const [from, to] = isHigh ? [low, middle] : [middle, high]
      const chosen = new Set<number>()
      while (chosen.size < Math.min(bucketMax, to - from))
        chosen.add(from + Math.floor(this.sim.world.dice('test').next() * (to - from)))
      for (const i of chosen) seed.table.answered(sorted[i]!.contact, this.sim.clock.now())
      ;[low, high] = isHigh ? [middle, high] : [low, middle]
    }
  }

  #corrupt(seeds: readonly SimSeed[], behaviour: Behaviour): void {
    const accomplices = seeds.map(({ node }) => node.contact())
    const dead = (count: number): Contact[] =>
      Array.from({ length: count }, () => {
        const node = this.sim.add()
        node.kill()
        return node.contact()
      })
    const gone = behaviour === 'stale' ? dead(Math.ceil(this.#o.nodes / 10)) : []
    const invented = behaviour === 'flood' && seeds.length > 0 ? dead(inventedCount) : []
    for (const { node } of seeds) {
      const { keys } = node
      const methods = ['find-node', 'get', 'put']
      const honest = Object.fromEntries(methods.map(method => [method, node.handler(method)]))
      const serve = node.serve.bind(node)
      const { clock } = this.sim
      const shared = { keys, clock, placeOf: this.placeOf, serve, honest }
      makeHostile(behaviour, { ...shared, accomplices, gone, invented })
    }
  }

  /** They look around as anybody does who has just started, and find out how large the network is. */
  async #joinAskers(): Promise<void> {
    const { honest, sim } = this
    for (const [i, asker] of this.askers.entries()) {
      const at = honest[(i * 7 + 3) % honest.length]!
      if (at !== asker) await sim.run(asker.seed.join([at.node.contact()]))
    }
    await sim.pass(5_000)
  }
}
