import { sha256 } from '../../src/base/bytes.ts'
import type { Contact, PeerId, Place, PlaceOf } from '../../src/base/ports.ts'
import { Candidates } from '../../src/routing/candidates.ts'
import { compareDistance } from '../../src/routing/distance.ts'
import { Lookup } from '../../src/routing/lookup.ts'
import { Table } from '../../src/routing/table.ts'

/** Numbers from 0 to 1 that depend on nothing but the seed. */
export function dice(seed: number): () => number {
  let x = (seed * 0x9e3779b1) | 0 || 1
  return () => {
    x ^= x << 13
    x ^= x >>> 17
    x ^= x << 5
    return (x >>> 0) / 2 ** 32
  }
}

/** A static world of `count` nodes whose tables are full, as after long running: each bucket a random choice of its peers. */
export class LookupWorld {
  readonly peers: PeerId[]
  readonly placeOf: PlaceOf
  readonly #places = new Map<PeerId, Place>()
  readonly #contacts = new Map<PeerId, Contact>()
  readonly #tables = new Map<PeerId, Table>()
  readonly #roll: () => number
  readonly #k: number

  constructor(count: number, { seed = 1, k = 20 } = {}) {
    this.#roll = dice(seed)
    this.#k = k
    const names = Array.from({ length: count }, (_, i) => `peer-${seed}-${i}`)
    for (const name of names) {
      this.#places.set(name, sha256(Buffer.from(name)))
      this.#contacts.set(name, { peer: name, addresses: [] })
    }
    this.placeOf = peer => this.#places.get(peer)!
    this.peers = names.sort((a, b) => Buffer.compare(this.placeOf(a), this.placeOf(b)))
  }

  contact(peer: PeerId): Contact {
    return this.#contacts.get(peer)!
  }

  /** By brute force over all nodes. */
  trueNearest(target: Place, count: number, without?: PeerId): PeerId[] {
    const best: PeerId[] = []
    for (const peer of this.peers) {
      if (peer === without) continue
      const place = this.placeOf(peer)
      const last = best[count - 1]
      if (last !== undefined && compareDistance(target, place, this.placeOf(last)) >= 0) continue
      let at = best.length
      while (at > 0 && compareDistance(target, place, this.placeOf(best[at - 1]!)) < 0) at--
      best.splice(at, 0, peer)
      if (best.length > count) best.pop()
    }
    return best
  }

  /** Filled on first use: each bucket's range of the sorted places is halved bit by bit. */
  table(peer: PeerId): Table {
    let table = this.#tables.get(peer)
    if (table) return table
    const own = this.placeOf(peer)
    table = new Table({ place: own, placeOf: this.placeOf, k: this.#k })
    let [low, high] = [0, this.peers.length]
    for (let bit = 0; high - low > 1 && bit < 256; bit++) {
      const middle = this.#firstWithBit(low, high, bit)
      const isHigh = (own[bit >> 3]! >> (7 - (bit & 7))) & 1
      const [from, to] = isHigh ? [low, middle] : [middle, high]
      for (const index of this.#draw(from, to)) table.answered(this.contact(this.peers[index]!), 0)
      ;[low, high] = isHigh ? [middle, high] : [low, middle]
    }
    this.#tables.set(peer, table)
    return table
  }

  #firstWithBit(low: number, high: number, bit: number): number {
    const isSet = (i: number) => (this.placeOf(this.peers[i]!)[bit >> 3]! >> (7 - (bit & 7))) & 1
    let [a, b] = [low, high]
    while (a < b) {
      const middle = (a + b) >> 1
      if (isSet(middle)) b = middle
      else a = middle + 1
    }
    return a
  }

  /** At most k of the range, none twice. */
  #draw(from: number, to: number): Set<number> {
    if (to - from <= this.#k) return new Set(Array.from({ length: to - from }, (_, i) => from + i))
    const drawn = new Set<number>()
    while (drawn.size < this.#k) drawn.add(from + Math.floor(this.#roll() * (to - from)))
    return drawn
  }

  /** Runs one lookup in rounds of one round trip. `isDead` peers never answer. */
  lookup(
    from: PeerId,
    target: Place,
    want: number,
    { alpha = 3, paths = 1, isDead = (peer: PeerId): boolean => peer === 'nobody' } = {}
  ): { nearest: PeerId[]; requests: number; rounds: number } {
    const candidates = new Candidates({ target, self: from, placeOf: this.placeOf })
    candidates.start(this.table(from).nearest(target, this.#k))
    const machine = new Lookup({
      candidates,
      want,
      alpha,
      paths,
      hedgeMs: 2,
      deadlineMs: 1_000,
      requestsMax: 300
    })
    let nowMs = 0
    while (machine.end(nowMs) === undefined) {
      const asked = machine.poll(nowMs)
      nowMs += 1
      for (const { peer } of asked)
        if (!isDead(peer)) machine.answered(peer, this.table(peer).nearest(target, this.#k))
    }
    const nearest = machine.nearest(want).map(c => c.peer)
    return { nearest, requests: machine.requests, rounds: nowMs }
  }
}
