import { MuttrError } from '../base/errors.ts'
import type { Clock, Log, Millis, PeerId, Session } from '../base/ports.ts'
import { leaving } from '../wire/leaving.ts'
import { podMethods } from '../wire/pod-methods.ts'
import type { Forwarder } from './federation/forwarder.ts'
import { podTimes } from './limits.ts'
import type { Reception } from './reception.ts'

/** How far a process of a pod is with taking leave. */
export interface DrainState {
  readonly state: 'serving' | 'draining' | 'drained'
  /** Who is still here. */
  readonly sessions: number
  /** Who was here when it began. */
  readonly of: number
}

interface DrainOptions {
  /** Over so long the sessions are closed, one after the other; by their number unless told. */
  overMs?: Millis
  signal?: AbortSignal
  onProgress?: (state: DrainState) => void
}

/** Takes leave of everybody without losing what is under way. Source: docs/protocol/pod.md#an-orderly-end */
export interface Drain {
  state(): DrainState
  /**
   * Lets nobody in any more, sends who is here elsewhere, and has what is under way finish. Of several calls the first one says how; when it is cancelled, the
   * process serves on. @throws {MuttrError} `CANCELLED`
   */
  run(options?: DrainOptions): Promise<void>
  /** Serves again. */
  resume(): void
}

interface Parts {
  clock: Clock
  log: Log
  reception: Pick<Reception, 'close' | 'open' | 'sessions' | 'size'>
  forwarder: Pick<Forwarder, 'pause' | 'resume'> | undefined
  /** The other processes of the pod. */
  others(): Promise<PeerId[]>
}

/** A new session costs another process some milliseconds of work. */
const sessionMs: Millis = 10
const tickMs: Millis = 50
const tellTimeoutMs: Millis = 5_000
/** A state that does not answer keeps nobody from leaving. */
const othersTimeoutMs: Millis = 2_000

export function createDrain({ clock, log, reception, forwarder, others }: Parts): Drain {
  let state: DrainState['state'] = 'serving'
  let of = 0
  let running: { done: Promise<void>; stop: AbortController } | undefined
  const shown = (): DrainState => ({ state, sessions: reception.size, of })

  async function part(session: Session, peers: readonly PeerId[]): Promise<void> {
    const told = session.request(podMethods.leaving, leaving.encode({ peers }), {
      timeoutMs: tellTimeoutMs
    })
    // Who does not know the method, or does not answer, sees the session end.
    await told.catch(err => log.debug('pod.leaving-not-told', { peer: session.peer, err }))
    await session[Symbol.asyncDispose]()
  }

  /** None where nobody says in time. */
  async function othersNow(): Promise<PeerId[]> {
    const late = Promise.withResolvers<PeerId[]>()
    using _patience = clock.after(othersTimeoutMs, () => late.resolve([]))
    return await Promise.race([others().catch(() => []), late.promise])
  }

  async function drain({ overMs, onProgress }: DrainOptions, signal: AbortSignal): Promise<void> {
    state = 'draining'
    reception.close()
    const passed = forwarder?.pause() ?? Promise.resolve()
    const peers = await othersNow()
    const sessions = [...reception.sessions()].map(([session]) => session)
    of = sessions.length
    const longMs = Math.min(overMs ?? of * sessionMs, podTimes.drainMsMax)
    const beganMs = clock.now()
    const parting: Promise<void>[] = []
    for (;;) {
      onProgress?.(shown())
      const due = Math.ceil((of * (clock.now() - beganMs + tickMs)) / Math.max(longMs, tickMs))
      for (const session of sessions.slice(parting.length, due)) parting.push(part(session, peers))
      if (parting.length === of) break
      await pause(clock, tickMs, signal)
      signal.throwIfAborted()
    }
    // A transfer to another pod may wait for long: it is asked again by who comes after us.
    const patience = pause(clock, podTimes.drainGraceMs, signal)
    await Promise.race([Promise.all([...parting, passed]), patience])
    signal.throwIfAborted()
    for (const [session] of reception.sessions()) void session[Symbol.asyncDispose]()
    state = 'drained'
    onProgress?.(shown())
  }

  function resume(): void {
    running?.stop.abort()
    running = undefined
    state = 'serving'
    reception.open()
    forwarder?.resume()
  }

  return {
    state: shown,
    async run(options = {}) {
      if (!running) {
        const stop = new AbortController()
        const signal = options.signal ? AbortSignal.any([options.signal, stop.signal]) : stop.signal
        const done = drain(options, signal).catch(cause => {
          if (running?.stop === stop) resume()
          throw new MuttrError('CANCELLED', 'the pod serves on', { cause })
        })
        running = { done, stop }
      }
      await running.done
    },
    resume
  }
}

/** Resolves at the end of the time, or when nobody waits any more. */
async function pause(clock: Clock, delayMs: Millis, signal: AbortSignal): Promise<void> {
  const over = Promise.withResolvers<void>()
  const end = () => over.resolve()
  using _timer = clock.after(delayMs, end)
  signal.addEventListener('abort', end, { once: true })
  if (signal.aborted) end()
  await over.promise
  signal.removeEventListener('abort', end)
}
