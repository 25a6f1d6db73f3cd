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
  /** A notice of another pod, which is known by name. */
  pod(hostname: string, nowMs: Millis): void
  /** A request to be passed on blindly; one that was, by what its relay is known by; a blob for one. */
  blind(account: AccountId, nowMs: Millis): void
  blindOf(relay: string, nowMs: Millis): void
  blindGet(relay: string, nowMs: Millis): void
  /** A request for tokens; a token to be checked, of who came through this relay. */
  tokens(nowMs: Millis): void
  token(relay: string, nowMs: Millis): void
  /** An address of a key, paid for by a token of this pod. */
  keyAddress(issuer: string, nowMs: Millis): void
  register(account: AccountId, nowMs: Millis): void
  /** A request about an account's own addresses. */
  addresses(account: AccountId, nowMs: Millis): void
  report(peer: PeerId, nowMs: Millis): void
  /** Undefined where networks are not counted. */
  networkOf(peer: PeerId): string | undefined
  /** A notice for one address, whether anybody has it or not; asked once it is open. */
  address(peer: PeerId, address: string, nowMs: Millis): void
  /** Whether one more datagram of a network is opened. Does not throw. */
  datagram(network: string, nowMs: Millis): boolean
  /** The same of one for an address, once it is open. */
  datagramFor(address: string, nowMs: Millis): boolean
}

interface Renewed {
  /** The limits are others now: all that was counted is forgotten. */
  renew(): void
}

const all = 'all'

/**
 * The narrow gate first: a peer that is refused there takes nothing from the others.
 * @param subnetOf as {@link Network.subnetOf}: ids cost nothing, networks do.
 */
export function createGates(
  limits: () => PodLimits,
  subnetOf: (peer: PeerId) => string | undefined = () => undefined
): Gates & Renewed {
  let gates = make(limits(), subnetOf)
  return {
    request: (...asked) => gates.request(...asked),
    identify: (...asked) => gates.identify(...asked),
    lookup: (...asked) => gates.lookup(...asked),
    notice: (...asked) => gates.notice(...asked),
    blind: (...asked) => gates.blind(...asked),
    blindOf: (...asked) => gates.blindOf(...asked),
    blindGet: (...asked) => gates.blindGet(...asked),
    tokens: (...asked) => gates.tokens(...asked),
    token: (...asked) => gates.token(...asked),
    keyAddress: (...asked) => gates.keyAddress(...asked),
    register: (...asked) => gates.register(...asked),
    addresses: (...asked) => gates.addresses(...asked),
    report: (...asked) => gates.report(...asked),
    address: (...asked) => gates.address(...asked),
    pod: (...asked) => gates.pod(...asked),
    datagram: (...asked) => gates.datagram(...asked),
    datagramFor: (...asked) => gates.datagramFor(...asked),
    networkOf: subnetOf,
    renew() {
      gates = make(limits(), subnetOf)
    }
  }
}

function make(
  limits: PodLimits,
  subnetOf: (peer: PeerId) => string | undefined
): Omit<Gates, 'networkOf'> {
  const perPeer = {
    request: createRates('requests', limits.requestsPerPeer),
    identify: createRates('identifications', limits.identifiesPerPeer),
    lookup: createRates('lookups', limits.lookupsPerPeer),
    notice: createRates('notices', limits.noticesPerPeer)
  }
  const perSubnet = {
    request: createRates('requests of one network', limits.requestsPerSubnet),
    identify: createRates('identifications of one network', limits.identifiesPerSubnet),
    lookup: createRates('lookups of one network', limits.lookupsPerSubnet),
    notice: createRates('notices of one network', limits.noticesPerSubnet)
  }
  const perPod = createRates('notices of one pod', limits.noticesPerPod)
  const blind = {
    account: createRates('blind requests', limits.blindPerAccount),
    relay: createRates('blind requests of one relay', limits.blindPerRelay),
    gets: createRates('blobs for one relay', limits.blindGetsPerRelay),
    token: createRates('tokens through one relay', limits.tokensPerRelay),
    keyAddress: createRates('addresses of keys by one pod', limits.keyAddressesPerPod)
  }
  const reports = createRates('reports of one network', limits.reportsPerSubnet)
  const perAddress = createRates('notices of one sender for one address', limits.noticesPerAddress)
  const datagrams = {
    perSubnet: createRates('datagrams of one network', limits.datagramsPerSubnet),
    perAddress: createRates('datagrams for one address', limits.datagramsPerAddress),
    inAll: createRates('datagrams', limits.datagramsInAll)
  }
  const ofSubnet = (kind: keyof typeof perSubnet, peer: PeerId, nowMs: Millis): void => {
    const subnet = subnetOf(peer)
    if (subnet !== undefined) perSubnet[kind].take(subnet, nowMs)
  }
  const perAccount = {
    lookup: createRates('lookups', limits.lookupsPerAccount),
    notice: createRates('notices', limits.noticesPerAccount),
    register: createRates('registrations', limits.registrationsPerAccount),
    addresses: createRates('requests about addresses', limits.addressesPerAccount)
  }
  const inAll = {
    identify: createRates('identifications of all peers', limits.identifiesInAll),
    lookup: createRates('lookups of all peers', limits.lookupsInAll),
    notice: createRates('notices of all peers', limits.noticesInAll),
    register: createRates('registrations of all accounts', limits.registrationsInAll),
    report: createRates('reports of all peers', limits.reportsInAll),
    blind: createRates('blind requests of all', limits.blindInAll),
    blindOf: createRates('blind requests of all relays', limits.blindOfRelaysInAll),
    blindGet: createRates('blobs for all relays', limits.blindGetsInAll),
    tokens: createRates('requests for tokens', limits.tokenRequestsInAll),
    token: createRates('tokens of all relays', limits.tokensInAll)
  }
  const both = (
    kind: 'lookup' | 'notice',
    peer: PeerId,
    account: AccountId | undefined,
    nowMs: Millis
  ): void => {
    perPeer[kind].take(peer, nowMs)
    if (account !== undefined) perAccount[kind].take(account, nowMs)
    ofSubnet(kind, peer, nowMs)
    inAll[kind].take(all, nowMs)
  }
  return {
    request(peer, nowMs) {
      perPeer.request.take(peer, nowMs)
      ofSubnet('request', peer, nowMs)
    },
    identify(peer, nowMs) {
      perPeer.identify.take(peer, nowMs)
      ofSubnet('identify', peer, nowMs)
      inAll.identify.take(all, nowMs)
    },
    lookup: (peer, account, nowMs) => both('lookup', peer, account, nowMs),
    notice: (peer, account, nowMs) => both('notice', peer, account, nowMs),
    pod(hostname, nowMs) {
      perPod.take(hostname, nowMs)
      inAll.notice.take(all, nowMs)
    },
    blind(account, nowMs) {
      blind.account.take(account, nowMs)
      inAll.blind.take(all, nowMs)
    },
    blindOf(relay, nowMs) {
      blind.relay.take(relay, nowMs)
      inAll.blindOf.take(all, nowMs)
    },
    blindGet(relay, nowMs) {
      blind.gets.take(relay, nowMs)
      inAll.blindGet.take(all, nowMs)
    },
    tokens: nowMs => inAll.tokens.take(all, nowMs),
    token(relay, nowMs) {
      blind.token.take(relay, nowMs)
      inAll.token.take(all, nowMs)
    },
    keyAddress: (issuer, nowMs) => blind.keyAddress.take(issuer, nowMs),
    register(account, nowMs) {
      perAccount.register.take(account, nowMs)
      inAll.register.take(all, nowMs)
    },
    addresses: (account, nowMs) => perAccount.addresses.take(account, nowMs),
    report(peer, nowMs) {
      reports.take(subnetOf(peer) ?? peer, nowMs)
      inAll.report.take(all, nowMs)
    },
    address: (peer, address, nowMs) =>
      perAddress.take(`${address}/${subnetOf(peer) ?? peer}`, nowMs),
    datagram: (network, nowMs) =>
      datagrams.perSubnet.allows(network, nowMs) && datagrams.inAll.allows(all, nowMs),
    datagramFor: (address, nowMs) => datagrams.perAddress.allows(address, nowMs)
  }
}
