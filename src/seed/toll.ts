import { limits } from '../base/limits.ts'
import type { PeerId } from '../base/ports.ts'
import { compareDistance, placeOfKey } from '../routing/distance.ts'
import type { Postage } from '../wire/stamp.ts'
import { readStamp } from '../wire/stamp.ts'
import type { Core } from './core.ts'

export type TollParts = Pick<Core, 'clock' | 'table' | 'placeOf' | 'price'> & { replicas: number }

/**
 * Whether a stamp pays for a put of `from`. A fresh one pays the price of the hour. An older one is shown again by who repairs: it pays
 * the floor, and while we are pressed only who belongs near the key may come with it.
 * @returns undefined when it does, else the factor that a fresh stamp would have to be worth.
 * @throws {MuttrError} `STAMP_MISSING`, `STAMP_INVALID`, `STAMP_TOO_LOW`
 */
export type Toll = (from: PeerId, postage: Postage, frame: Uint8Array | null) => number | undefined

export function createToll({ clock, table, placeOf, price, replicas }: TollParts): Toll {
  /** Nobody can prove to be a holder; who is among the 2R nearest may well be one. */
  const isNear = (from: PeerId, key: Uint8Array): boolean => {
    const place = placeOfKey(key)
    const near = table.nearest(place, 2 * replicas)
    if (near.length < 2 * replicas) return true
    return compareDistance(place, placeOf(from), placeOf(near.at(-1)!.peer)) <= 0
  }
  return (from, postage, frame) => {
    const nowMs = clock.now()
    const stamp = readStamp(frame, postage, nowMs)
    if (!stamp.fresh && isNear(from, postage.key)) return undefined
    const wanted = price(from, postage.key, nowMs)
    const factor = Math.min(limits.priceFactorMax, Math.max(1, Math.ceil(wanted)))
    return factor === 1 || (stamp.fresh && stamp.pays(factor)) ? undefined : factor
  }
}
