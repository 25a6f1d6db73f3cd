import { codeOf } from '../base/errors.ts'
import type { Log, PeerId } from '../base/ports.ts'
import { systemClock as clock } from '../net/clock.ts'
import { askedSince, isRestored, refuseOlder, renamedSince } from '../pod/renamed-since.ts'
import { openHostnames } from '../pod/renaming.ts'
import type { Dht } from '../seed/dht.ts'
import type { State } from '../store/state.ts'
import type { Around } from './start.ts'

interface Parts {
  state: State
  log: Log
  self: PeerId
  /** Of the pod's certificate. */
  fingerprint: string
  /** As muttr.json says. */
  hostname: string
}

const askMs = 10_000

/** Whether the pod has another name by now than this copy of it knows. @throws {MuttrError} where nobody could be asked */
export async function isOlderCopy(
  { log, hostname, ...parts }: Parts,
  dht: Pick<Dht, 'getRecord'>,
  signal: AbortSignal
): Promise<boolean> {
  const names = await openHostnames(parts.state, hostname)
  const now = await renamedSince({ ...parts, dht, names }, signal)
  if (now !== null) log.warn('pod.renamed-since', { from: hostname, to: now })
  return now !== null
}

/**
 * A pod that came out of a backup asks before it serves: nobody is to be let in under a name that it has no more. Where nobody can be asked it begins, and
 * asks before it says where it is. @throws {MuttrError} `CONFIG_INVALID` where it has another name by now
 */
export async function askIfRestored(
  parts: Parts,
  { join }: Around,
  signal: AbortSignal
): Promise<void> {
  const { state, hostname, log } = parts
  if (!(await isRestored(state))) return
  try {
    const dht = await join()
    const over = new AbortController()
    using _timer = clock.after(askMs, () => over.abort())
    await isOlderCopy(parts, dht, AbortSignal.any([signal, over.signal]))
    await askedSince(state)
  } catch (err) {
    signal.throwIfAborted()
    log.warn('pod.not-asked-what-it-is-called', { code: codeOf(err) })
  }
  await refuseOlder(state, hostname)
}
