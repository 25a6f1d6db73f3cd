import { MuttrError } from '../../base/errors.ts'
import { limits } from '../../base/limits.ts'
import type { Clock, RequestOptions } from '../../base/ports.ts'
import type { Frame } from '../../wire/channel.ts'
import type { Window } from './intake.ts'
import { Intake } from './intake.ts'
import type { Outbox, Transfer } from './outbox.ts'

interface Pending {
  id: number // 0 while it waits for a place
  readonly method: string
  readonly payload: Uint8Array
  readonly deadlineMs: number
  readonly settle: (answer: Uint8Array | MuttrError) => void
  transfer?: Transfer
  intake?: Intake
}

interface Parts {
  clock: Clock
  outbox: Outbox
  window: Window
  /** Requests and bytes that may wait here for a place or for credit before we refuse our own side. */
  queuedMax: number
  queuedBytesMax: number
  /** No request of ours is open any more. */
  onIdle: () => void
}

const stale = 'about a request that was never made'

/** Our requests on a channel, until they are answered, refused, late or cancelled. */
export class Asking {
  readonly #parts: Parts
  readonly #open = new Map<number, Pending>()
  readonly #queue: Pending[] = []
  #heldBytes = 0
  #lastId = 0
  /** What every peer takes before its greeting says more. */
  #inFlight: number = limits.channelInFlightMin
  #ended: MuttrError | undefined

  constructor(parts: Parts) {
    this.#parts = parts
  }

  get busy(): boolean {
    return this.#open.size + this.#queue.length > 0
  }

  /** How many requests the peer takes at once. */
  allow(inFlight: number): void {
    this.#inFlight = inFlight
    this.#issue()
  }

  request(
    method: string,
    payload: Uint8Array,
    { timeoutMs, signal }: RequestOptions
  ): Promise<Uint8Array> {
    const { clock, outbox, queuedMax, queuedBytesMax } = this.#parts
    const isHeld = outbox.isCapped && payload.byteLength > limits.smallPayloadBytesMax
    return new Promise((resolve, reject) => {
      if (this.#ended) return reject(this.#ended)
      if (signal?.aborted) return reject(cancelled(signal))
      if (payload.byteLength > limits.payloadBytesMax)
        return reject(new MuttrError('WIRE_TOO_LARGE', `a request of ${payload.byteLength} bytes`))
      if (this.#queue.length >= queuedMax || this.#heldBytes + payload.byteLength > queuedBytesMax)
        return reject(new MuttrError('LIMIT_EXCEEDED', 'too many requests wait for this peer'))
      const giveUp = (err: MuttrError) => {
        this.#cancel(p)
        p.settle(err)
      }
      const onAbort = () => giveUp(cancelled(signal!))
      // The peer is not to blame for what waits for our own cap.
      const latestMs = clock.now() + (isHeld ? Math.max(timeoutMs, limits.requestMsMax) : timeoutMs)
      const late = () => {
        if (clock.now() < latestMs && p.transfer?.state !== 'done')
          timer = clock.after(Math.min(timeoutMs, latestMs - clock.now()), late)
        else giveUp(new MuttrError('PEER_TIMEOUT', `no answer to ${method} in ${timeoutMs} ms`))
      }
      let timer = clock.after(timeoutMs, late)
      const p: Pending = {
        id: 0,
        method,
        payload,
        deadlineMs: latestMs,
        settle: answer => {
          timer[Symbol.dispose]()
          signal?.removeEventListener('abort', onAbort)
          this.#heldBytes -= payload.byteLength
          if (answer instanceof MuttrError) reject(answer)
          else resolve(answer)
        }
      }
      signal?.addEventListener('abort', onAbort, { once: true })
      this.#heldBytes += payload.byteLength
      this.#queue.push(p)
      this.#issue()
    })
  }

  #issue(): void {
    const { clock, outbox } = this.#parts
    while (this.#open.size < this.#inFlight && this.#queue.length > 0) {
      const p = this.#queue.shift()!
      const { method, payload } = p
      const id = (p.id = ++this.#lastId)
      this.#open.set(id, p)
      const left = Math.max(0, Math.ceil(p.deadlineMs - clock.now()))
      const timeoutMs = Math.min(left, limits.requestMsMax)
      if (payload.byteLength <= limits.smallPayloadBytesMax)
        outbox.push({ type: 'request', id, method, timeoutMs, payload })
      else {
        const sizeBytes = payload.byteLength
        p.transfer = outbox.transfer(
          { type: 'large-request', id, method, timeoutMs, sizeBytes },
          payload
        )
      }
    }
  }

  /** Takes it out of our hands and, where the peer knows of it, out of the peer's. */
  #cancel(p: Pending): void {
    if (p.id === 0) {
      this.#queue.splice(this.#queue.indexOf(p), 1)
      return
    }
    const { outbox } = this.#parts
    const heard = p.transfer === undefined || p.transfer.state !== 'waiting'
    if (p.transfer) outbox.drop(p.transfer)
    // On the lane that the request went by, so that it cannot overtake it.
    if (heard) outbox.push({ type: 'cancel', id: p.id }, p.transfer ? 'bulk' : 'control')
    this.#close(p)
  }

  #close(p: Pending): void {
    if (p.intake) this.#parts.window.release(p.intake.bytes.byteLength)
    this.#open.delete(p.id)
    this.#issue()
    if (!this.busy) this.#parts.onIdle()
  }

  #finish(p: Pending, answer: Uint8Array | MuttrError): void {
    if (p.transfer) this.#parts.outbox.drop(p.transfer)
    this.#close(p)
    p.settle(answer)
  }

  /** @throws {MuttrError} `WIRE_MALFORMED`, `LIMIT_EXCEEDED`: the channel is then to be closed. */
  handle(
    frame: Extract<Frame, { type: 'answer' | 'failure' | 'large-answer' | 'answer-chunk' }>
  ): void {
    if (frame.id > this.#lastId) throw new MuttrError('WIRE_MALFORMED', stale)
    const p = this.#open.get(frame.id)
    switch (frame.type) {
      case 'answer':
        if (p) this.#finish(p, frame.payload)
        return
      case 'failure':
        if (p) this.#finish(p, new MuttrError(frame.code, frame.message))
        return
      case 'large-answer':
        this.#parts.window.reserve(frame.sizeBytes)
        if (!p) this.#parts.window.release(frame.sizeBytes)
        else if (p.intake) throw new MuttrError('WIRE_MALFORMED', 'a second answer')
        else p.intake = new Intake(frame.sizeBytes)
        return
      case 'answer-chunk': {
        if (!p) return
        if (!p.intake) throw new MuttrError('WIRE_MALFORMED', 'a chunk of no answer')
        if (p.intake.add(frame.data)) this.#finish(p, p.intake.bytes)
      }
    }
  }

  end(err: MuttrError): void {
    this.#ended = err
    const all = [...this.#open.values(), ...this.#queue]
    this.#open.clear()
    this.#queue.length = 0
    for (const p of all) p.settle(err)
  }
}

const cancelled = (signal: AbortSignal): MuttrError =>
  new MuttrError('CANCELLED', 'the request was cancelled', { cause: signal.reason })
