import type { Contact, PeerId } from '../base/ports.ts'

/** Things to be asked of peers, gathered so that many go in one request. */
export class Batches<T> {
  readonly #waiting = new Map<PeerId, { readonly contact: Contact; readonly items: T[] }>()
  readonly #most: number

  /** @param most things in one request. */
  constructor(most: number) {
    this.#most = most
  }

  get empty(): boolean {
    return this.#waiting.size === 0
  }

  add(contact: Contact, item: T): void {
    const found = this.#waiting.get(contact.peer)
    if (found) found.items.push(item)
    else this.#waiting.set(contact.peer, { contact, items: [item] })
  }

  /**
   * The next full batch of a peer that is `free`; with `flush` also one that is not full.
   * @param admit called with its size; the batch stays when it says no.
   */
  take(o: {
    free(peer: PeerId): boolean
    flush: boolean
    admit(size: number): boolean
  }): { contact: Contact; items: T[] } | undefined {
    for (const [peer, { contact, items }] of this.#waiting) {
      if ((items.length < this.#most && !o.flush) || !o.free(peer)) continue
      const size = Math.min(this.#most, items.length)
      if (!o.admit(size)) return undefined
      const taken = items.splice(0, size)
      this.#waiting.delete(peer)
      if (items.length > 0) this.#waiting.set(peer, { contact, items }) // behind the others
      return { contact, items: taken }
    }
    return undefined
  }
}

/** Requests under way: so many in all, and so many to one peer. */
export class Slots<A extends object> {
  readonly #underWay = new Map<A, PeerId>()
  readonly #perPeer = new Map<PeerId, number>()
  readonly #most: number
  readonly #mostPerPeer: number

  constructor(most: number, mostPerPeer: number) {
    this.#most = most
    this.#mostPerPeer = mostPerPeer
  }

  get empty(): boolean {
    return this.#underWay.size === 0
  }

  get full(): boolean {
    return this.#underWay.size >= this.#most
  }

  isFree(peer: PeerId): boolean {
    return (this.#perPeer.get(peer) ?? 0) < this.#mostPerPeer
  }

  begin<B extends A>(action: B, { peer }: Contact): B {
    this.#underWay.set(action, peer)
    this.#perPeer.set(peer, (this.#perPeer.get(peer) ?? 0) + 1)
    return action
  }

  /** @returns false when it has ended before. */
  end(action: A): boolean {
    const peer = this.#underWay.get(action)
    if (peer === undefined) return false
    this.#underWay.delete(action)
    const left = this.#perPeer.get(peer)! - 1
    if (left === 0) this.#perPeer.delete(peer)
    else this.#perPeer.set(peer, left)
    return true
  }
}
