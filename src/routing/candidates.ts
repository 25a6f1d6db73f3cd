import { limits } from '../base/limits.ts'
import type { Contact, Millis, PeerId, Place, PlaceOf } from '../base/ports.ts'
import { compareDistance, headOf, rulerOf } from './distance.ts'
import { subnetsOf } from './subnet.ts'

/** How it stands with one peer in one operation. */
export type CandidateState = 'heard' | 'asked' | 'answered' | 'refused' | 'failed'

export interface Candidate {
  readonly contact: Contact
  readonly place: Place
  /** How far its head is from the target's, as {@link rulerOf} has it. */
  readonly away: number
  /** What it counts against, once that was asked for: {@link Candidates.networksOf}. */
  networks: readonly string[] | undefined
  /** Others named it; nobody here has met it yet. */
  readonly hearsay: boolean
  /** How many answers led to it: 1 for those we knew ourselves. */
  readonly hops: number
  state: CandidateState
  askedMs: Millis
  /** On which path of the lookup it was asked. */
  path: number
  /** The paths that know it, a bit each. */
  paths: number
  /** Who named it; nobody needs to vouch for those we knew ourselves. */
  tellers: Candidate[]
  /** Of those that it named: how many did not answer in time, how many did. */
  misled: number
  proved: number
  /** It counts as misleading, until it answers. */
  isLate: boolean
}

/** Of those heard of and not asked yet, on one path. */
export const heardMax = 64
/** Of one subnet, in one answer: an honest answer comes from a few buckets, each of which keeps so many. */
const subnetAnswerMax = 2 * limits.subnetPeersPerBucketMax
/** Contacts that led nowhere after which a teller is doubted, when they are more than twice those that answered. */
export const misledMax = 3
const everyPath = ~0
export const pathsMax = 8
const none: readonly string[] = []

/**
 * The peers of one operation, nearest to its target first. Bounded: of those not asked yet only the nearest are kept, and of what one
 * subnet offers only so much.
 */
export class Candidates {
  readonly target: Place
  readonly #self: PeerId
  readonly #placeOf: PlaceOf
  readonly #ruler: number
  readonly #ordered: Candidate[] = []
  readonly #byPeer = new Map<PeerId, Candidate>()
  /** By path. */
  readonly #heard: number[] = Array.from({ length: pathsMax }, () => 0)
  /** Hearsay by subnet, whatever became of it. */
  readonly #subnets = new Map<string, number>()

  /** `self` is never added by {@link hear}. */
  constructor({ target, self, placeOf }: { target: Place; self: PeerId; placeOf: PlaceOf }) {
    this.target = target
    this.#self = self
    this.#placeOf = placeOf
    this.#ruler = rulerOf(target)
  }

  /** Nearest first. */
  get all(): readonly Candidate[] {
    return this.#ordered
  }

  /** The networks that it counts against, by its addresses. */
  networksOf(candidate: Candidate): readonly string[] {
    return (candidate.networks ??= subnetsOf(candidate.contact))
  }

  get(peer: PeerId): Candidate | undefined {
    return this.#byPeer.get(peer)
  }

  /** Peers we know ourselves, on every path; may be us. */
  start(contacts: readonly Contact[]): void {
    for (const contact of contacts) if (!this.#byPeer.has(contact.peer)) this.#add(contact)
  }

  /**
   * What `from` named in its answer, on the path on which it was asked. Ourselves, duplicates and broken ids are passed over, and
   * what is beyond four of one subnet in this answer, or ten in all.
   */
  hear(from: PeerId, contacts: readonly Contact[]): void {
    const teller = this.#byPeer.get(from)
    const counts = new Map<string, number>()
    for (const contact of contacts) {
      if (contact.peer === this.#self) continue
      const known = this.#byPeer.get(contact.peer)
      if (known) {
        this.#vouch(known, teller)
        continue
      }
      const networks = subnetsOf(contact)
      if (isFew(networks, counts)) this.#add(contact, teller, networks)
    }
  }

  mark(candidate: Candidate, state: CandidateState): void {
    if (candidate.state === 'heard') this.#count(candidate, -1)
    candidate.state = state
  }

  /** Whoever named `candidate` is held to how it turned out. */
  judge(candidate: Candidate, outcome: 'late' | 'failed' | 'answered'): void {
    const { isLate, tellers } = candidate
    candidate.isLate = outcome !== 'answered'
    for (const teller of tellers) {
      if (candidate.isLate && !isLate) teller.misled += 1
      if (!candidate.isLate && isLate) teller.misled -= 1
      if (outcome === 'answered') teller.proved += 1
    }
  }

  #vouch(candidate: Candidate, teller: Candidate | undefined): void {
    if (!teller || !candidate.hearsay || candidate === teller) return
    if (candidate.tellers.includes(teller)) return
    candidate.tellers.push(teller)
    const bit = 1 << teller.path
    if ((candidate.paths & bit) !== 0) return
    candidate.paths |= bit
    if (candidate.state === 'heard') this.#countPath(teller.path)
  }

  #add(contact: Contact, teller?: Candidate, networks: readonly string[] = none): void {
    let place: Place
    try {
      place = this.#placeOf(contact.peer)
    } catch {
      return
    }
    const away = headOf(place) ^ this.#ruler
    if (teller && !this.#makeRoom(place, away, networks)) return
    const made: Candidate = {
      contact,
      place,
      away,
      networks: teller ? networks : undefined,
      hearsay: teller !== undefined,
      hops: (teller?.hops ?? 0) + 1,
      state: 'heard',
      askedMs: 0,
      path: 0,
      paths: teller ? 1 << teller.path : everyPath,
      tellers: teller ? [teller] : [],
      misled: 0,
      proved: 0,
      isLate: false
    }
    this.#insert(made)
    this.#byPeer.set(contact.peer, made)
    if (teller) this.#countPath(teller.path)
  }

  /** Behind whoever is as far. */
  #insert(made: Candidate): void {
    const ordered = this.#ordered
    let at = ordered.length
    for (; at > 0 && this.#isNearer(made.place, made.away, ordered[at - 1]!); at--)
      ordered[at] = ordered[at - 1]!
    ordered[at] = made
  }

  #isNearer(place: Place, away: number, than: Candidate): boolean {
    if (away !== than.away) return away < than.away
    return compareDistance(this.target, place, than.place) < 0
  }

  /** A full subnet takes a nearer one only in exchange for its farthest not asked yet. */
  #makeRoom(place: Place, away: number, subnets: readonly string[]): boolean {
    for (const subnet of subnets) {
      if ((this.#subnets.get(subnet) ?? 0) < limits.subnetPeersMax) continue
      const index = this.#ordered.findLastIndex(
        c => c.state === 'heard' && c.hearsay && this.networksOf(c).includes(subnet)
      )
      const farthest = this.#ordered[index]
      if (!farthest || !this.#isNearer(place, away, farthest)) return false
      this.#remove(index)
    }
    for (const subnet of subnets) this.#subnets.set(subnet, (this.#subnets.get(subnet) ?? 0) + 1)
    return true
  }

  #count(candidate: Candidate, by: 1 | -1): void {
    if (!candidate.hearsay) return
    for (let path = 0; path < pathsMax; path++)
      if ((candidate.paths & (1 << path)) !== 0) this.#heard[path]! += by
  }

  #countPath(path: number): void {
    this.#heard[path]! += 1
    if (this.#heard[path]! > heardMax) this.#dropFarthest(path)
  }

  #dropFarthest(path: number): void {
    const bit = 1 << path
    const index = this.#ordered.findLastIndex(
      c => c.state === 'heard' && c.hearsay && (c.paths & bit) !== 0
    )
    const dropped = this.#ordered[index]!
    if (dropped.paths === bit) {
      this.#remove(index)
      return
    }
    dropped.paths &= ~bit
    dropped.tellers = dropped.tellers.filter(teller => teller.path !== path)
    this.#heard[path]! -= 1
  }

  #remove(index: number): void {
    const [removed] = this.#ordered.splice(index, 1)
    this.#byPeer.delete(removed!.contact.peer)
    this.#count(removed!, -1)
    for (const subnet of this.networksOf(removed!))
      this.#subnets.set(subnet, (this.#subnets.get(subnet) ?? 0) - 1)
  }
}

/** Named contacts that led nowhere, and hardly any that answered. */
const isDoubted = ({ misled, proved }: Candidate): boolean =>
  misled >= misledMax && misled > 2 * proved

/** Whether it is known on `path` by a teller that is not doubted, or by ourselves. */
export const isVouched = ({ hearsay, tellers }: Candidate, path: number): boolean =>
  !hearsay || tellers.some(teller => teller.path === path && !isDoubted(teller))

function isFew(subnets: readonly string[], counts: Map<string, number>): boolean {
  if (subnets.some(subnet => (counts.get(subnet) ?? 0) >= subnetAnswerMax)) return false
  for (const subnet of subnets) counts.set(subnet, (counts.get(subnet) ?? 0) + 1)
  return true
}
