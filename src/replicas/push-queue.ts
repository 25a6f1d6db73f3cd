import type { Contact, PeerId } from '../base/ports.ts'

/** One thing that one peer lacks. */
export interface Push {
  readonly key: Uint8Array
  /** A blob, or the tombstone in its place. */
  readonly kind: 'blob' | 'tombstone'
  readonly lengthBytes: number
  readonly contact: Contact
  /** Copies known of, ours and those to be pushed before it included: the fewer, the sooner it goes. */
  readonly copies: number
  /** When the peer said that it lacks it. */
  readonly heardMs: number
}

const levels = 32

/**
 * What is to be pushed, the most urgent first: releases, then blobs by how few copies are known of them. Bounded: beyond it the least
 * urgent are forgotten, for a later round to find again.
 */
export class PushQueue {
  /** By urgency, then as they came. */
  readonly #levels: Map<string, Push>[] = Array.from({ length: levels }, () => new Map())
  readonly #levelOf = new Map<string, number>()
  readonly #max: number
  #overflowed = false

  constructor(max: number) {
    this.#max = max
  }

  get size(): number {
    return this.#levelOf.size
  }

  /** The same thing for the same peer again replaces what was known of it. */
  put(push: Push): void {
    const id = idOf(push)
    this.#delete(id)
    const level = push.kind === 'tombstone' ? 0 : Math.min(push.copies, levels - 1)
    this.#levels[level]!.set(id, push)
    this.#levelOf.set(id, level)
    if (this.size > this.#max) this.#forgetOne()
  }

  /** The most urgent one whose peer is `free`, without taking it out. */
  first(free: (peer: PeerId) => boolean): Push | undefined {
    for (const level of this.#levels)
      for (const push of level.values()) if (free(push.contact.peer)) return push
    return undefined
  }

  remove(push: Push): void {
    this.#delete(idOf(push))
  }

  /** Takes out all that was meant for `peer`. */
  removeAll(peer: PeerId): Push[] {
    const out: Push[] = []
    for (const level of this.#levels)
      for (const push of level.values()) if (push.contact.peer === peer) out.push(push)
    for (const push of out) this.remove(push)
    return out
  }

  /** @returns whether something was forgotten since it was last asked. */
  takeOverflow(): boolean {
    const overflowed = this.#overflowed
    this.#overflowed = false
    return overflowed
  }

  #delete(id: string): void {
    const level = this.#levelOf.get(id)
    if (level === undefined) return
    this.#levels[level]!.delete(id)
    this.#levelOf.delete(id)
  }

  #forgetOne(): void {
    const last = this.#levels.findLast(level => level.size > 0)!
    this.#delete(last.keys().next().value!)
    this.#overflowed = true
  }
}

const idOf = ({ key, contact }: Push): string => `${nameOfKey(key)}${contact.peer}`

/** A key as text, one character a byte: the shortest name it can have. */
export const nameOfKey = (key: Uint8Array): string =>
  Buffer.from(key.buffer, key.byteOffset, key.byteLength).toString('latin1')
