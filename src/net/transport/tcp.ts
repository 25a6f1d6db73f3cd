import type { MultiaddrConnection, Transport, Upgrader } from '@libp2p/interface'
import type { TCPComponents, TCPDialEvents, TCPOptions } from '@libp2p/tcp'
import { tcp } from '@libp2p/tcp'
import type { Crowd } from '../crowd.ts'
import { hostOf } from '../crowd.ts'
import { coalesce } from './coalesce.ts'
import type { createLookups } from './names.ts'
import { assume, isFeed } from './optimistic.ts'
import { quiet } from './quiet.ts'

/** The only encryption we offer; the dialler does not wait to hear that the other side has it too. */
const encryption = '/noise'

/** Of the connections that libp2p lets shake hands at once, half: one host alone cannot keep all others out by saying nothing. */
const handshakesPerHostMax = 64

/** libp2p's tcp, with fewer packets and one round trip less to dial. docs/decisions/011-half-a-round-trip.md, 012-dialling.md */
export const quickTcp =
  (crowd: Crowd, lookups?: ReturnType<typeof createLookups>, options?: TCPOptions) =>
  (components: TCPComponents): Transport<TCPDialEvents> => {
    const transport = tcp(options)(components)
    const dial = transport.dial.bind(transport)
    const createListener = transport.createListener.bind(transport)
    transport.dial = (address, o) => {
      const lookup = lookups?.(address)
      // What libp2p does not know of it passes on to the socket.
      return dial(address, { ...o, upgrader: quick(o.upgrader, crowd), ...(lookup && { lookup }) })
    }
    transport.createListener = o => createListener({ ...o, upgrader: quick(o.upgrader, crowd) })
    return transport
  }

function quick(upgrader: Upgrader, crowd: Crowd): Upgrader {
  const prepare = (connection: MultiaddrConnection, outbound: boolean) => {
    if (!isFeed(connection)) throw new TypeError('libp2p has changed: connections take no data')
    quiet(connection)
    coalesce(connection)
    if (outbound) assume(connection, encryption)
    return connection
  }
  const shaking = new Map<string, number>()
  const inbound: Upgrader['upgradeInbound'] = async (connection, o) => {
    const host = hostOf(connection)
    const count = shaking.get(host) ?? 0
    if (count >= handshakesPerHostMax) throw new Error('too many handshakes with this host')
    if (!crowd.enter(connection)) throw new Error('too many connections from this host or network')
    shaking.set(host, count + 1)
    try {
      return await upgrader.upgradeInbound(prepare(connection, false), o)
    } finally {
      const left = shaking.get(host)! - 1
      if (left > 0) shaking.set(host, left)
      else shaking.delete(host)
    }
  }
  const changed: Pick<Upgrader, 'upgradeInbound' | 'upgradeOutbound'> = {
    upgradeInbound: inbound,
    upgradeOutbound: (connection, o) => upgrader.upgradeOutbound(prepare(connection, true), o)
  }
  return Object.assign(Object.create(upgrader), changed)
}
