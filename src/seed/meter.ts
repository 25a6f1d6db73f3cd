import { limits } from '../base/limits.ts'
import type { Millis, PeerId } from '../base/ports.ts'

interface Rate {
  burst: number
  perSecond: number
}

/** A token bucket: `burst` at once, then `perSecond`. */
class Bucket {
  readonly #rate: Rate
  #left: number
  #atMs: Millis

  constructor(rate: Rate, nowMs: Millis) {
    this.#rate = rate
    this.#left = rate.burst
    this.#atMs = nowMs
  }

  fill(nowMs: Millis): number {
    const gained = (Math.max(0, nowMs - this.#atMs) * this.#rate.perSecond) / 1_000
    this.#atMs = Math.max(this.#atMs, nowMs)
    this.#left = Math.min(this.#rate.burst, this.#left + gained)
    return this.#left
  }

  take(amount: number): void {
    this.#left -= amount
  }
}

export interface MeterRates {
  requests: Rate
  putBytes: Rate
  allPutBytes: Rate
}

const usual: MeterRates = {
  requests: { burst: limits.peerRequestsBurst, perSecond: limits.peerRequestsPerSecond },
  putBytes: { burst: limits.peerPutBytesBurst, perSecond: limits.peerPutBytesPerSecond },
  allPutBytes: { burst: limits.allPutBytesBurst, perSecond: limits.allPutBytesPerSecond }
}

/** What a seed does for its peers per second, until stamps price it. Remembers the latest 4,096 peers. */
export class Meter {
  readonly #rates: MeterRates
  readonly #peers = new Map<PeerId, { requests: Bucket; putBytes: Bucket }>()
  readonly #all: Bucket

  constructor(nowMs: Millis, rates: Partial<MeterRates> = {}) {
    this.#rates = { ...usual, ...rates }
    this.#all = new Bucket(this.#rates.allPutBytes, nowMs)
  }

  /** Counts one request, and `putBytes` that it wants stored or read. @returns false when that is too much. */
  admits(peer: PeerId, putBytes: number, nowMs: Millis): boolean {
    const { requests, putBytes: stored } = this.#of(peer, nowMs)
    if (requests.fill(nowMs) < 1) return false
    requests.take(1)
    if (putBytes === 0) return true
    if (stored.fill(nowMs) < putBytes || this.#all.fill(nowMs) < putBytes) return false
    stored.take(putBytes)
    this.#all.take(putBytes)
    return true
  }

  #of(peer: PeerId, nowMs: Millis) {
    let found = this.#peers.get(peer)
    if (!found) {
      const { requests, putBytes } = this.#rates
      found = { requests: new Bucket(requests, nowMs), putBytes: new Bucket(putBytes, nowMs) }
    } else this.#peers.delete(peer)
    this.#peers.set(peer, found) // the latest stand last
    if (this.#peers.size > limits.peersMeteredMax)
      this.#peers.delete(this.#peers.keys().next().value!)
    return found
  }
}
