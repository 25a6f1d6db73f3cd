import type { ErrorCode } from '../../base/errors.ts'
import { MuttrError } from '../../base/errors.ts'
import { limits } from '../../base/limits.ts'
import type { Clock, Log, RequestOptions } from '../../base/ports.ts'
import type { Frame, Greeting } from '../../wire/channel.ts'
import { decodeFrame, encodeFrame, FrameReader, packFrames } from '../../wire/channel.ts'
import { Asking } from './asking.ts'
import { Window } from './intake.ts'
import type { Lane } from './outbox.ts'
import { Outbox } from './outbox.ts'
import type { Answer } from './serving.ts'
import { Serving } from './serving.ts'
import { Slots } from './slots.ts'
import type { Traffic } from './traffic.ts'

export type { Lane } from './outbox.ts'
export type { Answer } from './serving.ts'
export { Slots } from './slots.ts'
export { Traffic } from './traffic.ts'
export type LaneName = 'control' | 'bulk'

/** What a channel allows itself and its peer. Sizes in bytes, times in milliseconds. */
export const channelLimits = {
  /**
   * Large payloads that the peer may have begun here: the memory one connection can take by sending, and for how long others wait when
   * all of it arrives at once. Two of the largest payloads; at a round trip of 50 ms 12 MiB a second.
   */
  windowBytes: 2 * limits.payloadBytesMax,
  inFlight: 64,
  /** Handlers at work, and answers of chunks not yet sent: the memory one connection can take by not reading is this times 320 KiB. */
  running: 16,
  /** Of these, how many need no place among the {@link Slots} that all channels of a node share. */
  own: 2,
  queued: 1_024,
  queuedBytes: 8 * 1024 * 1024,
  heartbeatMs: 20_000,
  /** Without a sign of life for this long the connection is taken for dead. */
  silenceMs: 60_000,
  /** How long a peer has to show that it is there after we may have slept. */
  probeMs: 4_000,
  /** How long a side that leaves waits for what is open. */
  partingMs: 5_000
}
export type ChannelLimits = typeof channelLimits

export interface ChannelParts {
  clock: Clock
  log: Log
  control: Lane
  /** `same`: all frames share one stream. Undefined: it is attached later. */
  bulk?: Lane | 'same'
  greeting: Pick<Greeting, 'server' | 'addresses'>
  limits?: Partial<ChannelLimits>
  /** Shared by the channels of a node; without it, this one is bounded by itself alone. */
  slots?: Slots
  /** Shared by the channels of a node: counts their bytes, and holds the large ones back where there is a cap. */
  traffic?: Traffic
  onGreeting?: (greeting: Greeting) => void
  /** One side said goodbye: nothing new may be asked. */
  onLeaving?: () => void
  /** Closes the streams; `error` when the peer broke the rules or is silent. */
  close: (error: MuttrError | undefined) => void
}

/**
 * Requests in both directions over one or two byte streams: frames in, frames out, no sockets.
 * Source: docs/protocol/channel.md
 */
export class Channel {
  readonly #parts: ChannelParts
  readonly #limits: ChannelLimits
  readonly #outbox: Outbox
  readonly #asking: Asking
  readonly #serving: Serving
  readonly #readers = { control: new FrameReader(), bulk: new FrameReader() }
  readonly #closed = Promise.withResolvers<void>()
  readonly closed = this.#closed.promise
  #heartbeat: Disposable
  /** When the next beat is due. */
  #beatMs: number
  #heardMs: number
  #stoodMs = 0 // for how long a lane has taken nothing
  #pings = 0
  /** Nothing was heard since it was asked for a sign of life. */
  #probing = false
  #answer: Answer | undefined
  #ended = false
  #leaving = false
  #theyLeave = false
  #inPeace = false
  /** The peer's, once it came. */
  greeting: Greeting | undefined
  /** When a request last came or went, for closing what nobody uses. */
  usedMs: number

  constructor(parts: ChannelParts) {
    const { clock, log, traffic } = parts
    this.#parts = parts
    const most = traffic?.down ? { windowBytes: limits.channelWindowBytesMin } : {}
    this.#limits = { ...channelLimits, ...most, ...parts.limits }
    this.usedMs = this.#heardMs = clock.now()
    const { windowBytes, inFlight, running, own, queued, queuedBytes, heartbeatMs } = this.#limits
    const overflow = () =>
      this.#fail(new MuttrError('LIMIT_EXCEEDED', 'asks much and reads nothing'))
    const outbox = (this.#outbox = new Outbox(parts.control, parts.bulk, overflow, traffic))
    const window = new Window(windowBytes, bytes => {
      // A cap on what we receive is kept by giving credit late.
      const give = () => outbox.push({ type: 'credit', bytes })
      if (traffic?.down) traffic.down.wait(give)
      else give()
    })
    const onIdle = () => this.#partWhenIdle()
    this.#asking = new Asking({
      clock,
      outbox,
      window,
      queuedMax: queued,
      queuedBytesMax: queuedBytes,
      onIdle
    })
    this.#serving = new Serving({
      clock,
      log,
      outbox,
      window,
      inFlight,
      running,
      own,
      slots: parts.slots ?? new Slots(running),
      onIdle,
      answer: () => this.#answer
    })
    outbox.push({ type: 'greeting', ...parts.greeting, windowBytes, inFlight })
    this.#beatMs = clock.now() + heartbeatMs
    this.#heartbeat = clock.after(heartbeatMs, () => this.#beat())
  }

  serve(answer: Answer): void {
    this.#answer = answer
  }

  /** New requests belong elsewhere: it has ended, or one side is leaving. */
  get leaving(): boolean {
    return this.#ended || this.#leaving || this.#theyLeave
  }

  /** It ended after both sides had said goodbye, and neither for a mistake of the other. */
  get inPeace(): boolean {
    return this.#inPeace
  }

  get busy(): boolean {
    return this.#asking.busy || this.#serving.busy
  }

  /** @throws {MuttrError} `PEER_TIMEOUT`, `PEER_CLOSED`, `CANCELLED`, `LIMIT_EXCEEDED`, `WIRE_TOO_LARGE`, or the peer's own code. */
  request(method: string, payload: Uint8Array, options: RequestOptions): Promise<Uint8Array> {
    if (this.leaving) return Promise.reject(new MuttrError('PEER_CLOSED', 'the channel has closed'))
    this.usedMs = this.#parts.clock.now()
    return this.#asking.request(method, payload, options)
  }

  attachBulk(lane: Lane): void {
    this.#outbox.attachBulk(lane)
  }

  /** Bytes from the peer. */
  receive(lane: LaneName, piece: Uint8Array): void {
    if (this.#ended) return
    this.#heardMs = this.#parts.clock.now()
    this.#probing = false
    this.#parts.traffic?.received(piece.byteLength)
    try {
      this.#readers[lane].push(piece, raw => this.#handle(lane, decodeFrame(raw)))
    } catch (err) {
      this.#fail(err instanceof MuttrError ? err : new MuttrError('INTERNAL', 'a mistake here'))
      if (!(err instanceof MuttrError)) this.#parts.log.warn('channel failed', { err })
    }
  }

  drained(lane: LaneName): void {
    if (!this.#ended) this.#outbox.drained(lane)
  }

  /**
   * This machine may have slept, or its clock was set, so that the silence so far says nothing: asks for a sign of life and takes the
   * connection for dead without one. What has come meanwhile is read first.
   * @param awayMs for how long: others wait for us up to their own patience. After less, it may be this machine that is busy, and theirs.
   */
  probe(awayMs = Number.POSITIVE_INFINITY): void {
    if (this.#ended) return
    const { clock } = this.#parts
    const { silenceMs, heartbeatMs, probeMs } = this.#limits
    this.usedMs = Math.min(this.usedMs, clock.now())
    this.#probing = true
    this.#stoodMs = 0
    this.#ping()
    this.#heartbeat[Symbol.dispose]()
    this.#heartbeat = clock.after(awayMs < silenceMs ? heartbeatMs : probeMs, () => {
      if (this.#probing) this.#fail(new MuttrError('PEER_TIMEOUT', 'silent after we slept'))
      else this.#beatLater()
    })
  }

  /** A stream ended or broke; `why` is told to those who wait for an answer. */
  ended(why?: MuttrError): void {
    this.#end(why ?? new MuttrError('PEER_CLOSED', 'the connection ended before the answer came'))
  }

  /** Parts in peace: what is open is answered first, within a limit of time. */
  async leave(): Promise<void> {
    if (!this.#leaving && !this.#ended) {
      this.#sayGoodbye()
      using _ = this.#parts.clock.after(this.#limits.partingMs, () => this.#finish())
      this.#partWhenIdle()
      await this.closed
    }
    await this.closed
  }

  #handle(lane: LaneName, frame: Frame): void {
    if (this.#ended) return
    this.#checkOrder(lane, frame)
    switch (frame.type) {
      case 'greeting':
        this.greeting = frame
        this.#asking.allow(Math.min(frame.inFlight, this.#limits.inFlight))
        this.#outbox.grant(frame.windowBytes - limits.channelWindowBytesMin)
        this.#parts.onGreeting?.(frame)
        break
      case 'request':
      case 'large-request':
        this.usedMs = this.#heardMs
        this.#serving.handle(frame)
        break
      case 'cancel':
      case 'request-chunk':
        this.#serving.handle(frame)
        break
      case 'answer':
      case 'failure':
      case 'large-answer':
      case 'answer-chunk':
        this.#asking.handle(frame)
        break
      case 'credit':
        this.#outbox.grant(frame.bytes)
        break
      case 'ping':
        this.#outbox.push({ type: 'pong', nonce: frame.nonce })
        break
      case 'pong':
        break // having heard it is all
      case 'goodbye':
        this.#goodbye(frame.code)
    }
  }

  #goodbye(code: ErrorCode | null): void {
    this.#theyLeave = true
    if (code !== null) {
      this.#parts.log.debug('peer ended the channel', { code })
      this.#finish()
      return
    }
    this.#parts.onLeaving?.()
    this.#partWhenIdle()
  }

  /** The greeting comes first and once; each lane has its own kinds of frames. */
  #checkOrder(lane: LaneName, { type }: Frame): void {
    const first = this.greeting === undefined && lane === 'control'
    if (first !== (type === 'greeting'))
      throw new MuttrError('WIRE_MALFORMED', 'a greeting comes first, and once')
    if (this.#parts.bulk === 'same' || type === 'cancel') return
    const large = type.startsWith('large-') || type.endsWith('-chunk')
    if (large !== (lane === 'bulk')) throw new MuttrError('WIRE_MALFORMED', `${type} on ${lane}`)
  }

  #beat(): void {
    const { clock } = this.#parts
    const { heartbeatMs, silenceMs } = this.#limits
    // Late, or early by the clock: it is we who were away, or our clock that was.
    const offMs = Math.abs(clock.now() - this.#beatMs)
    if (offMs > heartbeatMs / 2) {
      this.probe(offMs)
      return
    }
    const quietMs = clock.now() - this.#heardMs
    this.#stoodMs = this.#outbox.standsStill() ? this.#stoodMs + heartbeatMs : 0
    if (quietMs >= silenceMs || this.#stoodMs >= silenceMs) {
      this.#fail(new MuttrError('PEER_TIMEOUT', 'the peer is silent, or reads nothing'))
      return
    }
    if (quietMs >= heartbeatMs / 2) this.#ping()
    this.#beatLater()
  }

  #ping(): void {
    this.#outbox.push({ type: 'ping', nonce: ++this.#pings % 0x1_0000_0000 })
  }

  #beatLater(): void {
    const { clock } = this.#parts
    const { heartbeatMs } = this.#limits
    this.#beatMs = clock.now() + heartbeatMs
    this.#heartbeat = clock.after(heartbeatMs, () => this.#beat())
  }

  #sayGoodbye(): void {
    this.#leaving = true
    this.#parts.onLeaving?.()
    this.#outbox.push({ type: 'goodbye', code: null, message: '' })
  }

  #partWhenIdle(): void {
    if (this.#ended || this.busy || !this.#theyLeave) return
    if (!this.#leaving) this.#sayGoodbye()
    this.#outbox.flush()
    this.#inPeace = true
    this.#finish()
  }

  /** The peer broke a rule: one coded goodbye, then the end. */
  #fail(err: MuttrError): void {
    if (this.#ended) return
    this.#parts.log.debug('channel refused', { err })
    this.#end(new MuttrError('PEER_CLOSED', 'the channel was closed', { cause: err }), err)
  }

  #finish(): void {
    this.#end(new MuttrError('PEER_CLOSED', 'the channel has closed'))
  }

  #end(forAskers: MuttrError, broken?: MuttrError): void {
    if (this.#ended) return
    this.#ended = true
    this.#heartbeat[Symbol.dispose]()
    this.#outbox.end()
    if (broken) this.#lastWords(broken)
    this.#asking.end(forAskers)
    this.#serving.end(forAskers)
    this.#parts.close(broken)
    this.#closed.resolve()
  }

  #lastWords({ code, message }: MuttrError): void {
    try {
      const goodbye = encodeFrame({ type: 'goodbye', code, message: message.slice(0, 80) })
      this.#parts.control.send(packFrames([goodbye]))
    } catch {
      // The stream is gone already; nobody is left to tell.
    }
  }
}
