import type { ErrorCode } from '../base/errors.ts'
import { codeOf, MuttrError } from '../base/errors.ts'
import { limits } from '../base/limits.ts'
import type { Clock, Contact, Handler, Millis, Network, PeerId, PlaceOf } from '../base/ports.ts'
import { believed } from '../routing/subnet.ts'
import type { Table } from '../routing/table.ts'
import { decodeVia, encodeViaAnswer } from '../wire/via.ts'
import type { Rate } from './bucket.ts'
import { Bucket } from './bucket.ts'

/** Whose device a peer is, as it proved to the pod on this node; undefined for anybody else. */
export type UserOf = (peer: PeerId) => Promise<string | undefined>

interface ViaRates {
  /** Of one user. */
  requests: Rate
  bytes: Rate
  dials: Rate
  /** Of all users together. */
  allBytes: Rate
  allDials: Rate
}

interface Parts {
  network: Network
  clock: Clock
  table: Table
  placeOf: PlaceOf
  userOf: UserOf
  rates?: Partial<ViaRates>
  /** The longest one request may take, dialling included. */
  timeoutMs?: Millis
}

const usual: ViaRates = {
  requests: { burst: limits.viaRequestsBurst, perSecond: limits.viaRequestsPerSecond },
  bytes: { burst: limits.viaBytesBurst, perSecond: limits.viaBytesPerSecond },
  dials: { burst: limits.viaDialsBurst, perSecond: limits.viaDialsPerSecond },
  allBytes: { burst: limits.allViaBytesBurst, perSecond: limits.allViaBytesPerSecond },
  allDials: { burst: limits.allViaDialsBurst, perSecond: limits.allViaDialsPerSecond }
}

const away: ReadonlySet<ErrorCode | undefined> = new Set<ErrorCode | undefined>([
  'PEER_TIMEOUT',
  'PEER_UNREACHABLE',
  'PEER_CLOSED'
])
const usersMax = 4_096

/**
 * Passes a user's DHT requests on to any peer, dialling where there is no connection, so that the peer meant sees the relay and not the
 * user. For users only, whom the pod can tell apart: peer ids cost nothing, and a relay for anybody would knock at any door for anybody.
 * Source: docs/protocol/dht.md#via
 */
export function createViaAnswer(parts: Parts): Handler {
  const { network, clock, userOf, timeoutMs = 4_500 } = parts
  const accounts = createAccounts(clock, { ...usual, ...parts.rates })

  return async (frame, from, signal) => {
    const user = await userOf(from)
    if (user === undefined)
      throw new MuttrError('IDENTIFY_FIRST', 'relays for people with an alias here, no others')
    const { to, method, payload } = decodeVia(frame)
    if (to.peer === from || to.peer === network.self)
      return encodeViaAnswer([2, 'PEER_UNREACHABLE'])
    using account = accounts.enter(user, frame.byteLength)
    const contact = network.isConnected(to.peer) ? bare(to) : account.dial(whereIs(parts, to, from))
    if (contact.addresses.length === 0 && !network.isConnected(to.peer))
      return encodeViaAnswer([2, 'PEER_UNREACHABLE'])
    try {
      const answer = await network.request(contact, method, payload, { timeoutMs, signal })
      account.answered(answer.byteLength)
      return encodeViaAnswer([0, answer])
    } catch (err) {
      const code = codeOf(err)
      if (code === 'CANCELLED') throw err
      if (away.has(code)) return encodeViaAnswer([2, code!])
      return encodeViaAnswer([1, code ?? 'PEER_REFUSED'])
    }
  }
}

const bare = ({ peer }: Contact): Contact => ({ peer, addresses: [] })

/** Where we know the peer to be, then where the user says it is, as far as we would follow anybody's word. */
function whereIs({ table, placeOf, network }: Parts, to: Contact, from: PeerId): Contact {
  const { peer } = to
  const [known] = table.nearest(placeOf(peer), 1, { spares: true })
  const ours = known?.peer === peer ? known.addresses : []
  const teller = network.connected().find(({ contact }) => contact.peer === from)?.contact
  const [told] = believed(teller ?? { peer: from, addresses: [] }, [to])
  const addresses = [...new Set([...ours, ...told!.addresses])]
  return { peer, addresses: addresses.slice(0, limits.contactAddressesMax) }
}

/** A request on its way, on its user's account. */
interface Entered extends Disposable {
  /** @returns the contact, now that its dial is on the account. @throws {MuttrError} `LIMIT_EXCEEDED` */
  dial(contact: Contact): Contact
  answered(bytes: number): void
}

interface Account {
  underWay: number
  readonly requests: Bucket
  readonly bytes: Bucket
  readonly dials: Bucket
}

function createAccounts(clock: Clock, rates: ViaRates) {
  const accounts = new Map<string, Account>()
  const allBytes = new Bucket(rates.allBytes, clock.now())
  const allDials = new Bucket(rates.allDials, clock.now())
  let underWay = 0
  const refuse = (what: string): never => {
    throw new MuttrError('LIMIT_EXCEEDED', `more ${what} than a user is given`)
  }

  function of(user: string, nowMs: Millis): Account {
    const known = accounts.get(user)
    const { requests, bytes, dials } = rates
    const account = known ?? {
      underWay: 0,
      requests: new Bucket(requests, nowMs),
      bytes: new Bucket(bytes, nowMs),
      dials: new Bucket(dials, nowMs)
    }
    if (known) accounts.delete(user) // the latest stand last
    accounts.set(user, account)
    if (accounts.size > usersMax) accounts.delete(accounts.keys().next().value!)
    return account
  }

  return {
    /** @throws {MuttrError} `LIMIT_EXCEEDED` */
    enter(user: string, bytes: number): Entered {
      const nowMs = clock.now()
      const account = of(user, nowMs)
      if (account.underWay >= limits.viaPerUserMax || underWay >= limits.viaMax)
        refuse('requests at a time')
      if (account.requests.fill(nowMs) < 1) refuse('requests')
      if (account.bytes.fill(nowMs) < bytes || allBytes.fill(nowMs) < bytes) refuse('bytes')
      const take = (amount: number) => {
        account.bytes.take(amount)
        allBytes.take(amount)
      }
      account.requests.take(1)
      take(bytes)
      account.underWay += 1
      underWay += 1
      return {
        dial(contact) {
          if (account.dials.fill(nowMs) < 1 || allDials.fill(nowMs) < 1) refuse('dials')
          account.dials.take(1)
          allDials.take(1)
          return contact
        },
        answered: take, // known too late to refuse: what is over is missing from the next
        [Symbol.dispose]() {
          account.underWay -= 1
          underWay -= 1
        }
      }
    }
  }
}
