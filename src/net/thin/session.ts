import type { RawData } from 'ws'
import { WebSocket } from 'ws'
import type { MuttrError } from '../../base/errors.ts'
import type { Clock, Log, Millis, PeerId, RequestOptions, Session } from '../../base/ports.ts'
import type { Answer, ChannelLimits, Lane, Slots } from '../channel/channel.ts'
import { Channel } from '../channel/channel.ts'

/** What one WebSocket may hold and cost. Source: docs/protocol/thin.md#limits */
export const thinLimits = {
  /** Of one message; frames are in there as on any stream, so that this bounds nothing but what is held before it is whole. */
  messageBytesMax: 64 * 1024,
  fragmentsMax: 64,
  chunksMax: 1_024,
  /** Pings and pongs of WebSocket, which nobody needs here, in so long. */
  controlsMax: 60,
  controlsMs: 60_000,
  /** How long the other end has to close. */
  closeMs: 2_000
}

/** For both ends: `ws` allocates what it is told it may. */
export const socketOptions = {
  perMessageDeflate: false,
  maxPayload: thinLimits.messageBytesMax,
  maxFragments: thinLimits.fragmentsMax,
  maxBufferedChunks: thinLimits.chunksMax,
  closeTimeout: thinLimits.closeMs,
  skipUTF8Validation: true
} as const

const channelBounds: Partial<ChannelLimits> = {
  windowBytes: 320 * 1024,
  inFlight: 16,
  running: 4,
  queued: 64,
  queuedBytes: 512 * 1024,
  heartbeatMs: 40_000,
  silenceMs: 120_000
}
/** More than this not yet written, and the channel waits. */
const unsentBytesMax = 64 * 1024

/** A WebSocket that knows the session on it, so that all of them share their listeners. */
export class ThinSocket extends WebSocket {
  session: ThinSession | undefined
}

interface Parts {
  socket: ThinSocket
  peer: PeerId
  binding: Uint8Array | null
  clock: Clock
  log: Log
  slots: Slots
  onClosed?: ((session: ThinSession) => void) | undefined
}

/** A channel whose bytes are those of a WebSocket's binary messages, one after the other. Source: docs/protocol/thin.md */
export class ThinSession implements Session, Lane {
  peer: PeerId
  binding: Uint8Array | null
  readonly #socket: ThinSocket
  readonly #channel: Channel
  readonly #clock: Clock
  readonly #onClosed: Parts['onClosed']
  #isFull = false
  #controls = 0
  #controlsSinceMs: Millis

  constructor({ socket, peer, binding, clock, log, slots, onClosed }: Parts) {
    this.peer = peer
    this.binding = binding
    this.#socket = socket
    this.#clock = clock
    this.#onClosed = onClosed
    this.#controlsSinceMs = clock.now()
    socket.session = this
    socket.on('message', onMessage)
    socket.on('ping', onControl)
    socket.on('pong', onControl)
    socket.on('close', onClose)
    socket.on('error', onError)
    this.#channel = new Channel({
      ...{ clock, log, slots, control: this, bulk: 'same', limits: channelBounds },
      greeting: { server: false, addresses: [] },
      close: error => this.#close(error)
    })
  }

  get closed(): Promise<void> {
    return this.#channel.closed
  }

  request(method: string, payload: Uint8Array, options: RequestOptions): Promise<Uint8Array> {
    return this.#channel.request(method, payload, options)
  }

  serve(answer: Answer): void {
    this.#channel.serve(answer)
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#channel.leave()
  }

  send(bytes: Uint8Array): boolean {
    const socket = this.#socket
    if (socket.readyState !== WebSocket.OPEN) return false
    for (let at = 0; at < bytes.byteLength; at += thinLimits.messageBytesMax)
      socket.send(bytes.subarray(at, at + thinLimits.messageBytesMax), this.#sent)
    this.#isFull = socket.bufferedAmount > unsentBytesMax
    return !this.#isFull
  }

  readonly #sent = (): void => {
    if (!this.#isFull || this.#socket.bufferedAmount > unsentBytesMax) return
    this.#isFull = false
    this.#channel.drained('control')
  }

  received(bytes: Uint8Array): void {
    this.#channel.receive('control', bytes)
  }

  /** The other end has shown which peer it is, and what it sees of this connection. */
  proved(peer: PeerId, binding: Uint8Array | null): void {
    this.peer = peer
    this.binding = binding
  }

  /** As {@link Channel.probe}. */
  probe(awayMs?: Millis): void {
    this.#channel.probe(awayMs)
  }

  /** A ping or pong of WebSocket: the other end has the channel's own. */
  heardControl(): void {
    const nowMs = this.#clock.now()
    if (Math.abs(nowMs - this.#controlsSinceMs) > thinLimits.controlsMs) {
      this.#controlsSinceMs = nowMs
      this.#controls = 0
    }
    this.#controls += 1
    if (this.#controls > thinLimits.controlsMax) this.refuse()
  }

  /** Nothing more is read of who breaks the rules. */
  refuse(): void {
    this.#socket.terminate()
  }

  ended(): void {
    this.#channel.ended()
    this.#onClosed?.(this)
  }

  #close(error: MuttrError | undefined): void {
    // Gives what was written its time, and cuts the line after that.
    this.#socket.close(error ? 1008 : 1000)
  }
}

function onMessage(this: WebSocket, data: RawData, isBinary: boolean): void {
  const { session } = this as ThinSocket
  if (!isBinary || !(data instanceof Uint8Array)) session?.refuse()
  else session?.received(data)
}

function onControl(this: WebSocket): void {
  ;(this as ThinSocket).session?.heardControl()
}

function onClose(this: WebSocket): void {
  ;(this as ThinSocket).session?.ended()
}

/** What breaks the rules of WebSocket, and what becomes of the line: `close` follows. */
function onError(this: WebSocket): void {
  this.terminate()
}
