import type { Millis, PeerId } from '../base/ports.ts'
import type { PodLimits } from './limits.ts'
import { createRates } from './rates.ts'
import type { AccountId } from './rows.ts'

/** Who may ask how often. Each throws {MuttrError} `LIMIT_EXCEEDED`. */
export interface Gates {
  request(peer: PeerId, nowMs: Millis): void
  identify(peer: PeerId, nowMs: Millis): void
  lookup(peer: PeerId, account: AccountId | undefined, nowMs: Millis): void
  notice(peer: PeerId, account: AccountId | undefined, nowMs: Millis): void
  register(account: AccountId, nowMs: Millis): void
}

const all = 'all'

/** The narrow gate first: a peer that is refused there takes nothing from the others. */
export function createGates(limits: PodLimits): Gates {
  const perPeer = {
    request: createRates('requests', limits.requestsPerPeer),
    identify: createRates('identifications', limits.identifiesPerPeer),
    lookup: createRates('lookups', limits.lookupsPerPeer),
    notice: createRates('notices', limits.noticesPerPeer)
  }
  const perAccount = {
    lookup: createRates('lookups', limits.lookupsPerAccount),
    notice: createRates('notices', limits.noticesPerAccount),
    register: createRates('registrations', limits.registrationsPerAccount)
  }
  const inAll = {
    identify: createRates('identifications of all peers', limits.identifiesInAll),
    lookup: createRates('lookups of all peers', limits.lookupsInAll),
    notice: createRates('notices of all peers', limits.noticesInAll),
    register: createRates('registrations of all accounts', limits.registrationsInAll)
  }
  const both = (
    kind: 'lookup' | 'notice',
    peer: PeerId,
    account: AccountId | undefined,
    nowMs: Millis
  ): void => {
    perPeer[kind].take(peer, nowMs)
    if (account !== undefined) perAccount[kind].take(account, nowMs)
    inAll[kind].take(all, nowMs)
  }
  return {
    request: (peer, nowMs) => perPeer.request.take(peer, nowMs),
    identify(peer, nowMs) {
      perPeer.identify.take(peer, nowMs)
      inAll.identify.take(all, nowMs)
    },
    lookup: (peer, account, nowMs) => both('lookup', peer, account, nowMs),
    notice: (peer, account, nowMs) => both('notice', peer, account, nowMs),
    register(account, nowMs) {
      perAccount.register.take(account, nowMs)
      inAll.register.take(all, nowMs)
    }
  }
}
