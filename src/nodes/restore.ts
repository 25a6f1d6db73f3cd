import { MuttrError } from '../base/errors.ts'
import type { Restored, RestoreOptions } from '../cli/doors.ts'
import { keptBackup, readRecovery } from '../client/backup/backup.ts'
import { restoredNetworkRow } from '../client/backup/network-rows.ts'
import { holdBack } from '../client/backup/restore.ts'
import { homeExists } from '../config/home.ts'
import { openStream } from '../keys/sealed-stream.ts'
import { systemClock as clock } from '../net/clock.ts'
import { openLog } from '../net/log.ts'
import type { State } from '../store/state.ts'
import { inNewHome, makeKeys, readBelongings, takeIn } from './new-home.ts'

/** Makes a home out of a backup: the same person on a new device. As `Doors.restore`. */
export const restoreHome = (o: RestoreOptions): Promise<Restored> => restoreOutOf(o, () => o.input)

/** @param inputOf the backup, for who needs the secret of the words to find it */
export async function restoreOutOf(
  o: Omit<RestoreOptions, 'input'>,
  inputOf: (secret: Uint8Array) => AsyncIterable<Uint8Array>
): Promise<Restored> {
  const { home, signal, onProgress } = o
  if (await homeExists(home)) throw new MuttrError('HOME_EXISTS', `there is a node in ${home}`)
  const secret = readRecovery(await o.words())
  // The head is read, and with it the words are checked, before anything is made or asked.
  const belongings = await readBelongings(openStream(secret, inputOf(secret)))
  const passphrase = await o.passphrase('new-vault')
  const log = openLog({ level: 'warn', format: 'text' })
  return inNewHome(home, async paths => {
    await makeKeys(paths)
    const { fingerprint, madeMs } = belongings.head
    const settle = async (state: State) => {
      const network = await restoredNetworkRow(state, log, clock.now())
      await state.write([keptBackup(state, log, madeMs), network])
      return holdBack(state, log)
    }
    const how = { passphrase, signal, onProgress, settle }
    const { name, rows, settled: held } = await takeIn(paths, belongings, how)
    return { home, name, fingerprint, madeMs, rows, held }
  })
}
