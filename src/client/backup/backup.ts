import { MuttrError } from '../../base/errors.ts'
import type { Clock, Log, Random } from '../../base/ports.ts'
import { readWords, wordsOf } from '../../keys/mnemonic.ts'
import { exportPerson } from '../../keys/person.ts'
import { sealStream } from '../../keys/sealed-stream.ts'
import type { State } from '../../store/state.ts'
import type { BackupFile } from '../../wire/backup.ts'
import { encodeBackupItem } from '../../wire/backup.ts'
import type { Self } from '../self.ts'
import { rowsAlong } from './along.ts'

/** A backup as it is being written: its size is known at the end only. */
type BackupStream = AsyncIterable<Uint8Array>

export interface Backups {
  /** The twelve words that open every backup of this person; made at the first call. @throws {MuttrError} `VAULT_LOCKED` */
  words(): Promise<string[]>
  /**
   * Everything of the person and the client as it is now, while it runs: keys, settings, contacts, letters. What others store here is
   * left out. @throws {MuttrError} `VAULT_LOCKED`, before the first bytes
   */
  write(): Promise<BackupStream>
  /**
   * What a new device of the person is given, not sealed: what of a backup is the person's, and nothing that this device does.
   * @param o.history with letters. @param o.onRows told how many rows were read so far. @throws {MuttrError} `VAULT_LOCKED`
   */
  forDevice(o: { history: boolean; onRows: (rows: number) => void }): Promise<BackupStream>
}

export interface BackupsParts {
  state: State
  self: Self
  clock: Clock
  random: Random
  log: Log
  /** Of the home folder; those that are there. */
  files: () => Promise<Files>
  /** The same for another device, whose machine is another. */
  filesAlong: () => Promise<Files>
}

type Files = readonly { name: BackupFile; content: Uint8Array }[]
type Rows = ReturnType<State['rows']>

const place = { table: 'self', key: 'recovery' } as const
const secretBytes = 16

export function createBackups(parts: BackupsParts): Backups {
  const { state, self, clock, random, log, files, filesAlong } = parts
  const secret = async (): Promise<Uint8Array> => {
    const closet = self.closet()
    const kept = await state.get(place.table, place.key)
    if (kept) return closet.open('recovery', kept)
    const made = random.bytes(secretBytes)
    const value = closet.seal('recovery', made)
    const { ok } = await state.write([{ type: 'insert', ...place, value }])
    return ok ? made : secret()
  }

  async function* items(files: Files, all: Rows): AsyncGenerator<Uint8Array> {
    // The rows stand still before the key is taken: what they are sealed to is in it, whatever comes between.
    const reading = all[Symbol.asyncIterator]()
    try {
      let next = await reading.next()
      const person = self.person()
      const { fingerprint } = person.certificate
      yield encodeBackupItem({ type: 'head', madeMs: clock.now(), fingerprint })
      const content = Buffer.from(await exportPerson(person))
      yield encodeBackupItem({ type: 'file', name: 'secret', content: new Uint8Array(content) })
      for (const file of files) yield encodeBackupItem({ type: 'file', ...file })
      let rows = 0
      for (; !next.done; next = await reading.next()) {
        yield encodeBackupItem({ type: 'row', ...next.value })
        rows++
      }
      yield encodeBackupItem({ type: 'end', rows })
    } finally {
      await reading.return?.()
    }
  }

  return {
    words: async () => wordsOf(await secret()),
    async write() {
      self.person() // a locked vault is told of before anything is written
      return sealStream(await secret(), items(await files(), state.rows()), random)
    },
    async forDevice({ history, onRows }) {
      self.person()
      await secret() // the same words for the backups of both
      const rows = rowsAlong({ state, closet: self.closet(), log, history })
      return items(await filesAlong(), counted(rows, onRows))
    }
  }
}

async function* counted(all: Rows, onRows: (rows: number) => void): Rows {
  let rows = 0
  for await (const row of all) {
    onRows(++rows)
    yield row
  }
}

/** The secret behind the words as somebody typed them. @throws {MuttrError} `RECOVERY_WRONG` */
export function readRecovery(typed: string): Uint8Array {
  try {
    return readWords(typed)
  } catch (cause) {
    throw new MuttrError('RECOVERY_WRONG', (cause as Error).message, { cause })
  }
}
