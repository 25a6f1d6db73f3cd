import { toHex } from '../../base/bytes.ts'
import type { Clock, Millis } from '../../base/ports.ts'
import type { Dice } from '../../sim/dice.ts'
import type { Violation } from '../../sim/result.ts'
import type { World } from '../../sim/world.ts'
import type { SeedStore } from '../../store/store.ts'
import type { Blob } from '../../wire/blob.ts'
import type { VirtualDisk } from './disk.ts'

/** What is kept of the way a blob went. */
const historyMax = 64

/** A blob of the workload, and who has it. */
export interface Held {
  readonly key: Uint8Array
  readonly hash: Uint8Array
  readonly lengthBytes: number
  readonly expiryMs: Millis
  /** Nodes by number, online or away. */
  readonly holders: Set<number>
  /** A quorum has said that it is stored. */
  acknowledged: boolean
  /** An honest node has taken a copy, or signed that it has. */
  kept: boolean
  /** Whoever was asked to take a copy has answered. */
  settled: boolean
  /** No copy was left anywhere. */
  lost: boolean
  readonly history: string[]
}

/**
 * Knows of every copy of the workload's blobs, by watching the stores themselves, and judges: what was acknowledged is somewhere, with a
 * node that is online or will come back, until it expires. Only honest nodes can break that promise: a blob that nobody but hostile ones
 * ever said to have was swallowed, which is counted and is no violation. Source: docs/decisions/034-foes-in-worlds.md
 */
export class Holdings {
  readonly violations: Violation[] = []
  readonly #world: World
  readonly #blobs = new Map<string, Held>()
  /** What each node holds. */
  readonly #byNode = new Map<number, Set<Held>>()
  /** In the order of their acknowledgement. */
  readonly #acknowledged: Held[] = []
  readonly #distrusted = new Set<number>()
  #lost = 0
  #swallowed = 0

  constructor(world: World) {
    this.#world = world
  }

  get lost(): number {
    return this.#lost
  }

  /** Acknowledged, and no honest node had it to the end. */
  get swallowed(): number {
    return this.#swallowed
  }

  /** Acknowledged, not expired; what is lost is among them. */
  get living(): readonly Held[] {
    return this.#acknowledged
  }

  /** Of all living blobs, whole and on honest nodes. */
  get copies(): number {
    return this.#acknowledged.reduce((sum, { holders }) => sum + holders.size, 0)
  }

  expect(blob: Blob): Held {
    const { key, header } = blob
    const { hash, lengthBytes, expiryMs } = header
    const held: Held = {
      ...{ key, hash, lengthBytes, expiryMs },
      holders: new Set(),
      acknowledged: false,
      kept: false,
      settled: false,
      lost: false,
      history: []
    }
    this.#blobs.set(toHex(key), held)
    return held
  }

  acknowledge(held: Held, by: number): void {
    held.acknowledged = true
    this.#acknowledged.push(held)
    this.#wrote(held, `node ${by} was told that it is stored`)
    this.#judge(held)
  }

  /** The put is over. @param honest how many honest nodes signed that they have it. */
  settle(held: Held, honest: number): void {
    held.settled = true
    if (honest > 0) held.kept = true
    this.#judge(held)
  }

  /** What nobody acknowledged is nobody's promise. */
  giveUp(held: Held): void {
    this.#blobs.delete(toHex(held.key))
  }

  /** Forgets what has expired. */
  expire(): void {
    const { nowMs } = this.#world
    const isOver = ({ expiryMs }: Held) => expiryMs <= nowMs
    if (!this.#acknowledged.some(isOver)) return
    const living = this.#acknowledged.filter(held => !isOver(held))
    for (const held of this.#acknowledged) if (isOver(held)) this.#forget(held)
    this.#acknowledged.splice(0, this.#acknowledged.length, ...living)
  }

  #forget(held: Held): void {
    for (const node of held.holders) this.#byNode.get(node)?.delete(held)
    this.#blobs.delete(toHex(held.key))
  }

  /**
   * The same store, watched.
   * @param o.disk where it can spoil what was written. @param o.clock the node's own: what it takes for expired may not be.
   */
  watch(
    store: SeedStore,
    node: number,
    o: { disk: VirtualDisk | undefined; clock: Clock }
  ): SeedStore {
    return {
      ...store,
      putBlob: async blob => {
        await store.putBlob(blob)
        // What stands there is taken for the same blob, be it spoiled or not.
        if (!o.disk?.isSpoiled(blob.key)) this.#took(blob.key, node)
      },
      putTombstone: async (key, frame, expiryMs) => {
        await store.putTombstone(key, frame, expiryMs)
        this.#dropped(key, node, 'released its copy')
      },
      drop: async key => {
        await store.drop(key)
        this.#dropped(key, node, 'dropped its copy')
      },
      expire: async (nowMs, limit) => {
        const dropped = await store.expire(nowMs, limit)
        if (dropped > 0 && o.clock.now() > this.#world.nowMs) await this.#lookThrough(store, node)
        return dropped
      }
    }
  }

  /** Some of what was dropped as expired has time left. */
  async #lookThrough(store: SeedStore, node: number): Promise<void> {
    const keys = [...(this.#byNode.get(node) ?? [])].map(({ key }) => key)
    const found = await store.holding(keys, this.#world.nowMs)
    for (const [i, key] of keys.entries())
      if (found[i] !== 'blob') this.#dropped(key, node, 'took its copy for expired')
  }

  /** Neither what has expired nor what nobody acknowledged: of these we no longer hear when a copy goes. */
  heldBy(node: number): Held[] {
    const { nowMs } = this.#world
    const isOurs = ({ key, expiryMs }: Held) => expiryMs > nowMs && this.#blobs.has(toHex(key))
    return [...(this.#byNode.get(node) ?? [])].filter(isOurs)
  }

  /** A node is gone for good, or its disk. @returns the bytes that it held. */
  died(node: number, how: string): number {
    let bytes = 0
    for (const held of this.#byNode.get(node) ?? []) {
      bytes += held.lengthBytes
      held.holders.delete(node)
      this.#wrote(held, `node ${node} ${how}`)
      this.#judge(held)
    }
    this.#byNode.delete(node)
    return bytes
  }

  /** From now on what a node holds or says counts for nothing. */
  distrust(node: number): void {
    this.#distrusted.add(node)
    for (const held of this.#byNode.get(node) ?? []) {
      held.holders.delete(node)
      this.#wrote(held, `node ${node} turned hostile with its copy`)
      if (held.holders.size === 0) held.kept = false
      this.#judge(held)
    }
    this.#byNode.delete(node)
  }

  /** One of all copies, by lot. */
  anyCopy(dice: Dice): { held: Held; node: number } | undefined {
    let left = dice.below(Math.max(1, this.copies))
    for (const held of this.#acknowledged) {
      if (left >= held.holders.size) {
        left -= held.holders.size
        continue
      }
      return { held, node: [...held.holders][left]! }
    }
    return undefined
  }

  /** Bytes of a copy are no longer what they were, whether its holder knows or not. */
  rotted(held: Held, node: number): void {
    this.#dropped(held.key, node, 'has its copy spoiled')
  }

  #took(key: Uint8Array, node: number): void {
    const held = this.#blobs.get(toHex(key))
    if (!held || held.holders.has(node) || this.#distrusted.has(node)) return
    held.kept = true
    held.holders.add(node)
    let all = this.#byNode.get(node)
    if (!all) this.#byNode.set(node, (all = new Set()))
    all.add(held)
    this.#wrote(held, `node ${node} took a copy`)
  }

  #dropped(key: Uint8Array, node: number, how: string): void {
    const held = this.#blobs.get(toHex(key))
    if (!held?.holders.delete(node)) return
    this.#byNode.get(node)?.delete(held)
    this.#wrote(held, `node ${node} ${how}`)
    this.#judge(held)
  }

  #wrote(held: Held, what: string): void {
    held.history.push(`${this.#world.nowMs}: ${what}`)
    if (held.history.length > historyMax) held.history.shift()
  }

  #judge(held: Held): void {
    const { nowMs } = this.#world
    const { acknowledged, kept, settled, holders, lost, expiryMs, key, history } = held
    if (!acknowledged || lost || holders.size > 0 || expiryMs <= nowMs) return
    const isOurs = kept || this.#distrusted.size === 0
    if (!isOurs && !settled) return
    held.lost = true
    const name = toHex(key.subarray(0, 8))
    this.#world.note(isOurs ? 'lost' : 'swallowed', name)
    if (!isOurs) {
      this.#swallowed += 1
      return
    }
    this.#lost += 1
    const what = `the blob ${name} was acknowledged, and no copy of it is left`
    this.violations.push({ atMs: nowMs, what, chain: [...history] })
  }
}
