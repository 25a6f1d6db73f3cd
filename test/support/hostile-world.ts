import type { Contact } from '../../src/base/ports.ts'
import { placeOfKey } from '../../src/routing/distance.ts'
import type { DhtParameters } from '../../src/seed/core.ts'
import { hostileMethods, makeHostile } from '../../src/sim/hostile.ts'
import { mintedPlace, sharedPlaces } from '../../src/sim/keys.ts'
import type { VirtualNetwork } from '../../src/sim/network.ts'
import type { Behaviour } from '../../src/sim/scenario-foes.ts'
import { know, pastsOf } from '../../src/worlds/full/past.ts'
import type { SimSeed } from './sim-seeds.ts'
import { addSeed, simBlob, simNetwork } from './sim-seeds.ts'

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
  readonly #places = sharedPlaces()
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

  /** `count` hostile nodes whose places are the nearest to `key` that there are, known to everybody whose table has room. */
  eclipse(key: Uint8Array, count = 20): void {
    const target = placeOfKey(key)
    const added = Array.from({ length: count }, () => {
      const made = addSeed(this.sim, this.#parts())
      this.#places.mint(made.node.self, mintedPlace(target, this.sim.random.bytes(32)))
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
    return { reach: 'dial' as const, parameters: this.#o.parameters, placeOf: this.#places.placeOf }
  }

  #populate(): void {
    const { nodes, hostile, askers, behaviour } = this.#o
    const bad = Math.round(nodes * hostile)
    for (let i = 0; i < nodes; i++)
      (i < bad ? this.hostile : this.honest).push(addSeed(this.sim, this.#parts()))
    this.askers.push(...this.honest.slice(0, askers))
    const all = [...this.honest, ...this.hostile]
    const contacts = all.map(({ node }) => ({ contact: node.contact(), isServer: true }))
    const pasts = pastsOf(contacts, {
      parameters: { k: bucketMax, replicas: 8, sweepHours: 6 },
      adversaries: { behaviour },
      placeOf: this.#places.placeOf,
      dice: this.sim.world.dice('tables')
    })
    let i = 0
    for (const { known } of pasts) know(all[i++]!.seed.table, known, this.sim.clock.now())
    this.#corrupt(this.hostile, behaviour)
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
      const honest = Object.fromEntries(
        hostileMethods.map(method => [method, node.handler(method)])
      )
      const serve = node.serve.bind(node)
      const { clock } = this.sim
      const shared = { keys, clock, placeOf: this.#places.placeOf, serve, honest }
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
