import { MuttrError } from '../../base/errors.ts'
import type { Clock, Random } from '../../base/ports.ts'
import { readWords, wordsOf } from '../../keys/mnemonic.ts'
import { exportPerson } from '../../keys/person.ts'
import { sealStream } from '../../keys/sealed-stream.ts'
import type { State } from '../../store/state.ts'
import type { BackupFile } from '../../wire/backup.ts'
import { encodeBackupItem } from '../../wire/backup.ts'
import type { Self } from '../self.ts'

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
}

export interface BackupsParts {
  state: State
  self: Self
  clock: Clock
  random: Random
  /** Of the home folder; those that are there. */
  files: () => Promise<readonly { name: BackupFile; content: Uint8Array }[]>
}

const place = { table: 'self', key: 'recovery' } as const
const secretBytes = 16

export function createBackups({ state, self, clock, random, files }: BackupsParts): Backups {
  const secret = async (): Promise<Uint8Array> => {
    const closet = self.closet()
    const kept = await state.get(place.table, place.key)
    if (kept) return closet.open('recovery', kept)
    const made = random.bytes(secretBytes)
    const value = closet.seal('recovery', made)
    const { ok } = await state.write([{ type: 'insert', ...place, value }])
    return ok ? made : secret()
  }

  async function* items(): AsyncGenerator<Uint8Array> {
    const person = self.person()
    const { fingerprint } = person.certificate
    yield encodeBackupItem({ type: 'head', madeMs: clock.now(), fingerprint })
    const content = Buffer.from(await exportPerson(person))
    yield encodeBackupItem({ type: 'file', name: 'secret', content: new Uint8Array(content) })
    for (const file of await files()) yield encodeBackupItem({ type: 'file', ...file })
    let rows = 0
    for await (const row of state.rows()) {
      yield encodeBackupItem({ type: 'row', ...row })
      rows++
    }
    yield encodeBackupItem({ type: 'end', rows })
  }

  return {
    words: async () => wordsOf(await secret()),
    async write() {
      self.person() // a locked vault is told of before anything is written
      return sealStream(await secret(), items(), random)
    }
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
