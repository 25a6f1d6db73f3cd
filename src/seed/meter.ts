import { limits } from '../base/limits.ts'
import type { Millis, PeerId } from '../base/ports.ts'
import type { Rate } from './bucket.ts'
import { Bucket } from './bucket.ts'

export interface MeterRates {
  /** Of one peer. */
  requests: Rate
  putBytes: Rate
  /** Of all peers of one subnet. */
  subnetRequests: Rate
  subnetPutBytes: Rate
  /** Of everybody. */
  allPutBytes: Rate
}

const usual: MeterRates = {
  requests: { burst: limits.peerRequestsBurst, perSecond: limits.peerRequestsPerSecond },
  putBytes: { burst: limits.peerPutBytesBurst, perSecond: limits.peerPutBytesPerSecond },
  subnetRequests: {
    burst: limits.subnetRequestsBurst,
    perSecond: limits.subnetRequestsPerSecond
  },
  subnetPutBytes: {
    burst: limits.subnetPutBytesBurst,
    perSecond: limits.subnetPutBytesPerSecond
  },
  allPutBytes: { burst: limits.allPutBytesBurst, perSecond: limits.allPutBytesPerSecond }
}

interface Account {
  readonly requests: Bucket
  readonly putBytes: Bucket
}

/** Accounts by name; of more than `most` the one unused longest is forgotten. */
class Accounts {
  readonly #most: number
  readonly #open: (nowMs: Millis) => Account
  readonly #accounts = new Map<string, Account>()

  constructor(most: number, open: (nowMs: Millis) => Account) {
    this.#most = most
    this.#open = open
  }

  of(name: string, nowMs: Millis): Account {
    let found = this.#accounts.get(name)
    if (found) this.#accounts.delete(name)
    else found = this.#open(nowMs)
    this.#accounts.set(name, found) // the latest stand last
    if (this.#accounts.size > this.#most) this.#accounts.delete(this.#accounts.keys().next().value!)
    return found
  }
}

/**
 * What a seed does for its peers per second: for each of them, for all of one subnet together (ids cost nothing, networks do), and
 * for all. Remembers the latest 4,096 of each. Source: docs/protocol/admission.md
 */
export class Meter {
  readonly #subnetOf: (peer: PeerId) => string | undefined
  readonly #peers: Accounts
  readonly #subnets: Accounts
  readonly #all: Bucket

  constructor(
    nowMs: Millis,
    rates: Partial<MeterRates> = {},
    subnetOf: (peer: PeerId) => string | undefined = () => undefined
  ) {
    const r = { ...usual, ...rates }
    const account = (requests: Rate, putBytes: Rate) => (atMs: Millis) => ({
      requests: new Bucket(requests, atMs),
      putBytes: new Bucket(putBytes, atMs)
    })
    this.#subnetOf = subnetOf
    this.#peers = new Accounts(limits.peersMeteredMax, account(r.requests, r.putBytes))
    const ofSubnet = account(r.subnetRequests, r.subnetPutBytes)
    this.#subnets = new Accounts(limits.subnetsMeteredMax, ofSubnet)
    this.#all = new Bucket(r.allPutBytes, nowMs)
  }

  /**
   * Counts one request, and `putBytes` that it wants stored or read. The narrowest account first: what is refused there takes
   * nothing from the others.
   * @returns false when that is too much.
   */
  admits(peer: PeerId, putBytes: number, nowMs: Millis): boolean {
    const subnet = this.#subnetOf(peer)
    const accounts = [this.#peers.of(peer, nowMs)]
    if (subnet !== undefined) accounts.push(this.#subnets.of(subnet, nowMs))
    for (const { requests } of accounts) {
      if (requests.fill(nowMs) < 1) return false
      requests.take(1)
    }
    if (putBytes === 0) return true
    const buckets = [...accounts.map(account => account.putBytes), this.#all]
    if (buckets.some(bucket => bucket.fill(nowMs) < putBytes)) return false
    for (const bucket of buckets) bucket.take(putBytes)
    return true
  }
}
