import { MuttrError } from '../../base/errors.ts'
import { limits } from '../../base/limits.ts'
import type { Frame } from '../../wire/channel.ts'
import { encodeFrame, packFrames } from '../../wire/channel.ts'
import type { Traffic } from './traffic.ts'

/** Where bytes go: one direction of a stream, or of a pipe in memory. */
export interface Lane {
  /** Takes the bytes for good; false asks to wait until the channel hears `drained`. */
  send(bytes: Uint8Array): boolean
}

/** A large payload on its way out. */
export interface Transfer {
  readonly begin: Frame & { readonly sizeBytes: number }
  readonly payload: Uint8Array
  /** Its last chunk was handed to the lane. */
  readonly sent?: () => void
  atBytes: number
  state: 'waiting' | 'begun' | 'done'
}

interface Way {
  lane: Lane | undefined
  /** False between a `send` that returned false and the `drained` after it. */
  open: boolean
  frames: Uint8Array[]
  bytes: number
  /** It was closed when last looked at, and has not opened since. */
  stands: boolean
}

/** Bytes handed to a stream at once: enough to be cheap, little enough that a heartbeat does not wait long behind it. */
const batchBytes = 64 * 1024
/** Both sides' requests in flight and some more; only a peer that asks and never reads comes here. */
const controlBytesMax = 2 * 1024 * 1024
/** What a small frame costs in memory besides its bytes. */
const frameOverheadBytes = 96

const way = (lane: Lane | undefined): Way => ({
  lane,
  open: true,
  frames: [],
  bytes: 0,
  stands: false
})

/**
 * Decides what goes out next: control frames first, then chunks of the begun transfers in turn, one each. A transfer begins when the
 * peer's credit covers its whole size, so that two half-sent ones never wait for each other.
 */
export class Outbox {
  readonly #control: Way
  #bulk: Way
  readonly #waiting: Transfer[] = []
  #begun: Transfer[] = []
  #creditBytes: number = limits.channelWindowBytesMin
  readonly #overflow: () => void
  readonly #traffic: Traffic | undefined
  #scheduled = false
  #ended = false

  /** @param overflow the peer reads nothing and has us write for ever; called in a turn of its own. */
  constructor(
    control: Lane,
    bulk: Lane | 'same' | undefined,
    overflow: () => void,
    traffic?: Traffic
  ) {
    this.#overflow = overflow
    this.#traffic = traffic
    this.#control = way(control)
    this.#bulk = bulk === 'same' ? this.#control : way(bulk)
  }

  attachBulk(lane: Lane): void {
    this.#bulk.lane = lane
    this.#schedule()
  }

  /** Whether a lane has moved nothing since this was last asked, although something waits. */
  standsStill(): boolean {
    const still = this.#control.stands || this.#bulk.stands
    for (const w of [this.#control, this.#bulk]) w.stands = !w.open
    return still
  }

  push(frame: Frame, lane: 'control' | 'bulk' = 'control'): void {
    if (this.#ended) return
    const to = lane === 'control' ? this.#control : this.#bulk
    const raw = encodeFrame(frame)
    to.frames.push(raw)
    to.bytes += raw.byteLength + frameOverheadBytes
    this.#schedule()
    if (to.bytes <= controlBytesMax) return
    this.end()
    queueMicrotask(this.#overflow)
  }

  transfer(begin: Transfer['begin'], payload: Uint8Array, sent?: () => void): Transfer {
    const t: Transfer = { begin, payload, atBytes: 0, state: 'waiting', ...(sent && { sent }) }
    if (!this.#ended) this.#waiting.push(t)
    this.#schedule()
    return t
  }

  /** Stops a transfer. @returns whether the peer has heard of it and does not have all of it. */
  drop(t: Transfer): boolean {
    const was = t.state
    t.state = 'done'
    if (was === 'waiting') this.#waiting.splice(this.#waiting.indexOf(t), 1)
    if (was === 'begun') this.#begun.splice(this.#begun.indexOf(t), 1)
    return was === 'begun'
  }

  /** @throws {MuttrError} `LIMIT_EXCEEDED` above what any greeting can grant. */
  grant(bytes: number): void {
    this.#creditBytes += bytes
    if (this.#creditBytes > limits.channelWindowBytesMax)
      throw new MuttrError('LIMIT_EXCEEDED', 'more credit than was ever taken')
    this.#schedule()
  }

  drained(lane: 'control' | 'bulk'): void {
    const which = lane === 'control' ? this.#control : this.#bulk
    which.open = true
    which.stands = false
    this.flush()
  }

  /** There is a cap on what we send: a large payload may wait here longer than the peer has to answer it. */
  get isCapped(): boolean {
    return this.#traffic?.up !== undefined
  }

  end(): void {
    this.#ended = true
    this.#waiting.length = 0
    this.#begun = []
    for (const w of [this.#control, this.#bulk]) w.frames = []
  }

  /** After all that is to happen in this turn of the event loop has pushed its frames: they leave as one piece. */
  #schedule(): void {
    if (this.#scheduled || this.#ended) return
    this.#scheduled = true
    queueMicrotask(() => process.nextTick(() => this.flush()))
  }

  readonly #wake = (): void => this.flush()

  flush(): void {
    this.#scheduled = false
    if (this.#ended) return
    this.#sendFrames(this.#control)
    this.#beginWhatCreditCovers()
    while (this.#bulk.lane && this.#bulk.open && !this.#ended) {
      this.#addChunks(this.#bulk)
      if (this.#bulk.frames.length === 0) return
      this.#sendFrames(this.#bulk)
    }
  }

  #sendFrames(w: Way): void {
    if (!w.lane || !w.open || w.frames.length === 0) return
    const packed = packFrames(w.frames)
    w.frames = []
    w.bytes = 0
    // Marked before the call: a pipe in memory may answer from within it.
    w.open = false
    this.#traffic?.sent(packed.byteLength)
    if (w.lane.send(packed)) w.open = true
  }

  #beginWhatCreditCovers(): void {
    for (let t = this.#waiting[0]; t; t = this.#waiting[0]) {
      if (t.begin.sizeBytes > this.#creditBytes) return
      this.#creditBytes -= t.begin.sizeBytes
      this.#waiting.shift()
      t.state = 'begun'
      this.#begun.push(t)
      this.#bulk.frames.push(encodeFrame(t.begin))
    }
  }

  /** Only chunks wait for the cap on what we send: control frames are small, and late ones cost more than they save. */
  #addChunks(w: Way): void {
    const leftBytes = this.#traffic?.up?.leftBytes ?? batchBytes
    if (leftBytes <= 0 && this.#begun.length > 0) this.#traffic?.up?.wait(this.#wake)
    for (let room = Math.min(batchBytes, leftBytes); room > 0; ) {
      const t = this.#begun.shift()
      if (!t) return
      const data = t.payload.subarray(t.atBytes, t.atBytes + limits.chunkBytesMax)
      const type = t.begin.type === 'large-request' ? 'request-chunk' : 'answer-chunk'
      w.frames.push(encodeFrame({ type, id: (t.begin as { id: number }).id, data }))
      t.atBytes += data.byteLength
      room -= data.byteLength
      if (t.atBytes < t.payload.byteLength) this.#begun.push(t)
      else {
        t.state = 'done'
        t.sent?.()
      }
    }
  }
}
