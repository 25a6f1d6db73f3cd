import type { ErrorCode } from '../../base/errors.ts'
import { codeOf, MuttrError } from '../../base/errors.ts'
import type { Clock, Log, Millis, Session } from '../../base/ports.ts'
import { podMethods } from '../../wire/pod-methods.ts'
import { reached } from '../greet.ts'
import { podTimes } from '../limits.ts'
import type { PeerPods } from './peers.ts'

interface Parts {
  peers: Pick<PeerPods, 'meet'>
  clock: Clock
  log: Log
  /** This pod's own answer to `hello`, to introduce itself. */
  hello(): Promise<Uint8Array>
}

/** A link to another pod, as long as somebody uses it; given back by being disposed of. */
export interface Line extends Disposable {
  readonly session: Session
  /** Of the certificate that it showed, hex. */
  readonly pin: string
  /** Why it could not yet find out who we are: what it refuses now is no last word. */
  readonly unsure: ErrorCode | undefined
}

interface Kept extends Omit<Line, keyof Disposable> {
  users: number
  idle: Disposable | undefined
}

/** To find a pod, dial it, learn who it is and say who we are: one that is slow at each does not keep its place among those that are tried. */
export const meetTimeoutMs: Millis = 45_000
const introduceTimeoutMs: Millis = 20_000
/** An introduction that failed so may succeed later. */
const passing: ReadonlySet<string> = new Set([
  'LIMIT_EXCEEDED',
  'POD_UNKNOWN',
  'POD_UNREACHABLE',
  'DISK_FULL',
  'INTERNAL'
])

/** The links to other pods, one to each, kept for a while after they were used. Source: docs/protocol/federation.md#between-pods */
export class Lines implements AsyncDisposable {
  readonly #parts: Parts
  readonly #life = new AbortController()
  readonly #kept = new Map<string, Kept>()
  readonly #opening = new Map<string, Promise<Kept>>()

  constructor(parts: Parts) {
    this.#parts = parts
  }

  /** There is one that is open. */
  has(hostname: string): boolean {
    return this.#kept.has(hostname)
  }

  /** @throws {MuttrError} `POD_UNREACHABLE`, `POD_UNKNOWN`, `POD_CHANGED`, `SIGNATURE_INVALID`, `CANCELLED` */
  async take(hostname: string, signal: AbortSignal): Promise<Line> {
    signal.throwIfAborted()
    const kept = this.#kept.get(hostname) ?? (await this.#open(hostname))
    kept.users += 1
    let isBack = false
    return {
      ...{ session: kept.session, pin: kept.pin, unsure: kept.unsure },
      [Symbol.dispose]: () => {
        if (isBack) return
        isBack = true
        kept.users -= 1
        this.#rest(hostname, kept)
      }
    }
  }

  /** Of those who want one at once, all get the same. */
  #open(hostname: string): Promise<Kept> {
    const known = this.#opening.get(hostname)
    if (known) return known
    const opening = this.#meet(hostname).finally(() => this.#opening.delete(hostname))
    this.#opening.set(hostname, opening)
    return opening
  }

  async #meet(hostname: string): Promise<Kept> {
    const { session, pod } = await this.#inTime(hostname, signal =>
      this.#parts.peers.meet(hostname, signal)
    )
    const unsure = await this.#introduce(hostname, session)
    const kept: Kept = { session, pin: pod.certificate.pin, unsure, users: 0, idle: undefined }
    this.#kept.set(hostname, kept)
    void session.closed.then(() => {
      kept.idle?.[Symbol.dispose]()
      if (this.#kept.get(hostname) === kept) this.#kept.delete(hostname)
    })
    return kept
  }

  async #inTime<T>(hostname: string, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const over = new AbortController()
    using _patience = this.#parts.clock.after(meetTimeoutMs, () => over.abort())
    try {
      return await work(AbortSignal.any([this.#life.signal, over.signal]))
    } catch (cause) {
      if (!over.signal.aborted || this.#life.signal.aborted) throw cause
      throw new MuttrError('POD_UNREACHABLE', `${hostname} answers too slowly`, { cause })
    }
  }

  /**
   * Who does not know us takes notices as from any seed, if at all.
   * @returns why it does not, where it may know us later
   */
  async #introduce(hostname: string, session: Session): Promise<ErrorCode | undefined> {
    const { hello, log } = this.#parts
    try {
      const options = { timeoutMs: introduceTimeoutMs, signal: this.#life.signal }
      await reached(hostname, session.request(podMethods.introduce, await hello(), options))
      return undefined
    } catch (err) {
      const code = codeOf(err) ?? 'INTERNAL'
      log.debug('pod.not-introduced', { pod: hostname, code })
      return passing.has(code) ? code : undefined
    }
  }

  #rest(hostname: string, kept: Kept): void {
    kept.idle?.[Symbol.dispose]()
    if (kept.users > 0 || this.#life.signal.aborted || this.#kept.get(hostname) !== kept) return
    if (kept.unsure !== undefined) this.#end(hostname, kept)
    else
      kept.idle = this.#parts.clock.after(podTimes.peerIdleMs, () => {
        if (kept.users === 0) this.#end(hostname, kept)
      })
  }

  #end(hostname: string, kept: Kept): void {
    this.#kept.delete(hostname)
    void kept.session[Symbol.asyncDispose]()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#life.abort()
    await Promise.all([...this.#kept.values()].map(k => k.session[Symbol.asyncDispose]()))
    await Promise.allSettled(this.#opening.values())
  }
}
