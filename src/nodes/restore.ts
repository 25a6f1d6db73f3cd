import { MuttrError } from '../base/errors.ts'
import type { Millis } from '../base/ports.ts'
import type { Restored, RestoreOptions } from '../cli/doors.ts'
import { keptBackup, readRecovery } from '../client/backup/backup.ts'
import { holdBack, RowsBack } from '../client/backup/restore.ts'
import { readConfig } from '../config/config.ts'
import { homeExists, makeHome, unmakeHome, unwritable, writeFileAtomic } from '../config/home.ts'
import { readNetwork } from '../config/network.ts'
import type { Person } from '../keys/person.ts'
import { importPerson, withFormer } from '../keys/person.ts'
import { openStream } from '../keys/sealed-stream.ts'
import { createLog } from '../net/log.ts'
import { loadPeerKey } from '../net/peer-key.ts'
import { systemRandom } from '../net/random.ts'
import { levelState } from '../store/level.ts'
import type { BackupItem } from '../wire/backup.ts'
import { readBackupItems } from '../wire/backup.ts'
import { writePerson } from './home.ts'

/**
 * Makes a home out of a backup: the same person on a new device. muttr.json comes last, so that a home that was not finished is none.
 * As `Doors.restore`.
 */
export async function restoreHome(o: RestoreOptions): Promise<Restored> {
  if (await homeExists(o.home)) throw new MuttrError('HOME_EXISTS', `there is a node in ${o.home}`)
  const secret = readRecovery(await o.words())
  const source = openStream(secret, o.input)
  const items = readBackupItems(source)
  // The head is read, and with it the words are checked, before anything is made or asked.
  const first = await items.next()
  if (first.done || first.value.type !== 'head')
    throw new MuttrError('BACKUP_INVALID', 'the backup has no head')
  const { fingerprint, madeMs } = first.value
  const passphrase = await o.passphrase('new-vault')
  const paths = await makeHome(o.home)
  try {
    const taken = await takeAll(items, { ...o, database: paths.clientDb, madeMs })
    const { person, config, network } = taken
    if (person.certificate.fingerprint !== fingerprint)
      throw new MuttrError('BACKUP_INVALID', 'the backup holds the key of another person')
    await loadPeerKey(paths.peerKey)
    await writeFileAtomic(paths.deviceKey, systemRandom.bytes(32))
    await writeFileAtomic(paths.network, network)
    if (taken.joined) await writeFileAtomic(paths.joined, taken.joined)
    await writePerson(paths, person, passphrase)
    await writeFileAtomic(paths.config, config)
    const { name } = readConfig(Buffer.from(config).toString('utf8'))
    return { home: o.home, name, fingerprint, madeMs, rows: taken.rows, held: taken.held }
  } catch (err) {
    await unmakeHome(o.home)
    throw (err as NodeJS.ErrnoException).syscall ? unwritable(err, o.home) : err
  }
}

interface Taken {
  person: Person
  config: Uint8Array
  network: Uint8Array
  joined: Uint8Array | undefined
  rows: number
  held: number
}

async function takeAll(
  items: AsyncIterable<BackupItem>,
  { database, madeMs, signal, onProgress }: RestoreOptions & { database: string; madeMs: Millis }
): Promise<Taken> {
  const files = new Map<string, Uint8Array>()
  const former: Person[] = []
  const log = createLog({ level: 'warn', write: line => process.stderr.write(`${line}\n`) })
  await using state = await levelState(database)
  const back = new RowsBack(state)
  let rows = 0
  for await (const item of items) {
    if (signal.aborted) throw new MuttrError('CANCELLED', 'nothing was restored')
    if (item.type === 'file' && item.name === 'former')
      former.push(await importPerson(item.content))
    else if (item.type === 'file') files.set(item.name, item.content)
    else if (item.type === 'row') {
      await back.add(item)
      onProgress?.(++rows)
    }
  }
  await back.flush()
  await state.write([keptBackup(state, log, madeMs)])
  const need = (name: string): Uint8Array => {
    const found = files.get(name)
    if (!found) throw new MuttrError('BACKUP_INVALID', `the backup lacks ${name}`)
    return found
  }
  readConfig(Buffer.from(need('muttr.json')).toString('utf8'))
  readNetwork(Buffer.from(need('network.json')).toString('utf8'))
  return {
    person: withFormer(await importPerson(need('secret')), former),
    config: need('muttr.json'),
    network: need('network.json'),
    joined: files.get('joined.json'),
    rows,
    held: await holdBack(state, log)
  }
}
