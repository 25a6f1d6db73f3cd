import { sha256 } from '../../src/base/bytes.ts'
import type { Millis } from '../../src/base/ports.ts'
import { compareDistance, placeOfKey } from '../../src/routing/distance.ts'
import type { RepairParameters } from '../../src/seed/repair.ts'
import { createSeedNode } from '../../src/seed/seed.ts'
import { simPlaceOf } from '../../src/sim/keys.ts'
import type { VirtualNetwork } from '../../src/sim/network.ts'
import { silentLog } from '../../src/sim/network.ts'
import type { StampedBlob } from '../../src/wire/blob.ts'
import { expiryAt, makeBlob } from '../../src/wire/blob.ts'
import { encodeTombstone } from '../../src/wire/tombstone.ts'
import type { SimSeed, SimSeedParts } from './sim-seeds.ts'
import { addSeed, simSeeds } from './sim-seeds.ts'
import { inlineStamper, stamped } from './stamps.ts'

export const secondMs: Millis = 1_000
export const minuteMs: Millis = 60 * secondMs
export const hourMs: Millis = 60 * minuteMs
export const replicas = 8

/** Repair that is done in minutes. */
export const quick: Partial<RepairParameters> = {
  sweepMs: 20 * minuteMs,
  debounceMs: 5 * secondMs,
  standInMs: 20 * secondMs,
  settledMs: 2 * minuteMs,
  graceMs: 30 * minuteMs
}

/** With what its sender can retract it by. */
export interface Letter {
  readonly blob: StampedBlob
  readonly tombstone: Uint8Array
}

/** A network of seeds, and blobs put where they belong by somebody who is gone since. */
export class RepairSim {
  readonly sim: VirtualNetwork
  readonly seeds: SimSeed[]
  readonly letters: Letter[] = []
  readonly #parts: SimSeedParts

  private constructor(sim: VirtualNetwork, seeds: SimSeed[], parts: SimSeedParts) {
    this.sim = sim
    this.seeds = seeds
    this.#parts = parts
  }

  static async make(
    count: number,
    o: { seed: number; repair?: Partial<RepairParameters> | null; deaths?: 'silent' | 'refused' }
  ): Promise<RepairSim> {
    const { repair = quick, deaths = 'refused', seed } = o
    const parts: SimSeedParts = { repair, reach: 'dial' }
    const { sim, seeds } = await simSeeds(count, { ...parts, seed, deaths })
    return new RepairSim(sim, seeds, parts)
  }

  get alive(): SimSeed[] {
    return this.seeds.filter(({ node }) => node.alive)
  }

  /** A blob with a known secret, not stored anywhere. */
  write(lengthBytes = 1_024, lifeMs = 30 * 24 * hourMs): Letter {
    const { sim } = this
    const retract = sim.random.bytes(32)
    const expiryMs = expiryAt(sim.clock.now() + lifeMs)
    const made = makeBlob(sim.random.bytes(lengthBytes), {
      expiryMs,
      retract: sha256(retract),
      accept: null
    })
    const blob = stamped(made, sim.clock.now())
    const { headerBytes } = blob
    const letter = {
      blob,
      tombstone: encodeTombstone({ headerBytes, retract, accept: null, receipt: null })
    }
    this.letters.push(letter)
    return letter
  }

  /** Stores `count` blobs with the R nearest of each. */
  async store(count: number, lengthBytes = 1_024): Promise<void> {
    for (let i = 0; i < count; i++) {
      const { blob } = this.write(lengthBytes)
      for (const { store } of this.nearest(blob.key)) await store.putBlob(blob)
    }
  }

  async release({ blob, tombstone }: Letter, seeds: readonly SimSeed[]): Promise<void> {
    for (const { store } of seeds)
      await store.putTombstone(blob.key, tombstone, blob.header.expiryMs)
  }

  /** By brute force over all that live. */
  nearest(key: Uint8Array, count = replicas): SimSeed[] {
    const place = placeOfKey(key)
    return this.alive
      .map(seed => ({ seed, at: simPlaceOf(seed.node.self) }))
      .sort((a, b) => compareDistance(place, a.at, b.at))
      .slice(0, count)
      .map(({ seed }) => seed)
  }

  async holders(key: Uint8Array, what: 'blob' | 'tombstone' = 'blob'): Promise<SimSeed[]> {
    const out: SimSeed[] = []
    for (const seed of this.alive)
      if ((await seed.store.holding([key], this.sim.clock.now()))[0] === what) out.push(seed)
    return out
  }

  /** Copies of each blob with those it belongs to, ascending. */
  async copies(): Promise<number[]> {
    const out: number[] = []
    for (const { blob } of this.letters) {
      const near = this.nearest(blob.key)
      out.push((await this.holders(blob.key)).filter(seed => near.includes(seed)).length)
    }
    return out.sort((a, b) => a - b)
  }

  /** Kills the oldest at once and starts as many new ones. */
  async replaceOldest(share: number): Promise<void> {
    const dying = this.alive.slice(0, Math.round(this.alive.length * share))
    for (const seed of dying) await this.kill(seed)
    for (const _ of dying) await this.start()
  }

  async kill({ node, seed }: SimSeed): Promise<void> {
    node.kill()
    await seed[Symbol.asyncDispose]()
  }

  async start(): Promise<SimSeed> {
    const born = addSeed(this.sim, this.#parts)
    const known = this.alive.slice(0, 3).map(({ node }) => node.contact())
    this.seeds.push(born)
    await this.sim.run(born.seed.join(known))
    return born
  }

  /** A seed that was killed starts again, with the store it had. */
  async comeBack({ node, store }: SimSeed): Promise<SimSeed> {
    const { clock, random } = this.sim
    node.alive = true
    const seed = createSeedNode({
      network: node,
      clock,
      random,
      log: silentLog,
      keys: node.keys,
      store,
      placeOf: simPlaceOf,
      stamper: inlineStamper(),
      mode: 'server',
      ...this.#parts
    })
    const known = this.alive.filter(s => s.node !== node).slice(0, 3)
    const back = { node, store, seed }
    this.seeds[this.seeds.findIndex(s => s.node === node)] = back
    await this.sim.run(seed.join(known.map(s => s.node.contact())))
    return back
  }

  /** Every seed goes through what it holds, one after the other. */
  async sweep(seeds: readonly SimSeed[] = this.alive): Promise<void> {
    for (const { seed } of seeds) await this.sim.run(seed.repair.sweep())
  }
}
