import { MuttrError } from '../../base/errors.ts'
import { limits } from '../../base/limits.ts'
import type { Clock, Log } from '../../base/ports.ts'
import type { Frame } from '../../wire/channel.ts'
import { cutMessage } from '../../wire/channel.ts'
import type { Window } from './intake.ts'
import { Intake } from './intake.ts'
import type { Outbox, Transfer } from './outbox.ts'
import type { Slots } from './slots.ts'

export type Answer = (
  method: string,
  payload: Uint8Array,
  signal: AbortSignal
) => Promise<Uint8Array>

interface Job {
  readonly id: number
  readonly method: string
  payload: Uint8Array
  /** Set for a large request: its buffer, whose size is owed back to the peer as credit. */
  readonly intake: Intake | undefined
  readonly abort: AbortController
  timer: Disposable
  state: 'arriving' | 'waiting' | 'running' | 'held' | 'answering'
  transfer?: Transfer
}

interface Parts {
  clock: Clock
  log: Log
  outbox: Outbox
  window: Window
  answer: () => Answer | undefined
  /** Requests of the peer held at once; one more is refused. */
  inFlight: number
  /** Of these, how many run or have an answer of chunks on its way: what bounds the memory that a slow reader can hold. */
  running: number
  /** The shared places, and how many of `running` need none. */
  slots: Slots
  own: number
  onIdle: () => void
}

/** The peer's requests on a channel. */
export class Serving {
  readonly #parts: Parts
  readonly #jobs = new Map<number, Job>()
  readonly #queue: Job[] = []
  #busy = 0 // jobs running or answering
  #deaf = 0 // handlers that run on although their request is gone
  #lastSmall = 0
  #lastLarge = 0

  constructor(parts: Parts) {
    this.#parts = parts
  }

  get busy(): boolean {
    return this.#jobs.size > 0
  }

  /** @throws {MuttrError} `WIRE_MALFORMED`, `LIMIT_EXCEEDED`: the channel is then to be closed. */
  handle(
    frame: Extract<Frame, { type: 'request' | 'large-request' | 'request-chunk' | 'cancel' }>
  ): void {
    switch (frame.type) {
      case 'request':
        if (frame.id <= this.#lastSmall || this.#jobs.has(frame.id)) throw repeated()
        this.#lastSmall = frame.id
        this.#open(frame.id, frame.method, frame.timeoutMs, frame.payload, undefined)
        break
      case 'large-request':
        if (frame.id <= this.#lastLarge || this.#jobs.has(frame.id)) throw repeated()
        this.#lastLarge = frame.id
        this.#parts.window.reserve(frame.sizeBytes)
        this.#open(frame.id, frame.method, frame.timeoutMs, undefined, frame.sizeBytes)
        break
      case 'request-chunk':
        this.#chunk(frame.id, frame.data)
        break
      case 'cancel': {
        if (frame.id > Math.max(this.#lastSmall, this.#lastLarge)) throw unknown()
        const job = this.#jobs.get(frame.id)
        if (job) this.#drop(job, new MuttrError('CANCELLED', 'the asker cancelled'))
      }
    }
  }

  #open(
    id: number,
    method: string,
    timeoutMs: number,
    payload: Uint8Array | undefined,
    sizeBytes: number | undefined
  ): void {
    const { clock, inFlight, window, outbox, answer } = this.#parts
    const code = !answer()
      ? 'METHOD_UNKNOWN'
      : this.#jobs.size >= inFlight || this.#deaf >= inFlight
        ? 'LIMIT_EXCEEDED'
        : undefined
    if (code) {
      if (sizeBytes) window.release(sizeBytes)
      const message = code === 'METHOD_UNKNOWN' ? 'nothing is served here' : `${inFlight} at once`
      outbox.push({ type: 'failure', id, code, message })
      return
    }
    const job: Job = {
      id,
      method,
      payload: payload ?? empty,
      intake: sizeBytes ? new Intake(sizeBytes) : undefined,
      abort: new AbortController(),
      timer: clock.after(timeoutMs, () =>
        this.#drop(job, new MuttrError('PEER_TIMEOUT', 'the deadline of the request passed'))
      ),
      state: payload ? 'waiting' : 'arriving'
    }
    this.#jobs.set(id, job)
    if (payload) this.#enqueue(job)
  }

  #chunk(id: number, data: Uint8Array): void {
    if (id > this.#lastLarge) throw unknown()
    const job = this.#jobs.get(id)
    if (!job) return // refused, cancelled or late: what is still on its way is ignored
    if (!job.intake || job.state !== 'arriving')
      throw new MuttrError('WIRE_MALFORMED', 'a chunk of no request')
    if (!job.intake.add(data)) return
    job.payload = job.intake.bytes
    job.state = 'waiting'
    this.#enqueue(job)
  }

  #enqueue(job: Job): void {
    this.#queue.push(job)
    this.#start()
  }

  readonly #start = (): void => {
    const { running, own, slots } = this.#parts
    while (this.#busy < running && this.#queue.length > 0) {
      if (this.#busy >= own && !slots.take(this.#start)) return
      const job = this.#queue.shift()!
      job.state = 'running'
      this.#busy += 1
      void this.#run(job)
    }
  }

  async #run(job: Job): Promise<void> {
    const { answer, window, log } = this.#parts
    let result: Uint8Array | MuttrError
    try {
      const answerer = answer()
      if (!answerer) throw new MuttrError('METHOD_UNKNOWN', 'nothing is served here')
      result = await answerer(job.method, job.payload, job.abort.signal)
      if (result.byteLength > limits.payloadBytesMax)
        throw new Error(`an answer of ${result.byteLength} bytes`)
    } catch (err) {
      if (!(err instanceof MuttrError)) log.warn('handler failed', { method: job.method, err })
      result = err instanceof MuttrError ? err : new MuttrError('INTERNAL', 'a mistake over here')
    }
    job.payload = empty
    const isOpen = this.#jobs.get(job.id) === job
    if (isOpen && result instanceof MuttrError && result.code === 'LIMIT_EXCEEDED') {
      this.#hold(job, result)
      return
    }
    if (job.intake) window.release(job.intake.bytes.byteLength)
    if (isOpen) this.#reply(job, result)
    else {
      this.#deaf -= 1
      this.#free()
    }
  }

  /**
   * Who asks too much is told so late, and has its place and its credit back no sooner: else refusing a flood would cost as much as
   * it can send.
   */
  #hold(job: Job, refusal: MuttrError): void {
    const { clock, window } = this.#parts
    job.state = 'held'
    this.#free()
    clock.after(hasteMs, () => {
      if (this.#jobs.get(job.id) !== job) return
      if (job.intake) window.release(job.intake.bytes.byteLength)
      job.timer[Symbol.dispose]()
      this.#jobs.delete(job.id)
      this.#fail(job.id, refusal)
      if (!this.busy) this.#parts.onIdle()
    })
  }

  #fail(id: number, { code, message }: MuttrError): void {
    this.#parts.outbox.push({ type: 'failure', id, code, message: cutMessage(message) })
  }

  #reply(job: Job, result: Uint8Array | MuttrError): void {
    const { outbox } = this.#parts
    const { id } = job
    if (!(result instanceof MuttrError) && result.byteLength > limits.smallPayloadBytesMax) {
      job.state = 'answering'
      const begin = { type: 'large-answer', id, sizeBytes: result.byteLength } as const
      job.transfer = outbox.transfer(begin, result, () => this.#done(job))
      return
    }
    this.#done(job)
    if (result instanceof MuttrError) this.#fail(id, result)
    else outbox.push({ type: 'answer', id, payload: result })
  }

  #done(job: Job): void {
    job.timer[Symbol.dispose]()
    this.#jobs.delete(job.id)
    this.#free()
  }

  #free(): void {
    this.#busy -= 1
    if (this.#busy >= this.#parts.own) this.#parts.slots.giveBack()
    this.#start()
    if (!this.busy) this.#parts.onIdle()
  }

  /** The asker no longer waits: stop the work, let go of the bytes, send nothing. */
  #drop(job: Job, why: MuttrError): void {
    job.timer[Symbol.dispose]()
    this.#jobs.delete(job.id)
    job.abort.abort(why)
    if (job.state === 'running') this.#deaf += 1
    else {
      if (job.state !== 'answering' && job.intake)
        this.#parts.window.release(job.intake.bytes.byteLength)
      if (job.state === 'waiting') this.#queue.splice(this.#queue.indexOf(job), 1)
      if (job.transfer) this.#parts.outbox.drop(job.transfer)
      if (job.state === 'answering') this.#free()
    }
    if (!this.busy) this.#parts.onIdle()
  }

  end(err: MuttrError): void {
    for (const job of [...this.#jobs.values()]) this.#drop(job, err)
    this.#parts.slots.forget(this.#start)
  }
}

const empty = new Uint8Array(0)
/** How late a refusal comes that is for asking too much. */
const hasteMs = 500
const repeated = () => new MuttrError('WIRE_MALFORMED', 'a request id that was used before')
const unknown = () => new MuttrError('WIRE_MALFORMED', 'about a request that was never made')
