import { multiaddr } from '@multiformats/multiaddr'
import { limits } from '../../base/limits.ts'
import type { Millis, PeerId, Reachability } from '../../base/ports.ts'
import type { Standing as Told } from '../../wire/reach.ts'
import type { Scope } from '../addresses.ts'
import { scopeOf, scopes } from '../addresses.ts'

/** What one peer found out when it was asked to dial us. */
export interface Found {
  readonly peer: PeerId
  /** How far away it sees us: of the address that it sees. */
  readonly scope: Scope
  /** Where it dialled us and we saw it come; multiaddrs. */
  readonly reached: readonly string[]
}

/** A port that the router passes on to us. */
export interface Mapping {
  readonly by: 'UPnP' | 'NAT-PMP'
  /** A multiaddr: the router's address outside. */
  readonly address: string
  /** Our port. */
  readonly port: number
}

interface Verdict {
  readonly scope: Scope
  readonly isDialable: boolean
  readonly confirmed: readonly string[]
}

export interface StandingInit {
  /** Serves nobody, whatever comes. */
  client: boolean
  /** Stays a server when nobody could dial us. */
  always: boolean
  /** Addresses that the operator vouches for. */
  announce: readonly string[]
}

export const settleMs: Millis = 1_000
const againMs: Millis = 20_000
const recheckMs: Millis = 15 * 60_000
const hiddenFirstMs: Millis = 60_000
/** After which a connection that came in no longer shows that we can be dialled. */
const evidenceMs: Millis = 10 * 60_000

const rank = (scope: Scope): number => scopes.indexOf(scope)
/** `/ip4` or `/ip6` */
const familyOf = (address: string): string => address.slice(0, 4)
const scopeOfText = (address: string): Scope => scopeOf(multiaddr(address))
const fits = (addresses: readonly string[]): string[] =>
  [...new Set(addresses)].slice(0, limits.contactAddressesMax)

/**
 * Decides whether we are a server to others, where they are told to dial us, and when to ask again. It believes that we can be
 * dialled when a peer said so and came: nobody can make a server of us by words alone. Where nobody has been asked yet, it
 * judges by the addresses. Source: docs/protocol/reach.md
 */
export class Standing {
  readonly #init: StandingInit
  #own: readonly string[] = []
  #relays: readonly string[] = []
  #mapping: Mapping | undefined
  #unmapped = ''
  #verdict: Verdict | undefined
  /** Rounds in a row in which nobody reached us. */
  #denials = 0
  /** Rounds in a row in which nobody had anything to say. */
  #silences = 0
  #dueMs: Millis = 0
  #cameMs: Millis = Number.NEGATIVE_INFINITY

  constructor(init: StandingInit) {
    this.#init = init
  }

  get mapping(): Mapping | undefined {
    return this.#mapping
  }

  /** When the next round of questions is due. */
  get dueMs(): Millis {
    return this.#dueMs
  }

  /** Nobody can dial us: what relays and mappings are for. */
  get isHidden(): boolean {
    return this.#verdict?.isDialable === false
  }

  /** Whether a round of peers so far away tells us more than we know. */
  counts(scope: Scope): boolean {
    return !this.#init.client && scope !== 'machine'
  }

  /** Of the addresses we listen at. @returns whether they have changed. */
  own(addresses: readonly string[], nowMs: Millis): boolean {
    if (`${addresses}` === `${this.#own}`) return false
    this.#forget(addresses)
    this.#own = [...addresses]
    this.#denials = 0
    this.#dueMs = Math.min(this.#dueMs, nowMs + settleMs)
    return true
  }

  /** Where we were dialled counts no more when that address is gone, or, passed on by a router, what it was passed on to. */
  #forget(now: readonly string[]): void {
    const verdict = this.#verdict
    if (!verdict?.isDialable) return
    const of = (all: readonly string[], address: string) =>
      `${all.filter(other => familyOf(other) === familyOf(address))}`
    const confirmed = verdict.confirmed.filter(address =>
      this.#own.includes(address)
        ? now.includes(address)
        : of(this.#own, address) === of(now, address)
    )
    this.#verdict = confirmed.length > 0 ? { ...verdict, confirmed } : undefined
    if (!this.#verdict) this.#cameMs = Number.NEGATIVE_INFINITY
  }

  /** @param failure why there is none */
  mapped(mapping: Mapping | undefined, nowMs: Millis, failure = ''): void {
    this.#unmapped = failure
    if (mapping?.address === this.#mapping?.address) return
    this.#mapping = mapping
    this.#dueMs = Math.min(this.#dueMs, nowMs)
  }

  /** Addresses behind relays that hold a place for us. */
  relayed(addresses: readonly string[]): void {
    this.#relays = fits(addresses)
  }

  /** Somebody from so far away connected to us directly, unasked or asked. */
  came(scope: Scope, nowMs: Millis): void {
    if (!this.#verdict || rank(scope) >= rank(this.#verdict.scope)) this.#cameMs = nowMs
  }

  /** A round is over: all who were asked and had something to say, of one scope. */
  answered(round: readonly Found[], nowMs: Millis): void {
    const [first] = round
    if (!first) {
      this.#dueMs = nowMs + Math.min(recheckMs, againMs * 2 ** this.#silences)
      this.#silences = Math.min(this.#silences + 1, 10)
      return
    }
    this.#silences = 0
    const { scope } = first
    const reached = fits(round.flatMap(found => found.reached))
    const before = this.#verdict?.scope === scope ? this.#verdict : undefined
    if (reached.length > 0) {
      this.#denials = 0
      this.#verdict = { scope, isDialable: true, confirmed: reached }
      this.#dueMs = nowMs + recheckMs
      return
    }
    this.#denials += 1
    // Others still come, or only this round went wrong: it is asked once more.
    const doubtful = before?.isDialable && (this.#denials < 2 || nowMs - this.#cameMs < evidenceMs)
    if (doubtful) this.#dueMs = nowMs + againMs
    else {
      this.#verdict = { scope, isDialable: false, confirmed: [] }
      const patience = hiddenFirstMs * 2 ** Math.min(4, this.#denials - 1)
      this.#dueMs = nowMs + Math.min(recheckMs, patience)
    }
  }

  /** Whether a peer so far away may take us for a server. */
  serverTo(scope: Scope): boolean {
    if (this.#init.client) return false
    if (this.#init.always) return true
    const verdict = this.#verdict
    if (verdict && (!verdict.isDialable || rank(scope) <= rank(verdict.scope)))
      return verdict.isDialable
    const places = [...this.#init.announce, ...this.#own].map(scopeOfText)
    return scope === 'machine' || places.some(place => rank(place) >= rank(scope))
  }

  /** What a peer so far away is told. */
  to(scope: Scope): Told {
    const server = this.serverTo(scope)
    const addresses = this.#addresses(server)
    // Nobody elsewhere is told of the networks of this house.
    const useful = addresses.filter(address => rank(scopeOfText(address)) >= rank(scope))
    return { server, addresses: fits(useful) }
  }

  /** Where anybody may try: those that lead farthest, since it may be published. */
  addresses(): string[] {
    const all = this.#addresses(this.serverTo(this.#verdict?.scope ?? 'machine'))
    const far = scopes.findLast(scope => all.some(address => scopeOfText(address) === scope))
    return fits(all.filter(address => scopeOfText(address) === far))
  }

  #addresses(server: boolean): readonly string[] {
    if (this.#init.client) return []
    if (!server) return this.#relays
    const { announce } = this.#init
    const verdict = this.#verdict
    if (!verdict?.isDialable) return [...announce, ...this.#own]
    const { confirmed, scope } = verdict
    // One firewall stands before all addresses of a family; which of them a peer saw is chance.
    const families = confirmed.map(familyOf)
    const alike = this.#own.filter(
      address =>
        rank(scopeOfText(address)) < rank(scope) ||
        (families.includes(familyOf(address)) && scopeOfText(address) === scope)
    )
    return [...announce, ...confirmed, ...alike]
  }

  reach(): Reachability {
    const { client, always } = this.#init
    if (client) return { how: 'none', reason: 'a client: it serves nobody' }
    const verdict = this.#verdict
    if (!verdict) return { how: 'direct', reason: this.#guess() }
    if (verdict.isDialable) return this.#dialable(verdict)
    const reason = `nobody could dial us${this.#unmapped === '' ? '' : `; ${this.#unmapped}`}`
    const stays = always ? '; stays a server, as muttr.json says' : ''
    return this.#relays.length > 0
      ? { how: 'relayed', reason: `${reason}; through ${this.#relays.length} relays${stays}` }
      : { how: 'none', reason: `${reason}; no relay has a place for us${stays}` }
  }

  #guess(): string {
    const isPublic = [...this.#init.announce, ...this.#own].some(a => scopeOfText(a) === 'public')
    return isPublic
      ? 'has a public address; nobody was asked to dial it yet'
      : 'no peer outside of its own network was asked yet'
  }

  #dialable({ confirmed, scope }: Verdict): Reachability {
    const [address] = confirmed
    const where = scope === 'public' ? '' : ', from its own network'
    const direct = confirmed.find(a => this.#own.includes(a))
    if (direct) return { how: 'direct', reason: `peers have dialled ${direct}${where}` }
    const mapping = this.#mapping
    return mapping && confirmed.includes(mapping.address)
      ? { how: 'mapped', reason: `the router passes on ${mapping.address} (${mapping.by})` }
      : { how: 'mapped', reason: `peers have dialled ${address}, a port passed on to us` }
  }
}
