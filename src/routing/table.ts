import { limits } from '../base/limits.ts'
import type { Contact, Millis, PeerId, Place, PlaceOf } from '../base/ports.ts'
import { bitOf, commonPrefix, headOf } from './distance.ts'
import type { Entry } from './entries.ts'
import { Entries, Nearest } from './entries.ts'
import { subnetsOf } from './subnet.ts'

class Bucket {
  /** The longest known first. */
  readonly live = new Entries()
  /** The replacement cache: answered us too, the latest seen last. */
  readonly spare = new Entries()
  touchedMs: Millis

  constructor(touchedMs: Millis) {
    this.touchedMs = touchedMs
  }

  /** @param head of its place. */
  find(peer: PeerId, head: number) {
    const live = this.live.find(peer, head)
    if (live) return { entry: live, list: 'live' as const }
    const spare = this.spare.find(peer, head)
    return spare && { entry: spare, list: 'spare' as const }
  }
}

export interface TableOptions {
  /** Our own place. */
  place: Place
  placeOf: PlaceOf
  k?: number
  nowMs?: Millis
}

const failuresMax = 2

/**
 * Whom we know: Kademlia's buckets, split on our own side. Sends nothing and reads no clock. A peer enters only by
 * {@link answered}; what others merely say of it is asked about with {@link wants} and then pinged by the caller.
 */
export class Table {
  readonly place: Place
  readonly k: number
  readonly #placeOf: PlaceOf
  /** Bucket i holds peers that share exactly i leading bits with us; the last one all that share more. */
  readonly #buckets: Bucket[]
  readonly #subnets = new Map<string, number>()
  #size = 0

  constructor({ place, placeOf, k = limits.contactsMax, nowMs = 0 }: TableOptions) {
    this.place = place
    this.k = k
    this.#placeOf = placeOf
    this.#buckets = [new Bucket(nowMs)]
  }

  /** Live contacts, without the replacement cache. */
  get size(): number {
    return this.#size
  }

  /** How many buckets there are beside the last: far ones, each of peers that share exactly so many bits with us. */
  get depth(): number {
    return this.#buckets.length - 1
  }

  /** Whether every bucket has room: then we know everybody we ever heard an answer from. */
  get hasRoomEverywhere(): boolean {
    return this.#buckets.every(b => b.live.length < this.k)
  }

  contacts(): Contact[] {
    return this.#buckets.flatMap(b => b.live.all.map(e => e.contact))
  }

  has(peer: PeerId): boolean {
    return this.#find(peer)?.list === 'live'
  }

  /** A live contact, as it stands in the table. */
  contactOf(peer: PeerId): Contact | undefined {
    const known = this.#find(peer)
    return known?.list === 'live' ? known.entry.contact : undefined
  }

  /** A direct or signed answer came from `contact`. @returns whether it is among the live ones now. */
  answered(contact: Contact, nowMs: Millis): boolean {
    const place = this.#safePlace(contact.peer)
    const bucket = place && this.#bucketOf(place)
    if (!place || !bucket) return false
    const known = bucket.find(contact.peer, headOf(place))
    if (known) return this.#refresh(bucket, known.entry, known.list, contact, nowMs)
    const entry = makeEntry(contact, place, nowMs)
    if (this.#insert(entry)) return true
    if (bucket.spare.length >= limits.sparesPerBucketMax) bucket.spare.removeAt(0)
    bucket.spare.push(entry)
    return false
  }

  /** A request or heartbeat came from `peer`; says nothing of one we do not know. */
  seen(peer: PeerId, nowMs: Millis): void {
    const known = this.#find(peer)
    if (!known) return
    known.entry.seenMs = nowMs
    known.entry.failures = 0
  }

  /** `peer` did not answer. @returns whether it left because of it. */
  failed(peer: PeerId): boolean {
    const known = this.#find(peer)
    if (!known) return false
    known.entry.failures += 1
    if (known.list === 'live' && known.entry.failures < failuresMax) return false
    return this.remove(peer)
  }

  /** Takes the peer out at once, as one that lied or serves nothing. A spare takes its place. */
  remove(peer: PeerId): boolean {
    const known = this.#find(peer)
    if (!known) return false
    const { bucket, entry, list } = known
    bucket[list].remove(entry)
    if (list === 'spare') return true
    this.#size -= 1
    this.#count(entry, -1)
    for (let i = bucket.spare.length - 1; i >= 0; i--) {
      const spare = bucket.spare.all[i]!
      if (this.#admits(bucket, spare)) {
        bucket.spare.removeAt(i)
        this.#place(bucket, spare)
        break
      }
    }
    return true
  }

  /** Whether a ping of this hearsay is worth it: unknown, and its bucket (or our neighbourhood) has room. */
  wants(contact: Contact): boolean {
    const place = this.#safePlace(contact.peer)
    const bucket = place && this.#bucketOf(place)
    if (!place || !bucket || bucket.find(contact.peer, headOf(place))) return false
    const isLast = bucket === this.#buckets.at(-1)
    const hasRoom = bucket.live.length < this.k || isLast
    return hasRoom && this.#allows(bucket, makeEntry(contact, place, 0))
  }

  /** The `count` nearest contacts, nearest first; with `spares` also from the replacement cache. */
  nearest(place: Place, count: number, { spares = false } = {}): Contact[] {
    if (count <= 0) return []
    const found = new Nearest(place, count)
    this.#towards(place, ({ live, spare }) => {
      found.offer(live)
      if (spares) found.offer(spare)
      return found.isFull
    })
    return found.contacts()
  }

  /**
   * Of the live contacts nearest to `place`, three buckets full, the `count` that answered us first: a liar whom we were led to just
   * now is not among them.
   */
  elders(place: Place, count: number): Contact[] {
    const near = this.nearest(place, 3 * this.k)
    const entries = near.map(({ peer }) => this.#find(peer)!.entry)
    return entries
      .sort((a, b) => a.sinceMs - b.sinceMs)
      .slice(0, count)
      .map(e => e.contact)
  }

  /** Live contacts not heard of since `beforeMs`, the longest silent first. */
  silent(beforeMs: Millis, count: number): Contact[] {
    return this.#buckets
      .flatMap(b => b.live.all.filter(e => e.seenMs < beforeMs))
      .sort((a, b) => a.seenMs - b.seenMs)
      .slice(0, count)
      .map(e => e.contact)
  }

  /** Live contacts that failed once: worth a ping, to keep them or to let them go. */
  doubtful(count: number): Contact[] {
    const found = this.#buckets.flatMap(b => b.live.all.filter(e => e.failures > 0))
    return found.slice(0, count).map(e => e.contact)
  }

  /** The latest heard of in each bucket but the last, the farthest bucket first: `count` from each. */
  spread(count: number): Contact[][] {
    return this.#buckets.slice(0, -1).map(b =>
      b.live.all
        .toSorted((x, y) => y.seenMs - x.seenMs)
        .slice(0, count)
        .map(e => e.contact)
    )
  }

  /** A lookup of `place` was made: its bucket needs no refresh for a while. */
  touched(place: Place, nowMs: Millis): void {
    this.#at(Math.min(commonPrefix(this.place, place), this.#buckets.length - 1)).touchedMs = nowMs
  }

  /** The bucket longest without a lookup, when that was before `beforeMs`: how many bits its peers share with us. */
  stale(beforeMs: Millis): number | undefined {
    let worst: number | undefined
    for (const [i, b] of this.#buckets.entries())
      if (
        b.touchedMs < beforeMs &&
        (worst === undefined || b.touchedMs < this.#at(worst).touchedMs)
      )
        worst = i
    return worst
  }

  #at(index: number): Bucket {
    return this.#buckets[index]!
  }

  #safePlace(peer: PeerId): Place | undefined {
    try {
      return this.#placeOf(peer)
    } catch {
      return undefined // hearsay may name anything
    }
  }

  /** @returns undefined for our own place. */
  #bucketOf(place: Place): Bucket | undefined {
    const shared = commonPrefix(this.place, place)
    return shared === 256 ? undefined : this.#at(Math.min(shared, this.#buckets.length - 1))
  }

  #find(peer: PeerId) {
    const place = this.#safePlace(peer)
    const bucket = place && this.#bucketOf(place)
    const found = bucket && place && bucket.find(peer, headOf(place))
    return found && { bucket, ...found }
  }

  #refresh(
    bucket: Bucket,
    entry: Entry,
    list: 'live' | 'spare',
    contact: Contact,
    nowMs: Millis
  ): boolean {
    entry.seenMs = nowMs
    entry.failures = 0
    if (contact.addresses.length > 0 && !sameAddresses(entry.contact, contact)) {
      if (list === 'live') this.#count(entry, -1)
      const before = { contact: entry.contact, subnets: entry.subnets }
      Object.assign(entry, { contact, subnets: subnetsOf(contact) })
      if (list === 'live') {
        if (!this.#allows(bucket, entry, entry)) Object.assign(entry, before)
        this.#count(entry, 1)
      }
    }
    if (list === 'live') return true
    bucket.spare.remove(entry)
    if (this.#insert(entry)) return true
    bucket.spare.push(entry)
    return false
  }

  /** Splits the last bucket as often as it takes. @returns false when there is no room. */
  #insert(entry: Entry): boolean {
    for (;;) {
      const bucket = this.#bucketOf(entry.place)!
      if (!this.#allows(bucket, entry)) return false
      if (bucket.live.length < this.k) {
        this.#place(bucket, entry)
        return true
      }
      if (bucket !== this.#buckets.at(-1) || this.#buckets.length === 256) return false
      this.#split(bucket)
    }
  }

  #split(bucket: Bucket): void {
    const depth = this.#buckets.length - 1
    const next = new Bucket(bucket.touchedMs)
    const stays = (e: Entry) => bitOf(e.place, depth) !== bitOf(this.place, depth)
    for (const list of lists) {
      for (const entry of bucket[list].take()) (stays(entry) ? bucket : next)[list].push(entry)
    }
    this.#buckets.push(next)
  }

  #place(bucket: Bucket, entry: Entry): void {
    bucket.live.push(entry)
    this.#size += 1
    this.#count(entry, 1)
  }

  #admits(bucket: Bucket, entry: Entry): boolean {
    return bucket.live.length < this.k && this.#allows(bucket, entry)
  }

  /** The subnet limits; `except` is the entry itself when only its addresses change. */
  #allows(bucket: Bucket, { subnets }: Entry, except?: Entry): boolean {
    return subnets.every(subnet => {
      if ((this.#subnets.get(subnet) ?? 0) >= limits.subnetPeersMax) return false
      let inBucket = 0
      for (const e of bucket.live.all) if (e !== except && e.subnets.includes(subnet)) inBucket += 1
      return inBucket < limits.subnetPeersPerBucketMax
    })
  }

  #count({ subnets }: Entry, by: 1 | -1): void {
    for (const subnet of subnets) {
      const count = (this.#subnets.get(subnet) ?? 0) + by
      if (count === 0) this.#subnets.delete(subnet)
      else this.#subnets.set(subnet, count)
    }
  }

  /**
   * Buckets in the order of their distance to `place`, until `visit` says that it is done: every peer of one is nearer than every peer
   * of the next. A bucket whose bit differs between us and the place lies on the place's side, the highest bit nearest; then our own;
   * then the rest.
   */
  #towards(place: Place, visit: (bucket: Bucket) => boolean): void {
    const last = this.#buckets.length - 1
    const differs = (i: number) => bitOf(this.place, i) !== bitOf(place, i)
    for (let i = 0; i < last; i++) if (differs(i) && visit(this.#at(i))) return
    if (visit(this.#at(last))) return
    for (let i = last - 1; i >= 0; i--) if (!differs(i) && visit(this.#at(i))) return
  }
}

const makeEntry = (contact: Contact, place: Place, seenMs: Millis): Entry => ({
  contact,
  place,
  head: headOf(place),
  subnets: subnetsOf(contact),
  seenMs,
  sinceMs: seenMs,
  failures: 0
})

const lists = ['live', 'spare'] as const

const sameAddresses = (a: Contact, b: Contact): boolean =>
  a === b ||
  (a.addresses.length === b.addresses.length && a.addresses.every((x, i) => x === b.addresses[i]))
