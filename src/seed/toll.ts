import { limits } from '../base/limits.ts'
import type { Millis, PeerId } from '../base/ports.ts'
import { recent } from '../base/recent.ts'
import { compareDistance, placeOfKey } from '../routing/distance.ts'
import type { SeedStore } from '../store/store.ts'
import type { Postage } from '../wire/stamp.ts'
import { readStamp } from '../wire/stamp.ts'
import { Bucket } from './bucket.ts'
import type { Core } from './core.ts'

export type TollParts = Pick<Core, 'clock' | 'table' | 'placeOf' | 'price' | 'stampNumber'> & {
  store: Pick<SeedStore, 'usage'>
  replicas: number
}

const daySeconds = 86_400

/**
 * Whether a stamp pays for a put of `from`. A fresh one pays the price of the hour. An older one is shown again by who repairs: it pays
 * the floor, and while we are pressed only a server that we know and that belongs near the key may come with it, and only with so much: a
 * stamp dated back costs nobody more, simulations/stamp-price.md.
 * @returns undefined when it does, else the factor that a fresh stamp would have to be worth.
 * @throws {MuttrError} `STAMP_MISSING`, `STAMP_INVALID`, `STAMP_TOO_LOW`
 */
export type Toll = (from: PeerId, postage: Postage, frame: Uint8Array | null) => number | undefined

export function createToll(parts: TollParts): Toll {
  const { clock, table, placeOf, price, store, replicas, stampNumber } = parts
  /** Of 2R peers each may bring back its part of what we can hold in a day, and one blob at least; all of them together, all of it. */
  const broughtBy = recent(limits.peersMeteredMax, () => {
    const burst = Math.max(limits.blobBytesMax, store.usage().capBytes / (2 * replicas))
    return new Bucket({ burst, perSecond: burst / daySeconds }, clock.now())
  })

  /** Nobody can prove to be a holder; a server among the 2R nearest may well be one. */
  const isNear = (from: PeerId, key: Uint8Array): boolean => {
    if (!table.has(from)) return false
    const place = placeOfKey(key)
    const near = table.nearest(place, 2 * replicas)
    if (near.length < 2 * replicas) return true
    return compareDistance(place, placeOf(from), placeOf(near.at(-1)!.peer)) <= 0
  }

  const mayBring = (from: PeerId, bytes: number, nowMs: Millis): boolean => {
    const bucket = broughtBy(from)
    if (bucket.fill(nowMs) < bytes) return false
    bucket.take(bytes)
    return true
  }

  return (from, postage, frame) => {
    const nowMs = clock.now()
    const stamp = readStamp(frame, postage, nowMs, stampNumber)
    const isRepair = !stamp.fresh && isNear(from, postage.key)
    if (isRepair && mayBring(from, postage.lengthBytes, nowMs)) return undefined
    const wanted = price(from, postage.key, nowMs)
    const factor = Math.min(limits.priceFactorMax, Math.max(1, Math.ceil(wanted)))
    return factor === 1 || (stamp.fresh && stamp.pays(factor)) ? undefined : factor
  }
}
