import type { PeerId } from '../../base/ports.ts'

/** Whoever names so many that do not answer, more than do, is not followed before all others. */
const emptyMax = 24

interface Teller {
  readonly waiting: PeerId[]
  /** Of those tried that it named first: how many answered, and how many did not. */
  led: number
  empty: number
}

/**
 * Whom to ask next: in turn one of each teller's, so that who names thousands has no more of our time than who names ten. One stands in
 * it for each that named it: being named by a liar first costs nobody its place.
 */
export class Queue {
  readonly #tellers = new Map<PeerId | undefined, Teller>()
  /** Of whom somebody waits; who had its turn stands last. */
  readonly #turns = new Set<Teller>()
  /** Who named a peer first. */
  readonly #first = new Map<PeerId, Teller>()

  add(teller: PeerId | undefined, peer: PeerId): void {
    let known = this.#tellers.get(teller)
    if (!known) this.#tellers.set(teller, (known = { waiting: [], led: 0, empty: 0 }))
    known.waiting.push(peer)
    this.#turns.add(known)
    if (!this.#first.has(peer)) this.#first.set(peer, known)
  }

  /** @param isDue those that are not are dropped. */
  next(isDue: (peer: PeerId) => boolean): PeerId | undefined {
    return this.#nextOf(isDue, isTrusted) ?? this.#nextOf(isDue, () => true)
  }

  /** How it went with one that was asked. */
  led(peer: PeerId, answered: boolean): void {
    const teller = this.#first.get(peer)!
    if (answered) teller.led += 1
    else teller.empty += 1
  }

  #nextOf(
    isDue: (peer: PeerId) => boolean,
    isWanted: (teller: Teller) => boolean
  ): PeerId | undefined {
    for (const teller of this.#turns) {
      if (!isWanted(teller)) continue
      this.#turns.delete(teller)
      let peer = teller.waiting.shift()
      while (peer !== undefined && !isDue(peer)) peer = teller.waiting.shift()
      if (peer === undefined) continue
      this.#turns.add(teller)
      return peer
    }
    return undefined
  }
}

const isTrusted = ({ led, empty }: Teller): boolean => empty < emptyMax || led >= empty
