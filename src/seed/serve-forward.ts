import { codeOf, MuttrError } from '../base/errors.ts'
import { limits } from '../base/limits.ts'
import type { Clock, Handler, Millis, Network, PeerId, PlaceOf } from '../base/ports.ts'
import { decodeEmpty, decodeForward, encodeForwarded, encodeLinks } from '../wire/dht.ts'
import type { Meter } from './meter.ts'

interface Parts {
  network: Network
  clock: Clock
  meter: Meter
  /** The longest a forwarded request may take. */
  timeoutMs?: Millis
}

/** Failures of the way, which the asker meets by another way; anything else is the word of the peer meant. */
const ours = new Set(['PEER_TIMEOUT', 'PEER_UNREACHABLE', 'PEER_CLOSED', 'CANCELLED', 'INTERNAL'])

/**
 * Passes a DHT request on to a peer we are connected to, and its answer back: it saves the asker a dial. One hop (what is passed
 * on is never itself a `forward`), no dialling, a bounded number at a time, and all of it on the asker's account.
 */
export function createForward({ network, clock, meter, timeoutMs = 5_000 }: Parts): Handler {
  const underWay = new Map<PeerId, number>()
  let all = 0

  return async (frame, from, signal) => {
    const { to, method, payload } = decodeForward(frame)
    const mine = underWay.get(from) ?? 0
    const isPut = method === 'put' || method === 'record-put' || method === 'release'
    const free = mine < limits.forwardsPerPeerMax && all < limits.forwardsMax
    if (!free || !meter.admits(from, isPut ? frame.byteLength : 0, clock.now()))
      throw new MuttrError('LIMIT_EXCEEDED', 'more forwarding than one peer is given')
    if (to === from || to === network.self || !network.isConnected(to))
      throw new MuttrError('PEER_UNREACHABLE', 'no connection to the peer meant')
    underWay.set(from, mine + 1)
    all += 1
    try {
      const contact = { peer: to, addresses: [] }
      const answer = await network.request(contact, method, payload, { timeoutMs, signal })
      return encodeForwarded([0, answer])
    } catch (err) {
      const code = codeOf(err) ?? 'INTERNAL'
      if (ours.has(code)) throw err
      return encodeForwarded([1, code])
    } finally {
      all -= 1
      const left = underWay.get(from)! - 1
      if (left === 0) underWay.delete(from)
      else underWay.set(from, left)
    }
  }
}

/** Tells which servers we are connected to. */
export function createLinksAnswer(o: {
  network: Network
  clock: Clock
  meter: Meter
  placeOf: PlaceOf
}): Handler {
  return async (frame, from) => {
    decodeEmpty(frame)
    if (!o.meter.admits(from, 0, o.clock.now()))
      throw new MuttrError('LIMIT_EXCEEDED', 'more requests than one peer is given')
    const servers = o.network.connected().filter(({ server }) => server)
    return encodeLinks(servers.map(({ contact }) => o.placeOf(contact.peer)))
  }
}
