import type { Clock } from '../base/ports.ts'
import type { OpenOptions } from '../cli/doors.ts'
import type { Client } from '../client/client.ts'
import { lockHome } from '../config/lock.ts'
import { systemClock as clock } from '../net/clock.ts'
import { openLog } from '../net/log.ts'
import { openPerson, readHome } from './home.ts'
import { startParts } from './start.ts'

const catchUpMs = 5_000

function stopAfter(clock: Clock, delayMs: number): AbortSignal {
  const stop = new AbortController()
  clock.after(delayMs, () => stop.abort())
  return stop.signal
}

/** A client without a daemon: it asks the network in client mode, and serves nobody. Errors as `Doors.openClient`. */
export async function openLight(
  folder: string,
  { passphrase, signal }: OpenOptions
): Promise<Client & AsyncDisposable> {
  const home = await readHome(folder)
  await using stack = new AsyncDisposableStack()
  stack.use(await lockHome(folder))
  let given: string | null = null
  const person = await openPerson(home, async () => {
    given = await passphrase('vault')
    return given
  })
  const log = openLog({ level: 'warn', format: 'text' })
  const { client } = stack.use(
    await startParts({ home, person, passphrase: () => given, mode: 'client', log, signal })
  )
  // What waits at the pods is here before the first answer, as it would be with a daemon.
  await client.caughtUp(AbortSignal.any([signal, stopAfter(clock, catchUpMs)])).catch(() => {})
  signal.throwIfAborted()
  const all = stack.move()
  return { ...client, [Symbol.asyncDispose]: () => all.disposeAsync() }
}
