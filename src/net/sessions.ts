import type { Connection, Libp2p, Stream } from '@libp2p/interface'
import type { Clock, Log, PeerId, Session } from '../base/ports.ts'
import type { Slots, Traffic } from './channel/channel.ts'
import { Channel } from './channel/channel.ts'
import { connectLane, endSoon, laneOf } from './stream.ts'

interface Parts {
  libp2p: Libp2p
  clock: Clock
  log: Log
  mode: 'server' | 'client'
  slots: Slots
  traffic: Traffic
}

/** Private streams: a channel each, all frames on one stream. */
export class Sessions {
  readonly #parts: Parts
  readonly #open = new Map<string, number>()
  readonly #channels = new Set<Channel>()

  constructor(parts: Parts) {
    this.#parts = parts
  }

  /** Connections that carry one are not to be closed. */
  isOn(connection: Connection): boolean {
    return this.#open.has(connection.id)
  }

  /** See {@link Channel.probe}. */
  probe(awayMs?: number): void {
    for (const channel of [...this.#channels]) channel.probe(awayMs)
  }

  accept(protocol: string, take: (session: Session) => void): void {
    const handler = (stream: Stream, connection: Connection) => {
      take(this.#session(stream, connection))
    }
    void this.#parts.libp2p.handle(protocol, handler, { maxInboundStreams: 4 })
  }

  async open(connection: Connection, protocol: string, signal: AbortSignal): Promise<Session> {
    return this.#session(await connection.newStream(protocol, { signal }), connection)
  }

  #session(stream: Stream, connection: Connection): Session {
    const { clock, log, mode, slots, traffic } = this.#parts
    const peer: PeerId = connection.remotePeer.toString()
    this.#count(connection, 1)
    const channel = new Channel({
      clock,
      log,
      slots,
      traffic,
      control: laneOf(stream),
      bulk: 'same',
      greeting: { server: mode === 'server', addresses: [] },
      close: error => {
        this.#count(connection, -1)
        this.#channels.delete(channel)
        endSoon(stream, error)
      }
    })
    this.#channels.add(channel)
    connectLane(stream, channel, 'control')
    return {
      peer,
      closed: channel.closed,
      request: (method, payload, options) => channel.request(method, payload, options),
      serve: answer => channel.serve(answer),
      [Symbol.asyncDispose]: () => channel.leave()
    }
  }

  #count({ id }: Connection, by: number): void {
    const count = (this.#open.get(id) ?? 0) + by
    if (count > 0) this.#open.set(id, count)
    else this.#open.delete(id)
  }
}
