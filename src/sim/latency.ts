import type { Millis } from '../base/ports.ts'
import type { Dice } from './dice.ts'

/** How long a message is under way, one way. */
export type Latency =
  | { readonly type: 'constant'; readonly ms: Millis }
  /** Each pair of nodes has its own, evenly between half and one and a half of `ms`. */
  | { readonly type: 'pairwise'; readonly ms: Millis }
  /**
   * Nodes stand evenly on a sphere as large as the Earth: 5 µs a kilometre, which is light in glass along the great circle, and for each
   * end's own line between 1 and 9 ms. Real cables are longer and real people live closer together; neither is in it.
   */
  | { readonly type: 'geographic' }
  /** Measured between as many places, from row to column; the nodes are spread over them in turn, or stand where `places` says of each. */
  | {
      readonly type: 'matrix'
      readonly ms: readonly (readonly Millis[])[]
      readonly places?: readonly number[]
    }

/** Until a dialled connection can be used: TCP, Noise, the muxer. As measured on libp2p: docs/decisions/011-half-a-round-trip.md */
export const dialRoundTrips = 3

const earthKm = 6_371
const msPerKm = 0.005
const lineMs = { least: 1, most: 9 }

/** @returns the time between two nodes, by their numbers, in whole milliseconds. */
export function latencyOf(latency: Latency, dice: Dice): (from: number, to: number) => Millis {
  const salt = dice.below(2 ** 32)
  switch (latency.type) {
    case 'constant':
      return () => Math.round(latency.ms)
    case 'pairwise':
      return (from, to) => {
        const lot = mix(mix(salt, Math.min(from, to)), Math.max(from, to))
        return Math.round(latency.ms * (0.5 + lot / 2 ** 32))
      }
    case 'geographic':
      return geographic(salt)
    case 'matrix':
      return matrix(latency.ms, latency.places)
  }
}

function matrix(ms: readonly (readonly Millis[])[], places?: readonly number[]) {
  const size = ms.length
  if (size === 0 || ms.some(row => row.length !== size))
    throw new RangeError('a latency matrix is square')
  const at = (node: number) => places?.[node % places.length] ?? node % size
  return (from: number, to: number) => Math.round(ms[at(from)]![at(to)]!)
}

interface Spot {
  x: number
  y: number
  z: number
  lineMs: Millis
}

function geographic(salt: number) {
  const spots: Spot[] = []
  const spotOf = (index: number) => (spots[index] ??= spotAt(salt, index))
  return (from: number, to: number): Millis => {
    const a = spotOf(from)
    const b = spotOf(to)
    const cosine = Math.max(-1, Math.min(1, a.x * b.x + a.y * b.y + a.z * b.z))
    return Math.round(a.lineMs + b.lineMs + earthKm * Math.acos(cosine) * msPerKm)
  }
}

/** Even on the sphere: its height is even between the poles (Archimedes). */
function spotAt(salt: number, index: number): Spot {
  const own = mix(salt, index)
  const lot = (n: number) => mix(own, n) / 2 ** 32
  const z = 2 * lot(1) - 1
  const around = 2 * Math.PI * lot(2)
  const ring = Math.sqrt(1 - z * z)
  const ownLineMs = lineMs.least + (lineMs.most - lineMs.least) * lot(3)
  return { x: ring * Math.cos(around), y: ring * Math.sin(around), z, lineMs: ownLineMs }
}

/** MurmurHash3's finish over both: 0 to 2^32, excluded. */
function mix(salt: number, value: number): number {
  let h = (salt + Math.imul(value + 1, 0x9e3779b1)) | 0
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return (h ^ (h >>> 16)) >>> 0
}
