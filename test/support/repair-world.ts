import assert from 'node:assert/strict'
import { sha256, toHex } from '../../src/base/bytes.ts'
import type { Contact, Millis } from '../../src/base/ports.ts'
import type { Near, Why } from '../../src/replicas/duty.ts'
import { dutyOf } from '../../src/replicas/duty.ts'
import { RepairPlan } from '../../src/replicas/repair.ts'
import type { RepairAction, RepairAnswer } from '../../src/replicas/repair-actions.ts'
import { compareDistance, placeOfKey } from '../../src/routing/distance.ts'

type Kind = 'blob' | 'tombstone'

/** One seed of the world: what it holds, by the key in hex. */
export interface WorldSeed {
  readonly contact: Contact
  readonly place: Uint8Array
  readonly plan: RepairPlan
  readonly holds: Map<string, Kind>
  /** Known for long to everybody. */
  settled: boolean
  alive: boolean
}

export interface RepairWorldOptions {
  replicas: number
  graceMs: Millis
  share?: number
  dice(): number
}

/** Seeds that know each other perfectly, and exchange what their plans say at once: what a plan decides, and nothing else. */
export class RepairWorld {
  readonly seeds: WorldSeed[] = []
  readonly keys = new Map<string, Uint8Array>()
  nowMs: Millis = 0
  drops = 0
  pushes = 0
  readonly #o: RepairWorldOptions

  constructor(options: RepairWorldOptions) {
    this.#o = options
  }

  add(settled = true): WorldSeed {
    const peer = `seed ${this.seeds.length}`
    const { replicas, graceMs } = this.#o
    const plan = new RepairPlan({
      replicas,
      graceMs,
      retryMs: 60_000,
      bytesPerHour: 1e12,
      nowMs: this.nowMs
    })
    const contact: Contact = { peer, addresses: [] }
    const place = sha256(Buffer.from(peer))
    const seed = { contact, place, plan, holds: new Map(), settled, alive: true }
    this.seeds.push(seed)
    return seed
  }

  key(n: number): string {
    const key = sha256(Buffer.from(`key ${n}`))
    this.keys.set(toHex(key), key)
    return toHex(key)
  }

  get alive(): WorldSeed[] {
    return this.seeds.filter(seed => seed.alive)
  }

  /** By brute force over all that live. */
  nearest(name: string, count = this.#o.replicas): WorldSeed[] {
    const place = placeOfKey(this.keys.get(name)!)
    const sorted = this.alive.toSorted((a, b) => compareDistance(place, a.place, b.place))
    return sorted.slice(0, count)
  }

  holders(name: string, kind: Kind): WorldSeed[] {
    return this.alive.filter(seed => seed.holds.get(name) === kind)
  }

  /** One seed goes through what it holds. */
  round(seed: WorldSeed, why: Why): void {
    for (const name of [...seed.holds.keys()]) this.#consider(seed, name, why)
    for (;;) {
      const actions = seed.plan.poll(this.nowMs, { flush: true })
      for (const action of actions)
        if (action.type === 'drop') this.#drop(seed, toHex(action.key))
        else this.#perform(seed, action)
      const again = seed.plan.takeAgain()
      for (const key of again) this.#consider(seed, toHex(key), { type: 'all' })
      if (actions.length === 0 && again.length === 0) break
    }
    assert(seed.plan.idle, 'a plan that has nothing more to do is at rest')
  }

  #consider(seed: WorldSeed, name: string, why: Why): void {
    const kind = seed.holds.get(name)
    if (!kind) return
    const near: Near[] = this.nearest(name, Number.POSITIVE_INFINITY)
      .filter(s => !seed.plan.avoids(s.contact.peer, this.nowMs))
      .map(s => ({ contact: s.contact, subnets: [], settled: s.settled || s === seed }))
    const self = near.find(n => n.contact === seed.contact)!
    const { replicas, share = 1 / 4 } = this.#o
    const duty = dutyOf({ near, self, replicas, why, share, lot: this.#o.dice() })
    const key = this.keys.get(name)!
    if (duty) seed.plan.add({ key, kind, lengthBytes: 1_000, ...duty }, this.nowMs)
  }

  #perform(seed: WorldSeed, action: Exclude<RepairAction, { type: 'drop' }>): void {
    const { plan } = seed
    const { nowMs } = this
    const peer = this.seeds.find(s => s.contact === action.contact)!
    assert(peer.alive && peer !== seed)
    if (action.type === 'push') {
      const name = toHex(action.key)
      assert(action.kind === seed.holds.get(name) || action.kind === 'tombstone')
      const isReleased = action.kind === 'blob' && peer.holds.get(name) === 'tombstone'
      if (!isReleased) peer.holds.set(name, action.kind)
      this.pushes += 1
      plan.pushed(action, isReleased ? 'released' : 'taken', { nowMs, sentBytes: 1_000 })
      return
    }
    const names = action.keys.map(toHex)
    const held = names.map(name => peer.holds.get(name))
    for (const [i, name] of names.entries())
      if (held[i] === 'tombstone') seed.holds.set(name, 'tombstone')
    if (action.type === 'ask') {
      const answers = held.map(
        (kind): RepairAnswer => (kind === 'tombstone' ? 'released' : (kind ?? 'none'))
      )
      plan.answered(action, answers, { nowMs, dice: this.#o.dice() })
    } else {
      const proofs = held.map(kind =>
        kind === 'blob' ? 'proved' : kind === 'tombstone' ? 'released' : 'none'
      )
      plan.proved(action, proofs, { nowMs })
    }
  }

  /** What no plan may ever do: give up a copy that others do not have. */
  #drop(seed: WorldSeed, name: string): void {
    assert.equal(seed.holds.get(name), 'blob')
    const nearest = this.nearest(name)
    assert(!nearest.includes(seed), 'one of the R nearest keeps its copy')
    for (const other of nearest)
      assert.equal(other.holds.get(name), 'blob', 'each of the R nearest has it')
    seed.holds.delete(name)
    this.drops += 1
  }
}
