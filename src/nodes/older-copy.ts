import { codeOf } from '../base/errors.ts'
import type { Clock, Log, Millis, PeerId } from '../base/ports.ts'
import { abortable } from '../client/waiting.ts'
import { askedSince, isRestored, refuseOlder, renamedSince } from '../pod/renamed-since.ts'
import { openHostnames } from '../pod/renaming.ts'
import type { Dht } from '../seed/dht.ts'
import type { State } from '../store/state.ts'
import type { Around } from './start.ts'

interface Parts {
  state: State
  clock: Clock
  log: Log
  self: PeerId
  /** Of the pod's certificate. */
  fingerprint: string
  /** As muttr.json says. */
  hostname: string
}

/** Joining the network and asking: seeds and pods of its file that are away each take their time. */
const askMs: Millis = 30_000

/** Whether the pod has another name by now than this copy of it knows. @throws {MuttrError} where nobody could be asked */
export async function isOlderCopy(
  { log, hostname, ...parts }: Omit<Parts, 'clock'>,
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
  const { state, clock, hostname, log } = parts
  if (!(await isRestored(state))) return
  try {
    const over = new AbortController()
    using _timer = clock.after(askMs, () => over.abort())
    const until = AbortSignal.any([signal, over.signal])
    await isOlderCopy(parts, await abortable(join(), until), until)
    await askedSince(state)
  } catch (err) {
    signal.throwIfAborted()
    log.warn('pod.not-asked-what-it-is-called', { code: codeOf(err) })
  }
  await refuseOlder(state, hostname)
}
