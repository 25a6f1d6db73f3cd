import { codeOf, MuttrError } from '../base/errors.ts'
import { limits } from '../base/limits.ts'
import type { Clock, Failure, Log, Millis, PeerId, Random } from '../base/ports.ts'
import { retryDelayMs, throwDice } from '../base/retry.ts'
import type { Notice } from '../wire/notice.ts'
import type { PodStanding } from '../wire/pod-standing.ts'
import { failureOf } from './failure.ts'
import type { OnNews, PodLink } from './pod-link.ts'
import { reconnectSchedule } from './retry.ts'

/** As the pod knows us. */
export interface Identified {
  readonly aliases: string[]
  readonly standing: PodStanding
}

/** What a {@link PodLine} does its work with; {@link Pods} gives them one for each pod. */
export interface LineParts {
  hostname: string
  clock: Clock
  random: Random
  log: Log
  /** @throws {MuttrError} `POD_UNREACHABLE`, `POD_CHANGED`, … */
  open: (signal: AbortSignal) => Promise<PodLink>
  /** Says who we are. */
  identify: (link: PodLink) => Promise<Identified>
  /** What the pod has decided about us, each time that we hear of it. */
  onStanding: (standing: PodStanding) => void
  /** Resolves when they are durably recorded. */
  onNotices: (entries: Notice[], how: 'push' | 'playback') => Promise<void>
  /** What became of notices that the pod was to pass on. */
  onNews: OnNews
  onListening: () => void
  /** That process of the pod ends. @param others of its processes */
  onLeaving: (peer: PeerId, others: readonly PeerId[]) => void
  /** The line is up: what waited for this pod can go. */
  onUp: () => void
  idleMs: Millis
}

/** What we show of ourselves lasts for a third of its life at least (`statements.ts`); not measured. */
const identifyAgainMs: Millis = limits.deviceLifeMsMax / 6

const dispose = async (link: PodLink): Promise<void> => {
  await link[Symbol.asyncDispose]()
}

/**
 * The line to one pod. Opened when somebody needs it; closed after some idle minutes, unless it is an own pod: then it is kept
 * up, identified and listened on, and opened again whenever it falls.
 */
export class PodLine implements AsyncDisposable {
  readonly #parts: LineParts
  readonly #life = new AbortController()
  #own = false
  #link: PodLink | undefined
  #opening: Promise<PodLink> | undefined
  #identified: Promise<void> | undefined
  #knownToPod = false
  #listening = false
  #caughtUp = false
  #aliases: string[] = []
  #standing: PodStanding = { suspended: null, application: null }
  #problem: Failure | null = null
  #failures = 0
  readonly #tried = Promise.withResolvers<void>()
  #idle: Disposable | undefined
  #retry: Disposable | undefined
  #again: Disposable | undefined

  constructor(parts: LineParts) {
    this.#parts = parts
  }

  get state() {
    return {
      hostname: this.#parts.hostname,
      own: this.#own,
      connected: this.#link !== undefined,
      identified: this.#link !== undefined && this.#knownToPod,
      /** What waited was handed over, and what comes is pushed. */
      caughtUp: this.#caughtUp,
      aliases: [...this.#aliases],
      problem: this.#problem ?? suspensionOf(this.#standing)
    }
  }

  /** Resolves when an own pod has played back what waited for the first time, or could not be reached; never rejects. */
  get tried(): Promise<void> {
    return this.#own ? this.#tried.promise : Promise.resolve()
  }

  /** A link that is up, opening one when there is none. @throws {MuttrError} as {@link LineParts.open} */
  async link(): Promise<PodLink> {
    this.#parkLater()
    if (this.#link) return this.#link
    this.#opening ??= this.#open().finally(() => {
      this.#opening = undefined
    })
    return this.#opening
  }

  /** A link on which the pod knows who we are. @throws {MuttrError} `IDENTIFY_REFUSED`, `VAULT_LOCKED`, … */
  async identified(): Promise<PodLink> {
    const link = await this.link()
    this.#identified ??= this.#identify(link)
    await this.#identified
    return link
  }

  /** From now on an own pod: kept up and listened on. */
  keep(): void {
    this.#own = true
    this.#idle?.[Symbol.dispose]()
    this.wake()
  }

  /** Tries now what would be tried later: the network is back, or the vault is open. */
  wake(): void {
    if (!this.#own || this.#listening || this.#life.signal.aborted) return
    this.#retry?.[Symbol.dispose]()
    this.#retry = undefined
    this.#stayUp().catch(err => this.#fell(err))
  }

  /** Begins anew with who we are now. */
  async renew(): Promise<void> {
    const link = this.#link
    this.#forget()
    if (link) await dispose(link)
    this.wake()
  }

  async #open(): Promise<PodLink> {
    const { signal } = this.#life
    try {
      signal.throwIfAborted()
      const link = await this.#parts.open(signal)
      if (signal.aborted) {
        await link[Symbol.asyncDispose]()
        signal.throwIfAborted()
      }
      this.#link = link
      this.#problem = null
      link.closed.then(() => this.#closed(link))
      this.#parkLater()
      this.#parts.onUp()
      return link
    } catch (err) {
      const why = signal.aborted ? new MuttrError('CANCELLED', 'the client is closing') : err
      this.#problem = failureOf(why)
      throw why
    }
  }

  async #identify(link: PodLink): Promise<void> {
    try {
      const { aliases, standing } = await this.#parts.identify(link)
      this.#aliases = aliases
      this.#knownToPod = true
      this.#stand(standing)
    } catch (err) {
      this.#identified = undefined
      throw err
    }
  }

  #stand(standing: PodStanding): void {
    this.#standing = standing
    this.#parts.onStanding(standing)
  }

  async #stayUp(): Promise<void> {
    if (this.#listening) return
    const link = await this.identified()
    if (this.#listening || this.#link !== link) return
    this.#listening = true
    try {
      // From the pod's own cursor of this device: what came twice is dropped by its key.
      const { onNotices, onNews, onLeaving } = this.#parts
      const stand = (standing: PodStanding) => this.#stand(standing)
      await link.listen(onNotices, 0, onNews, stand, others =>
        onLeaving(link.pod.contact.peer, others)
      )
    } catch (err) {
      // A link is listened on once: begin again with a new one.
      if (this.#link === link) this.#forget()
      await link[Symbol.asyncDispose]()
      throw err
    }
    if (this.#link !== link) return
    this.#identifyLater(link)
    this.#caughtUp = true
    this.#parts.onListening()
    this.#tried.resolve()
    this.#failures = 0
    this.#problem = null
  }

  /** The pod knows us as long as what we have shown it lasts. */
  #identifyLater(link: PodLink): void {
    const { clock, log, hostname } = this.#parts
    this.#again?.[Symbol.dispose]()
    this.#again = clock.after(identifyAgainMs, async () => {
      if (this.#link !== link) return
      await this.#identify(link).catch(err =>
        log.info('not identified again', { pod: hostname, code: codeOf(err) })
      )
      if (this.#link === link) this.#identifyLater(link)
    })
  }

  #closed(link: PodLink): void {
    if (this.#link !== link) return
    this.#forget()
    if (this.#own) this.#fell(new MuttrError('POD_UNREACHABLE', 'the line to the pod fell'))
  }

  #forget(): void {
    this.#again?.[Symbol.dispose]()
    this.#link = undefined
    this.#identified = undefined
    this.#knownToPod = false
    this.#listening = false
    this.#caughtUp = false
  }

  #fell(err: unknown): void {
    this.#tried.resolve()
    if (this.#life.signal.aborted) return
    const { clock, random, log, hostname } = this.#parts
    this.#problem = failureOf(err)
    this.#listening = false
    this.#caughtUp = false
    if (this.#retry) return
    this.#failures++
    const delayMs = retryDelayMs(reconnectSchedule, this.#failures, throwDice(random))
    log.debug('the line to a pod is down', { pod: hostname, code: this.#problem.code, delayMs })
    this.#retry = clock.after(delayMs, () => this.wake())
  }

  #parkLater(): void {
    this.#idle?.[Symbol.dispose]()
    if (this.#own || this.#life.signal.aborted) return
    this.#idle = this.#parts.clock.after(this.#parts.idleMs, () => {
      const link = this.#link
      if (!link || this.#own) return
      this.#forget()
      void dispose(link)
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#life.abort()
    this.#idle?.[Symbol.dispose]()
    this.#retry?.[Symbol.dispose]()
    this.#again?.[Symbol.dispose]()
    const link = this.#link
    this.#link = undefined
    await link?.[Symbol.asyncDispose]()
    await this.#opening?.catch(() => undefined)
  }
}

function suspensionOf({ suspended }: PodStanding): Failure | null {
  if (!suspended) return null
  const { reason, untilMs } = suspended
  const until = untilMs === null ? '' : ` until ${new Date(untilMs).toISOString().slice(0, 10)}`
  const said = reason === '' ? '' : `: ${reason}`
  return failureOf(
    new MuttrError('ACCOUNT_SUSPENDED', `the pod has suspended the account${until}${said}`)
  )
}
