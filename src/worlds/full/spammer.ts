import type { Millis, PlaceOf, Stamper, StampOptions } from '../../base/ports.ts'
import { compareDistance, placeOfKey } from '../../routing/distance.ts'
import type { SeedNode } from '../../seed/seed.ts'
import type { Dice } from '../../sim/dice.ts'
import type { VirtualNetwork } from '../../sim/network.ts'
import { silentLog } from '../../sim/network.ts'
import type { VirtualNode } from '../../sim/node.ts'
import type { Scenario } from '../../sim/scenario.ts'
import { instantStamper, standInNumber } from '../../sim/stamper.ts'
import type { World } from '../../sim/world.ts'
import { memoryStore } from '../../store/memory.ts'
import type { Blob } from '../../wire/blob.ts'
import { expiryAt, makeBlob } from '../../wire/blob.ts'
import { issuedAt, stampPrice } from '../../wire/stamp.ts'
import type { CreateSeed } from '../runs/variant.ts'
import { defences } from './defences.ts'
import type { Population } from './population.ts'

const minuteMs: Millis = 60_000
const hourMs: Millis = 60 * minuteMs
/** Puts under way at a time. */
const atOnce = 4
/** After a put that failed. */
const pauseMs: Millis = minuteMs
/** The longest that it works for one blob. */
const stampMsMax: Millis = 15 * minuteMs
/** A stamp of this age counts as shown again by repair. */
const datedMs: Millis = 3 * hourMs
/** Whom it asks to be shown around. */
const bootstraps = 5

export type SpamOf = NonNullable<Scenario['workload']['spam']>

interface Parts {
  world: World
  scenario: Scenario
  net: VirtualNetwork
  placeOf: PlaceOf
  population: Population
  createSeed: CreateSeed
  spam: SpamOf
  dice: Dice
}

/** What a spammer put, or tried to. */
export interface Spammed {
  readonly key: Uint8Array
  readonly expiryMs: Millis
}

/** One machine that puts as fast as its hashes allow, through the seed that ships. */
export class Spammer {
  /** Expected ones, of all stamps that were begun. */
  hashes = 0
  stored = 0
  failed = 0
  /** A failed put may have left copies too. */
  readonly tried: Spammed[] = []
  readonly #p: Parts
  readonly #node: VirtualNode
  readonly #seed: SeedNode
  readonly #hashesPerMs: number
  readonly #inner = instantStamper()
  #last: Promise<unknown> = Promise.resolve()

  constructor(parts: Parts) {
    const { world, net, createSeed, scenario, spam, dice, placeOf } = parts
    this.#p = parts
    this.#hashesPerMs = spam.workPerHour / spam.nodes / hourMs
    this.#node = net.add({ server: false })
    const { replicas, quorum, k, alpha, reach, defences: left } = scenario.parameters
    this.#seed = createSeed({
      ...{ network: this.#node, keys: this.#node.keys, clock: world.clock, random: dice },
      ...{ store: memoryStore(), log: silentLog, placeOf, stamper: this.#stamper(), reach },
      mode: 'client',
      stampNumber: standInNumber,
      parameters: { replicas, quorum, k, alpha, ...defences[left] }
    })
  }

  async begin(): Promise<void> {
    const { population, dice } = this.#p
    const members = Array.from({ length: bootstraps }, () => population.any(dice))
    const contacts = members.flatMap(member => (member?.isServer ? [member.node.contact()] : []))
    await this.#seed.join(contacts)
    for (let i = 0; i < atOnce; i++) void this.#spam()
  }

  async #spam(): Promise<void> {
    for (;;) if (!(await this.#put())) await this.#pause(pauseMs)
  }

  #pause(ms: Millis): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#p.world.after(ms, resolve)
    return promise
  }

  /** One stamp after the other, each as long as it takes in the mean. */
  #stamper(): Stamper {
    return {
      make: (job, options) => {
        const turn = this.#last.then(() => this.#make(job, options))
        this.#last = turn.catch(() => undefined)
        return turn
      }
    }
  }

  async #make(job: Parameters<Stamper['make']>[0], { signal }: StampOptions = {}) {
    signal?.throwIfAborted()
    const hashes = Math.ceil(stampPrice(job) * job.factor)
    this.hashes += hashes
    await this.#pause(hashes / this.#hashesPerMs)
    signal?.throwIfAborted()
    return this.#inner.make(job)
  }

  async #put(): Promise<boolean> {
    const { world, spam } = this.#p
    const isDated = spam.stamps === 'dated'
    const blob = this.#draw(isDated)
    const { expiryMs, lengthBytes } = blob.header
    this.tried.push({ key: blob.key, expiryMs })
    const issuedMs = issuedAt(world.nowMs - (isDated ? datedMs : 0))
    const job = { key: blob.key, lengthBytes, expiryMs, issuedMs }
    const most = Math.floor((stampMsMax * this.#hashesPerMs) / stampPrice(job))
    try {
      if (isDated) {
        const stamp = await this.#stamper().make({ ...job, factor: 1 })
        // As who repairs shows it: nothing is computed for the put itself.
        await this.#seed.dht.put(Object.assign(blob, { stamp }), { factorMax: 1 })
      } else await this.#seed.dht.put(blob, { factorMax: Math.max(1, most) })
    } catch {
      this.failed += 1
      world.note('spam failed', this.#node.index)
      return false
    }
    this.stored += 1
    world.note('spam', this.#node.index)
    return true
  }

  /** @param isNear its key is among those that this node may pretend to repair. */
  #draw(isNear: boolean): Blob {
    const { world, spam, dice } = this.#p
    const sealed = dice.bytes(spam.sizeBytes)
    const expiryMs = expiryAt(world.nowMs + spam.lifeHours * hourMs)
    for (;;) {
      const blob = makeBlob(sealed, { expiryMs, retract: dice.bytes(32), accept: null })
      if (!isNear || this.#isNear(blob.key)) return blob
    }
  }

  #isNear(key: Uint8Array): boolean {
    const { placeOf, scenario } = this.#p
    const place = placeOfKey(key)
    const many = 2 * scenario.parameters.replicas
    const near = this.#seed.table.nearest(place, many)
    const last = near.at(-1)
    if (!last || near.length < many) return true
    return compareDistance(place, placeOf(this.#node.self), placeOf(last.peer)) <= 0
  }
}
