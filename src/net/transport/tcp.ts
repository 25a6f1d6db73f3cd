import type { MultiaddrConnection, Transport, Upgrader } from '@libp2p/interface'
import type { TCPComponents, TCPDialEvents, TCPOptions } from '@libp2p/tcp'
import { tcp } from '@libp2p/tcp'
import { coalesce } from './coalesce.ts'
import { assume, isFeed } from './optimistic.ts'

/** The only encryption we offer; the dialler does not wait to hear that the other side has it too. */
const encryption = '/noise'

/** libp2p's tcp, with fewer packets and one round trip less to dial. docs/decisions/011-half-a-round-trip.md, 012-dialling.md */
export const quickTcp =
  (options?: TCPOptions) =>
  (components: TCPComponents): Transport<TCPDialEvents> => {
    const transport = tcp(options)(components)
    const dial = transport.dial.bind(transport)
    const createListener = transport.createListener.bind(transport)
    transport.dial = (address, o) => dial(address, { ...o, upgrader: quick(o.upgrader) })
    transport.createListener = o => createListener({ ...o, upgrader: quick(o.upgrader) })
    return transport
  }

function quick(upgrader: Upgrader): Upgrader {
  const prepare = (connection: MultiaddrConnection, outbound: boolean) => {
    if (!isFeed(connection)) throw new TypeError('libp2p has changed: connections take no data')
    coalesce(connection)
    if (outbound) assume(connection, encryption)
    return connection
  }
  const changed: Pick<Upgrader, 'upgradeInbound' | 'upgradeOutbound'> = {
    upgradeInbound: (connection, o) => upgrader.upgradeInbound(prepare(connection, false), o),
    upgradeOutbound: (connection, o) => upgrader.upgradeOutbound(prepare(connection, true), o)
  }
  return Object.assign(Object.create(upgrader), changed)
}
