import { toHex } from '../base/bytes.ts'
import type { ErrorCode } from '../base/errors.ts'
import { codeOf, MuttrError } from '../base/errors.ts'
import { limits } from '../base/limits.ts'
import type { Clock, Handler, Millis, Network, PeerId, PlaceOf } from '../base/ports.ts'
import { priceFactor, RecentRate } from '../replicas/admission.ts'
import { compareDistance, fraction, placeOfKey } from '../routing/distance.ts'
import type { SizeEstimate } from '../routing/size.ts'
import type { Table } from '../routing/table.ts'
import type { SeedStore } from '../store/store.ts'
import type { MeterRates } from './meter.ts'
import { Meter } from './meter.ts'
import type { Toll } from './toll.ts'

export interface AdmissionStatus {
  /** What a fresh put of a key near us costs now, as a multiple of a stamp's floor price, for an asker who wrote nothing lately. */
  priceFactor: number
  /** Requests refused since the start, by code. */
  refusals: Partial<Record<ErrorCode, number>>
  /** How many nodes the network is thought to have; null before anything is known of it. */
  networkSize: number | null
}

/** Whom a seed serves how much, and at what price. Source: docs/protocol/admission.md */
export interface Admission {
  readonly meter: Meter
  /** Counts one request, by whatever protocol. @returns false when that is too much. */
  admits(from: PeerId): boolean
  /**
   * What a fresh put of `key` costs `from` now, as a multiple of a stamp's floor price: 1 to 1,000. What was named to somebody for a
   * key stands for ten minutes, so that the work on a stamp is not lost when the price rises meanwhile. Never asked of repair.
   */
  price(from: PeerId, key: Uint8Array, nowMs: Millis): number
  /**
   * Whether others are responsible for what stands at a place: we are not among the R nearest that we know, *and* by the network's
   * estimated size not among the 2R nearest either, so that ids minted around a key do not talk us out of it.
   */
  isStray(place: Uint8Array): boolean
  /**
   * Counts what was paid for, and who was asked for more. Nobody is asked to pay for what would not fit all the same.
   * @param mayTake as {@link Room.mayTake}
   */
  counted(toll: Toll, mayTake: (key: Uint8Array, ownBytes: number) => boolean): Toll
  /** Counts what a handler refuses. */
  watched(handler: Handler): Handler
  status(): AdmissionStatus
}

export interface AdmissionParts {
  clock: Clock
  network: Pick<Network, 'self' | 'subnetOf'>
  store: Pick<SeedStore, 'usage'>
  table: Table
  size: SizeEstimate
  placeOf: PlaceOf
  /** R */
  replicas: number
  rates?: Partial<MeterRates> | undefined
}

export function createAdmission(parts: AdmissionParts): Admission {
  const { clock, network, store, table, size, placeOf, replicas } = parts
  const subnetOf = (peer: PeerId) => network.subnetOf(peer)
  const nowMs = clock.now()
  const all = new RecentRate(nowMs)
  const askers = new Map<string, RecentRate>()
  const standing = new Map<string, { factor: number; untilMs: Millis }>()
  const refusals: Partial<Record<ErrorCode, number>> = {}
  const self = table.place

  /** A whole subnet is one asker. */
  const askerOf = (peer: PeerId) => subnetOf(peer) ?? peer

  /** How many nodes are thought to be nearer to a place than we are; 0 where we may have to hold what belongs there. */
  function nearer(place: Uint8Array): number {
    const thought = fraction(place, self) * (size.nodes ?? 0)
    if (thought <= 2 * replicas) return 0 // the cheap question first: it is asked of every put, and of every row of a full store
    const known = table.nearest(place, replicas)
    const before = known.filter(c => compareDistance(place, placeOf(c.peer), self) < 0).length
    return before < replicas ? 0 : thought
  }

  function factorFor(asker: string | undefined, near: number, atMs: Millis): number {
    const { bytes, capBytes } = store.usage()
    const askerRate = (asker !== undefined && askers.get(asker)?.perSecond(atMs)) || 0
    const rates = { askerRate, allRate: all.perSecond(atMs) }
    return priceFactor({ nearer: near, replicas, usedBytes: bytes, capBytes, ...rates })
  }

  function wrote(from: PeerId, bytes: number, atMs: Millis): void {
    all.add(bytes, atMs)
    const asker = askerOf(from)
    const rate = askers.get(asker) ?? new RecentRate(atMs)
    rate.add(bytes, atMs)
    remember(askers, asker, rate, limits.peersMeteredMax)
  }

  const refused = (code: ErrorCode) => {
    refusals[code] = (refusals[code] ?? 0) + 1
  }
  const meter = new Meter(nowMs, parts.rates, subnetOf)
  return {
    meter,
    admits: from => meter.admits(from, 0, clock.now()),
    isStray: place => nearer(place) > 0,
    price(from, key, atMs) {
      const name = `${from} ${toHex(key)}`
      const named = standing.get(name)
      const factor = factorFor(askerOf(from), nearer(placeOfKey(key)), atMs)
      if (named && named.untilMs > atMs) return Math.min(named.factor, factor)
      standing.delete(name)
      const untilMs = atMs + limits.priceStandsMs
      if (factor > 1) remember(standing, name, { factor, untilMs }, limits.pricesStandingMax)
      return factor
    },
    counted: (toll, mayTake) => (from, postage, frame) => {
      const asked = toll(from, postage, frame)
      if (asked !== undefined && !mayTake(postage.key, postage.lengthBytes))
        throw new MuttrError('STORE_FULL', 'no price buys room where there is none')
      if (asked === undefined) wrote(from, postage.lengthBytes, clock.now())
      else refused('STAMP_TOO_LOW')
      return asked
    },
    watched: handler => async (frame, from, signal) => {
      try {
        return await handler(frame, from, signal)
      } catch (err) {
        refused(codeOf(err) ?? 'INTERNAL')
        throw err
      }
    },
    status: () => ({
      priceFactor: factorFor(undefined, 0, clock.now()),
      refusals: { ...refusals },
      networkSize: size.nodes === undefined ? null : Math.round(size.nodes)
    })
  }
}

/** Keeps the latest `most`. */
function remember<V>(map: Map<string, V>, name: string, value: V, most: number): void {
  map.delete(name)
  map.set(name, value)
  if (map.size > most) map.delete(map.keys().next().value!)
}
