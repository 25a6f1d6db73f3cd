import type {
  Connection,
  PeerId as Libp2pPeerId,
  Listener,
  MultiaddrConnection,
  Stream,
  StreamHandler,
  StreamHandlerOptions,
  Transport,
  Upgrader
} from '@libp2p/interface'
import { transportSymbol } from '@libp2p/interface'
import { AbstractMultiaddrConnection, lpStream } from '@libp2p/utils'
import type { Multiaddr } from '@multiformats/multiaddr'
import { multiaddr } from '@multiformats/multiaddr'
import { MuttrError } from '../../base/errors.ts'
import type { Millis, PeerId } from '../../base/ports.ts'
import { isRelayed, relayOf } from '../addresses.ts'
import { parsePeer } from '../place.ts'
import { endSoon } from '../stream.ts'
import {
  decodeRelay,
  encodeRelay,
  hopProtocol,
  peerOfId,
  relayMessageBytesMax,
  status,
  stopProtocol
} from './messages.ts'

/** Of libp2p's components, what this file reaches for. */
interface Components {
  connectionManager: {
    getConnections(peer: Libp2pPeerId): Connection[]
    openConnection(address: Multiaddr, options: { signal: AbortSignal }): Promise<Connection>
  }
  registrar: {
    handle(protocol: string, handler: StreamHandler, options: StreamHandlerOptions): Promise<void>
    unhandle(protocol: string): Promise<void>
  }
  transportManager: { getAddrs(): Multiaddr[] }
  upgrader: Upgrader
}

const handshakeMs = 5_000
const streamsOfOne = { maxInboundStreams: 16, maxOutboundStreams: 16 }

/** A stream through a relay in the place of a socket. */
class RelayedConnection extends AbstractMultiaddrConnection {
  readonly #stream: Stream

  constructor(stream: Stream, remoteAddr: Multiaddr, direction: 'inbound' | 'outbound') {
    super({ remoteAddr, direction, log: stream.log, inactivityTimeout: idleMs })
    this.#stream = stream
    stream.addEventListener('close', ({ error }) => this.onTransportClosed(error))
    stream.addEventListener('remoteCloseWrite', () => {
      this.onRemoteCloseWrite()
      endSoon(stream)
    })
    stream.addEventListener('message', ({ data }) => this.onData(data))
    stream.addEventListener('drain', () =>
      queueMicrotask(() => {
        if (!stream.writableNeedsDrain && stream.writeBufferLength === 0)
          this.safeDispatchEvent('drain')
      })
    )
  }

  sendData(data: Parameters<MultiaddrConnection['send']>[0] & { byteLength: number }) {
    const sentBytes = data.byteLength
    return { sentBytes, canSendMore: this.#stream.send(data) }
  }
  async sendClose(): Promise<void> {
    endSoon(this.#stream)
  }
  sendReset(): void {
    this.#stream.abort(new MuttrError('PEER_CLOSED', 'the relayed connection was reset'))
  }
  sendPause(): void {
    this.#stream.pause()
  }
  sendResume(): void {
    this.#stream.resume()
  }
}

/** Connections of ours have heartbeats; one that says nothing for so long is dead. */
const idleMs = 120_000

/** Dials peers through a relay, and is dialled through those where we have a reservation: libp2p's circuit relay, version 2. */
export class RelayTransport implements Transport {
  readonly [transportSymbol] = true
  readonly [Symbol.toStringTag] = 'muttr-relay'
  readonly #p: Components
  /** The relays that may bring us connections, by peer. */
  readonly #relays = new Map<PeerId, Connection>()

  constructor(components: Components) {
    this.#p = components
  }

  /** Called by libp2p. */
  async start(): Promise<void> {
    const take: StreamHandler = (stream, connection) => void this.#stop(stream, connection)
    await this.#p.registrar.handle(stopProtocol, take, streamsOfOne)
  }
  async stop(): Promise<void> {
    this.#relays.clear()
    await this.#p.registrar.unhandle(stopProtocol)
  }

  /** Where this node listens, all of it: of public addresses libp2p itself tells only what its own autonat has confirmed. */
  listening(): Multiaddr[] {
    return this.#p.transportManager.getAddrs()
  }

  dialFilter = (all: Multiaddr[]): Multiaddr[] => all.filter(isRelayed)
  listenFilter = (): Multiaddr[] => []
  createListener(): Listener {
    throw new TypeError('a relay is asked for a reservation instead')
  }

  /** Connections that others reach us by are not to be closed. */
  isOn(connection: Connection): boolean {
    return this.#relays.get(connection.remotePeer.toString()) === connection
  }

  /**
   * Asks the peer of a direct connection to let others dial us through it; asking again makes it last longer.
   * @returns when that ends. @throws {MuttrError} `PEER_REFUSED`, and what libp2p throws, also when the peer is no relay
   */
  async reserve(connection: Connection, signal: AbortSignal): Promise<Millis> {
    const peer = connection.remotePeer.toString()
    const stream = await connection.newStream(hopProtocol, { signal })
    try {
      const lp = lpStream(stream, { maxDataLength: relayMessageBytesMax })
      await lp.write(encodeRelay('hop', { type: 'reserve' }), { signal })
      const said = decodeRelay('hop', (await lp.read({ signal })).subarray())
      if (said.type !== 'status' || said.status !== status.ok)
        throw new MuttrError('PEER_REFUSED', 'the relay has no room for us')
      this.#relays.set(peer, connection)
      return (said.expireSeconds ?? 0) * 1_000
    } finally {
      endSoon(stream)
    }
  }

  /** Nobody is let in through it any more. */
  release(peer: PeerId): void {
    this.#relays.delete(peer)
  }

  async dial(address: Multiaddr, o: Parameters<Transport['dial']>[1]): Promise<Connection> {
    const way = relayOf(address)
    if (!way) throw new MuttrError('PEER_UNREACHABLE', 'not the address of a relayed peer')
    const { signal, upgrader } = o
    const relay = await this.#connectionTo(way.relay, way.at, signal)
    const stream = await relay.newStream(hopProtocol, { signal, maxOutboundStreams: 16 })
    try {
      const lp = lpStream(stream, { maxDataLength: relayMessageBytesMax })
      const peer = parsePeer(way.peer).toMultihash().bytes
      await lp.write(encodeRelay('hop', { type: 'connect', peer }), { signal })
      const said = decodeRelay('hop', (await lp.read({ signal })).subarray())
      if (said.type !== 'status' || said.status !== status.ok)
        throw new MuttrError('PEER_UNREACHABLE', 'the relay does not lead to the peer')
      const connection = new RelayedConnection(lp.unwrap(), address, 'outbound')
      return await upgrader.upgradeOutbound(connection, o)
    } catch (err) {
      stream.abort(err as Error)
      throw err
    }
  }

  async #connectionTo(relay: PeerId, at: Multiaddr, signal: AbortSignal): Promise<Connection> {
    const { connectionManager } = this.#p
    const open = connectionManager
      .getConnections(parsePeer(relay))
      .find(c => c.status === 'open' && !isRelayed(c.remoteAddr))
    return open ?? connectionManager.openConnection(at, { signal })
  }

  /** A relay brings somebody. */
  async #stop(stream: Stream, connection: Connection): Promise<void> {
    const signal = AbortSignal.timeout(handshakeMs)
    try {
      if (!this.isOn(connection)) throw new MuttrError('PEER_REFUSED', 'no relay of ours')
      const lp = lpStream(stream, { maxDataLength: relayMessageBytesMax })
      const asked = decodeRelay('stop', (await lp.read({ signal })).subarray())
      const peer = asked.type === 'connect' ? peerOfId(asked.peer) : undefined
      if (peer === undefined) throw new MuttrError('WIRE_MALFORMED', 'a relay that brings nobody')
      await lp.write(encodeRelay('stop', { type: 'status', status: status.ok }), { signal })
      const address = multiaddr(`${connection.remoteAddr}/p2p-circuit/p2p/${peer}`)
      const brought = new RelayedConnection(lp.unwrap(), address, 'inbound')
      await this.#p.upgrader.upgradeInbound(brought, { signal })
    } catch (err) {
      stream.abort(err as Error)
    }
  }
}
