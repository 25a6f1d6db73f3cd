import type { OpenOptions } from '../cli/doors.ts'
import type { Client } from '../client/client.ts'
import { lockHome } from '../config/lock.ts'
import { createLog } from '../net/log.ts'
import { openPerson, readHome } from './home.ts'
import { startParts } from './start.ts'

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
  const log = createLog({ level: 'warn', write: line => process.stderr.write(`${line}\n`) })
  const { client } = stack.use(
    await startParts({ home, person, passphrase: given, mode: 'client', log, signal })
  )
  const all = stack.move()
  return { ...client, [Symbol.asyncDispose]: () => all.disposeAsync() }
}
