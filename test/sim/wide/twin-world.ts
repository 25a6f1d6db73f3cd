import type { Contact, PeerId, PlaceOf } from '../../../src/base/ports.ts'
import { compareDistance } from '../../../src/routing/distance.ts'
import { Dice } from '../../../src/sim/dice.ts'
import { Places } from '../../../src/sim/wide/places.ts'

/** The same nodes for a compact twin, by number, and for what ships, by name; their places agree in all 64 bits that there are. */
export class TwinWorld {
  readonly places: Places
  readonly #names = new Map<PeerId, number>()

  constructor(count: number, seed: number) {
    this.places = Places.draw(count, new Dice(seed, 'places'))
    for (let node = 0; node < count; node++) this.#names.set(nameOf(node), node)
  }

  readonly contact = (node: number): Contact => ({ peer: nameOf(node), addresses: [] })
  readonly nodeOf = (peer: PeerId): number => this.#names.get(peer)!
  readonly placeOf: PlaceOf = peer => {
    const node = this.nodeOf(peer)
    return placeAt(this.places.hi(node), this.places.lo(node))
  }

  /** Below zero where `a` is nearer to a place than `b`. */
  compare(a: number, b: number, hi: number, lo: number): number {
    const [one, other] = [a, b].map(node => this.placeOf(nameOf(node)))
    return compareDistance(placeAt(hi, lo), one!, other!)
  }
}

const nameOf = (node: number) => `node-${node}`

export function placeAt(hi: number, lo: number): Uint8Array {
  const place = Buffer.alloc(32)
  place.writeUInt32BE(hi, 0)
  place.writeUInt32BE(lo, 4)
  return new Uint8Array(place)
}
