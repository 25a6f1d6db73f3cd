import type { Contact, Place, PlaceOf } from '../base/ports.ts'
import { bitOf, commonPrefix, compareDistance } from './distance.ts'

/**
 * How rarely an honest neighbourhood is taken for an unnatural one. To be taken for crowded costs 2 R copies, seven puts more; for
 * sparse, a second look around before a put. Who stays just below the first leaves 2.2 of the R nearest honest (2.9 at one percent).
 */
export const rarely = { crowded: 0.002, sparse: 0.05 } as const

/** More than live in the largest shell, or nearly: so each of them is asked, and one honest member names the other honest ones. */
export const wantedInShell = 12
/** Whom each shell is looked up from: liars name each other, and nearer than most whom we know. */
export const eldersPerShell = 6
/** Enough against ids minted around a key: no get missed in simulations/eclipse.md. No other was tried. */
export const regionsTimes = 2

/** A put must not be led astray: nobody would look where it went. So many of those known longest its lookup asks first. */
export const eldersOfPut = 3
/** Of the time of a get: kept for a second look, into the region. */
export const laterShare = 0.4

export interface RegionOptions {
  target: Place
  /** Nodes in the network, as estimated elsewhere in it. */
  nodes: number
  /** How many of these the region shall hold at least, if ids are spread evenly. */
  share: number
  placeOf: PlaceOf
}

/** Places looked up in a region: its far half, then a quarter, then an eighth. What is nearer than that, the lookup of the target itself sees. */
export const shells = 3
export const membersMax = 256

/** How many leading bits the members of a region share, among so many nodes, of which it shall hold `share`. */
export const regionBits = (nodes: number, share: number): number =>
  Math.max(0, Math.min(200, Math.floor(Math.log2(Math.max(1, nodes) / share))))

/**
 * The part of the space around a key that its holders would span if nobody had crowded the place: all that share so many leading
 * bits with it. Whoever would own it must fill it evenly. Source: docs/protocol/dht.md
 */
export class Region {
  /** Leading bits that all of it share with the target. */
  readonly bits: number
  readonly #target: Place
  readonly #placeOf: PlaceOf
  readonly #members = new Map<string, { contact: Contact; place: Place }>()

  constructor({ target, nodes, share, placeOf }: RegionOptions) {
    this.bits = regionBits(nodes, share)
    this.#target = target
    this.#placeOf = placeOf
  }

  get members(): Contact[] {
    return [...this.#members.values()].map(({ contact }) => contact)
  }

  has(place: Place): boolean {
    return commonPrefix(this.#target, place) >= this.bits
  }

  /** Takes those in that belong here; broken ids and what is beyond 256 are passed over. */
  hear(contacts: readonly Contact[]): void {
    for (const contact of contacts) {
      if (this.#members.size >= membersMax || this.#members.has(contact.peer)) continue
      try {
        const place = this.#placeOf(contact.peer)
        if (this.has(place)) this.#members.set(contact.peer, { contact, place })
      } catch {
        // hearsay may name anything
      }
    }
  }

  /** Where to look for those who live here. @param roll 32 random bytes at a time */
  places(roll: () => Uint8Array): Place[] {
    return Array.from({ length: shells }, (_, shell) => {
      const bit = this.bits + shell
      return merge(this.#target, roll(), bit, 1 - bitOf(this.#target, bit))
    })
  }

  /**
   * At most `count` members, drawn evenly over the space and not over the members: ids crowded into a corner are drawn as seldom
   * as that corner is small.
   */
  draw(count: number, roll: () => Uint8Array): Contact[] {
    const left = [...this.#members.values()]
    const drawn: Contact[] = []
    while (drawn.length < count && left.length > 0) {
      const point = merge(this.#target, roll(), this.bits)
      let best = 0
      for (let i = 1; i < left.length; i++)
        if (compareDistance(point, left[i]!.place, left[best]!.place) < 0) best = i
      drawn.push(left.splice(best, 1)[0]!.contact)
    }
    return drawn
  }
}

/** The first `bits` bits of `place`, then `next` where given, then those of `tail`. */
function merge(place: Place, tail: Uint8Array, bits: number, next?: number): Place {
  const out = Uint8Array.from(tail)
  const set = (bit: number, value: number) => {
    const mask = 128 >> (bit & 7)
    out[bit >> 3] = value ? out[bit >> 3]! | mask : out[bit >> 3]! & ~mask
  }
  for (let bit = 0; bit < bits; bit++) set(bit, bitOf(place, bit))
  if (next !== undefined) set(bits, next)
  return out
}
