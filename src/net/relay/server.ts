import type { Connection, Libp2p, PeerId as Libp2pPeerId, Stream } from '@libp2p/interface'
import { lpStream } from '@libp2p/utils'
import { MuttrError } from '../../base/errors.ts'
import { limits } from '../../base/limits.ts'
import type { Clock, Log, Millis, PeerId } from '../../base/ports.ts'
import { isRelayed } from '../addresses.ts'
import { hostOf } from '../crowd.ts'
import { endSoon } from '../stream.ts'
import { join, Pace } from './join.ts'
import type { RelayMessage } from './messages.ts'
import {
  decodeRelay,
  encodeRelay,
  hopProtocol,
  peerOfId,
  relayMessageBytesMax,
  status,
  stopProtocol
} from './messages.ts'

export interface RelayServerParts {
  libp2p: Libp2p
  clock: Clock
  log: Log
  closing: AbortSignal
  /** Others than the usual ones; for tests. */
  caps?: Partial<RelayCaps>
}

export interface RelayCaps {
  /** Peers that may be dialled through us; of these, from one host. */
  reservations: number
  reservationsPerHost: number
  reservationMs: Millis
  /** Relayed connections at a time; of these, to one peer, and dialled from one host. */
  connections: number
  connectionsPerPeer: number
  connectionsPerHost: number
  /** What one of them may carry, both ways, and for how long. */
  dataBytes: number
  durationMs: Millis
  /** What all of them, and those of one peer, may carry in a second. */
  bytesPerSecond: number
  bytesPerSecondOfPeer: number
}

const relayCaps: RelayCaps = {
  reservations: limits.relayReservationsMax,
  reservationsPerHost: limits.relayReservationsPerHostMax,
  reservationMs: limits.relayReservationMs,
  connections: limits.relayConnectionsMax,
  connectionsPerPeer: limits.relayConnectionsPerPeerMax,
  connectionsPerHost: limits.relayConnectionsPerHostMax,
  dataBytes: limits.relayDataBytesMax,
  durationMs: limits.relayDurationMs,
  bytesPerSecond: limits.relayBytesPerSecond,
  bytesPerSecondOfPeer: limits.relayBytesPerSecondOfPeer
}

interface Reservation {
  readonly connection: Connection
  readonly host: string
  readonly pace: Pace
  untilMs: Millis
}

interface Relayed {
  readonly to: PeerId
  readonly host: string
  readonly connections: readonly [Connection, Connection]
}

const handshakeMs = 5_000
const streamsOfOne = { maxInboundStreams: 8, maxOutboundStreams: 64 }

/** Lets peers that nobody can dial be dialled through us: libp2p's circuit relay, bounded. Source: docs/protocol/reach.md */
export class RelayServer {
  readonly #p: RelayServerParts
  readonly #caps: RelayCaps
  readonly #pace: Pace
  readonly #reservations = new Map<PeerId, Reservation>()
  readonly #relayed = new Set<Relayed>()

  constructor(parts: RelayServerParts) {
    this.#p = parts
    this.#caps = { ...relayCaps, ...parts.caps }
    this.#pace = this.#newPace(this.#caps.bytesPerSecond)
    const { libp2p } = parts
    const take = (stream: Stream, connection: Connection) => void this.#hop(stream, connection)
    void libp2p.handle(hopProtocol, take, streamsOfOne)
    libp2p.addEventListener('connection:close', ({ detail }) => this.#closed(detail))
  }

  /** What `muttr status` tells. */
  get usage(): { reservations: number; connections: number } {
    return { reservations: this.#live().length, connections: this.#relayed.size }
  }

  /** Connections that carry others, or wait to, are not to be closed. */
  isOn(connection: Connection): boolean {
    const reservation = this.#reservations.get(connection.remotePeer.toString())
    if (reservation?.connection === connection && reservation.untilMs > this.#p.clock.now())
      return true
    return [...this.#relayed].some(({ connections }) => connections.includes(connection))
  }

  #newPace(bytesPerSecond: number): Pace {
    return new Pace({
      bytesPerSecond,
      burstBytes: 2 * bytesPerSecond,
      nowMs: this.#p.clock.now()
    })
  }

  #live(): [PeerId, Reservation][] {
    const nowMs = this.#p.clock.now()
    for (const [peer, { untilMs }] of this.#reservations)
      if (untilMs <= nowMs) this.#reservations.delete(peer)
    return [...this.#reservations]
  }

  #closed(connection: Connection): void {
    const peer = connection.remotePeer.toString()
    if (this.#reservations.get(peer)?.connection === connection) this.#reservations.delete(peer)
  }

  async #hop(stream: Stream, connection: Connection): Promise<void> {
    const signal = AbortSignal.any([this.#p.closing, AbortSignal.timeout(handshakeMs)])
    const lp = lpStream(stream, { maxDataLength: relayMessageBytesMax })
    const answer = async (message: RelayMessage) =>
      lp.write(encodeRelay('hop', message), { signal })
    const refuse = async (code: number) => {
      await answer({ type: 'status', status: code })
      endSoon(stream)
    }
    try {
      const asked = readHop((await lp.read({ signal })).subarray())
      if (!asked) return await refuse(status.malformed)
      if (isRelayed(connection.remoteAddr)) return await refuse(status.permissionDenied)
      if (asked.type === 'status') return await refuse(status.unexpected)
      if (asked.type === 'reserve') {
        const reserved = this.#reserve(connection)
        await answer(reserved)
        endSoon(stream)
      } else {
        const code = await this.#connect(asked.peer, connection, lp, answer, signal)
        if (code !== status.ok) await refuse(code)
      }
    } catch (err) {
      this.#p.log.debug('relaying failed', { err })
      stream.abort(new MuttrError('PEER_CLOSED', 'relaying failed', { cause: err }))
    }
  }

  #reserve(connection: Connection): RelayMessage {
    const { clock } = this.#p
    const { reservations, reservationsPerHost, reservationMs } = this.#caps
    const peer = connection.remotePeer.toString()
    const host = hostOf(connection)
    const others = this.#live().filter(([other]) => other !== peer)
    const ofHost = others.filter(([, reservation]) => reservation.host === host)
    if (others.length >= reservations || ofHost.length >= reservationsPerHost)
      return { type: 'status', status: status.resourceLimit }
    const untilMs = clock.now() + reservationMs
    const pace =
      this.#reservations.get(peer)?.pace ?? this.#newPace(this.#caps.bytesPerSecondOfPeer)
    this.#reservations.set(peer, { connection, host, pace, untilMs })
    const expireSeconds = Math.floor(untilMs / 1_000)
    return { type: 'status', status: status.ok, expireSeconds, limit: this.#limit() }
  }

  #limit() {
    const { dataBytes, durationMs } = this.#caps
    return { dataBytes, durationSeconds: Math.floor(durationMs / 1_000) }
  }

  /** @returns the status; with ok the streams are one already. */
  async #connect(
    id: Uint8Array,
    from: Connection,
    lp: ReturnType<typeof lpStream<Stream>>,
    answer: (message: RelayMessage) => Promise<void>,
    signal: AbortSignal
  ): Promise<number> {
    const to = peerOfId(id)
    if (to === undefined) return status.noReservation
    const { clock } = this.#p
    const reservation = this.#reservations.get(to)
    if (!reservation || reservation.untilMs <= clock.now()) return status.noReservation
    const { connections, connectionsPerPeer, connectionsPerHost, dataBytes, durationMs } =
      this.#caps
    const all = [...this.#relayed]
    const host = hostOf(from)
    if (
      all.length >= connections ||
      all.filter(r => r.to === to).length >= connectionsPerPeer ||
      all.filter(r => r.host === host).length >= connectionsPerHost
    )
      return status.resourceLimit
    const relayed: Relayed = { to, host, connections: [from, reservation.connection] }
    this.#relayed.add(relayed)
    let isJoined = false
    try {
      const onward = await this.#stop(reservation.connection, from.remotePeer, signal)
      if (!onward) return status.connectionFailed
      await answer({ type: 'status', status: status.ok, limit: this.#limit() })
      isJoined = true
      const paces = [this.#pace, reservation.pace]
      const onEnd = () => void this.#relayed.delete(relayed)
      join(lp.unwrap(), onward, { clock, dataBytes, durationMs, paces, onEnd })
      return status.ok
    } finally {
      if (!isJoined) this.#relayed.delete(relayed)
    }
  }

  /** Asks the peer meant whether it takes the connection. @returns undefined when it does not. */
  async #stop(
    connection: Connection,
    from: Libp2pPeerId,
    signal: AbortSignal
  ): Promise<Stream | undefined> {
    const { maxOutboundStreams } = streamsOfOne
    let stream: Stream | undefined
    try {
      stream = await connection.newStream(stopProtocol, { signal, maxOutboundStreams })
      const lp = lpStream(stream, { maxDataLength: relayMessageBytesMax })
      const peer = from.toMultihash().bytes
      const limit = this.#limit()
      await lp.write(encodeRelay('stop', { type: 'connect', peer, limit }), { signal })
      const said = decodeRelay('stop', (await lp.read({ signal })).subarray())
      if (said.type === 'status' && said.status === status.ok) return lp.unwrap()
      endSoon(stream)
    } catch (err) {
      stream?.abort(new MuttrError('PEER_CLOSED', 'not relayed', { cause: err }))
    }
    return undefined
  }
}

function readHop(bytes: Uint8Array): RelayMessage | undefined {
  try {
    return decodeRelay('hop', bytes)
  } catch {
    return undefined
  }
}
