import { MuttrError } from '../base/errors.ts'
import type { Clock, Contact, Millis } from '../base/ports.ts'

/** What {@link drive} needs of a machine. */
interface Machine {
  poll(nowMs: Millis): Contact[]
  wakeMs(nowMs: Millis): Millis
}

export interface DriveParts {
  clock: Clock
  /** Asks one peer and reports to the machine; never rejects for what a peer does. */
  ask(contact: Contact): Promise<void>
  /** Looked at after every report and at every wake-up. */
  isOver(nowMs: Millis): boolean
  signal?: AbortSignal | undefined
}

/**
 * Runs a machine with real requests until it is over. Requests still under way are left to end by themselves.
 * @throws {MuttrError} `CANCELLED` when the signal aborts
 */
export function drive(machine: Machine, { clock, ask, isOver, signal }: DriveParts): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  let timer: Disposable | undefined
  let ended = false
  const finish = (settle: () => void) => {
    ended = true
    timer?.[Symbol.dispose]()
    signal?.removeEventListener('abort', cancel)
    settle()
  }
  const cancel = () =>
    finish(() => reject(new MuttrError('CANCELLED', 'the operation was cancelled')))
  const fail = (err: unknown) => {
    if (!ended) finish(() => reject(err))
  }
  const advance = () => {
    for (const contact of machine.poll(clock.now())) void ask(contact).then(step, fail)
    const nowMs = clock.now()
    if (isOver(nowMs)) return finish(resolve)
    timer?.[Symbol.dispose]()
    timer = clock.after(Math.max(1, machine.wakeMs(nowMs) - nowMs), step)
  }
  /** Called from timers and after answers, where nobody would catch a mistake. */
  const step = () => {
    try {
      if (!ended) advance()
    } catch (err) {
      fail(err)
    }
  }
  if (signal?.aborted) cancel()
  else {
    signal?.addEventListener('abort', cancel, { once: true })
    step()
  }
  return promise
}
