import { toHex } from '../base/bytes.ts'
import type { Millis } from '../base/ports.ts'
import type { Violation } from '../sim/result.ts'
import type { World } from '../sim/world.ts'
import type { SeedStore } from '../store/store.ts'
import type { Blob } from '../wire/blob.ts'

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
  /** No copy was left anywhere. */
  lost: boolean
  readonly history: string[]
}

/**
 * Knows of every copy of the workload's blobs, by watching the stores themselves, and judges: what was acknowledged is somewhere, with a
 * node that is online or will come back, until it expires.
 */
export class Holdings {
  readonly violations: Violation[] = []
  readonly #world: World
  readonly #blobs = new Map<string, Held>()
  /** What each node holds. */
  readonly #byNode = new Map<number, Set<Held>>()
  /** In the order of their acknowledgement. */
  readonly #acknowledged: Held[] = []
  #lost = 0

  constructor(world: World) {
    this.#world = world
  }

  get lost(): number {
    return this.#lost
  }

  /** Acknowledged, not expired; what is lost is among them. */
  get living(): readonly Held[] {
    return this.#acknowledged
  }

  expect(blob: Blob): Held {
    const { key, header } = blob
    const { hash, lengthBytes, expiryMs } = header
    const held: Held = {
      ...{ key, hash, lengthBytes, expiryMs },
      holders: new Set(),
      acknowledged: false,
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

  /** The same store, watched. */
  watch(store: SeedStore, node: number): SeedStore {
    return {
      ...store,
      putBlob: async blob => {
        await store.putBlob(blob)
        this.#took(blob.key, node)
      },
      putTombstone: async (key, frame, expiryMs) => {
        await store.putTombstone(key, frame, expiryMs)
        this.#dropped(key, node, 'released its copy')
      },
      drop: async key => {
        await store.drop(key)
        this.#dropped(key, node, 'dropped its copy')
      }
    }
  }

  /** A node is gone for good. @returns the bytes that it held. */
  died(node: number): number {
    let bytes = 0
    for (const held of this.#byNode.get(node) ?? []) {
      bytes += held.lengthBytes
      held.holders.delete(node)
      this.#wrote(held, `node ${node} died with its copy`)
      this.#judge(held)
    }
    this.#byNode.delete(node)
    return bytes
  }

  #took(key: Uint8Array, node: number): void {
    const held = this.#blobs.get(toHex(key))
    if (!held || held.holders.has(node)) return
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
    const { acknowledged, holders, lost, expiryMs, key, history } = held
    if (!acknowledged || lost || holders.size > 0 || expiryMs <= nowMs) return
    held.lost = true
    this.#lost += 1
    const name = toHex(key.subarray(0, 8))
    this.#world.note('lost', name)
    const what = `the blob ${name} was acknowledged, and no copy of it is left`
    this.violations.push({ atMs: nowMs, what, chain: [...history] })
  }
}
