import type { Contact, Millis, PeerId, Place, PlaceOf } from '../base/ports.ts'
import { compareDistance } from './distance.ts'

/** How it stands with one peer in one operation. */
export type CandidateState = 'heard' | 'asked' | 'answered' | 'refused' | 'failed'

export interface Candidate {
  readonly contact: Contact
  readonly place: Place
  /** Others named it; nobody here has met it yet. */
  readonly hearsay: boolean
  /** How many answers led to it: 1 for those we knew ourselves. */
  readonly hops: number
  state: CandidateState
  askedMs: Millis
}

const heardMax = 64

/** The peers of one operation, nearest to its target first. Bounded: of those not asked yet only the nearest are kept. */
export class Candidates {
  readonly target: Place
  readonly #self: PeerId
  readonly #placeOf: PlaceOf
  readonly #ordered: Candidate[] = []
  readonly #byPeer = new Map<PeerId, Candidate>()
  #heard = 0

  /** `self` is never added by {@link hear}. */
  constructor({ target, self, placeOf }: { target: Place; self: PeerId; placeOf: PlaceOf }) {
    this.target = target
    this.#self = self
    this.#placeOf = placeOf
  }

  /** Nearest first. */
  get all(): readonly Candidate[] {
    return this.#ordered
  }

  get(peer: PeerId): Candidate | undefined {
    return this.#byPeer.get(peer)
  }

  /** Peers we know ourselves; may be us. */
  start(contacts: readonly Contact[]): void {
    for (const contact of contacts) this.#add(contact, 1)
  }

  /** What `from` named in its answer. Ourselves, duplicates and broken ids are passed over. */
  hear(from: PeerId, contacts: readonly Contact[]): void {
    const hops = (this.#byPeer.get(from)?.hops ?? 0) + 1
    for (const contact of contacts) if (contact.peer !== this.#self) this.#add(contact, hops)
  }

  mark(candidate: Candidate, state: CandidateState): void {
    if (candidate.state === 'heard') this.#heard -= 1
    candidate.state = state
  }

  #add(contact: Contact, hops: number): void {
    if (this.#byPeer.has(contact.peer)) return
    let place: Place
    try {
      place = this.#placeOf(contact.peer)
    } catch {
      return
    }
    let low = 0
    for (let high = this.#ordered.length; low < high; ) {
      const middle = (low + high) >> 1
      if (compareDistance(this.target, this.#ordered[middle]!.place, place) <= 0) low = middle + 1
      else high = middle
    }
    const hearsay = hops > 1
    const made: Candidate = { contact, place, hearsay, hops, state: 'heard', askedMs: 0 }
    this.#ordered.splice(low, 0, made)
    this.#byPeer.set(contact.peer, made)
    this.#heard += 1
    if (this.#heard > heardMax) this.#dropFarthest()
  }

  #dropFarthest(): void {
    const index = this.#ordered.findLastIndex(c => c.state === 'heard')
    const [dropped] = this.#ordered.splice(index, 1)
    this.#byPeer.delete(dropped!.contact.peer)
    this.#heard -= 1
  }
}
