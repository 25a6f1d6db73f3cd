import { MuttrError } from '../../base/errors.ts'
import type { Emit } from '../../base/events.ts'
import type { Clock, Log, Millis, Random } from '../../base/ports.ts'
import { readWords, wordsOf } from '../../keys/mnemonic.ts'
import { exportPerson } from '../../keys/person.ts'
import { sealStream } from '../../keys/sealed-stream.ts'
import type { Change, State } from '../../store/state.ts'
import type { BackupFile, PodItem } from '../../wire/backup.ts'
import { encodeBackupItem } from '../../wire/backup.ts'
import { literal, mapped, tuple, uint } from '../../wire/cbor.ts'
import type { Self } from '../self.ts'
import { createTable, type Table } from '../table.ts'
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
  /** The same, of which nothing is noted: it is none before it stands somewhere. @throws {MuttrError} `VAULT_LOCKED`, before the first bytes */
  sealed(): Promise<BackupStream>
  /** What opens every backup: 16 bytes. @throws {MuttrError} `VAULT_LOCKED` */
  secret(): Promise<Uint8Array>
  /**
   * What a new device of the person is given, not sealed: what of a backup is the person's, and nothing that this device does.
   * @param o.history with letters. @param o.onRows told how many rows were read so far. @throws {MuttrError} `VAULT_LOCKED`
   */
  forDevice(o: { history: boolean; onRows: (rows: number) => void }): Promise<BackupStream>
  /** When the last one was made that was written to its end; null before the first. */
  lastMs(): Promise<Millis | null>
}

export interface BackupsParts {
  state: State
  self: Self
  clock: Clock
  random: Random
  log: Log
  emit: Emit
  /** Of the home folder; those that are there. */
  files: () => Promise<Files>
  /** The same for another device, whose machine is another. */
  filesAlong: () => Promise<Files>
  /** All that the pod of this home keeps; nothing where there is none. */
  pod: () => AsyncIterable<PodItem>
}

type Files = readonly { name: BackupFile; content: Uint8Array }[]
type Rows = ReturnType<State['rows']>

const place = { table: 'self', key: 'recovery' } as const
const secretBytes = 16

/** When the last backup was made: the row `backup` of `self`. */
const lastTable = (state: State, log: Log): Table<Millis> =>
  createTable({
    state,
    log,
    name: 'self',
    field: mapped(tuple(literal(1), uint()), ([, madeMs]) => madeMs),
    write: madeMs => [1, madeMs],
    maxBytes: 64
  })

/** Keeps when a backup was made, also one that this client came out of. */
export const keptBackup = (state: State, log: Log, madeMs: Millis): Change =>
  lastTable(state, log).put('backup', madeMs)

/** What was backed up does not hold the key of now. */
export const noBackup: Change = { type: 'delete', table: 'self', key: 'backup' }

export function createBackups(parts: BackupsParts): Backups {
  const { state, self, clock, random, log, emit, files, filesAlong, pod } = parts
  const secret = async (): Promise<Uint8Array> => {
    const closet = self.closet()
    const kept = await state.get(place.table, place.key)
    if (kept) return closet.open('recovery', kept)
    const made = random.bytes(secretBytes)
    const value = closet.seal('recovery', made)
    const { ok } = await state.write([{ type: 'insert', ...place, value }])
    return ok ? made : secret()
  }

  async function* items(
    files: Files,
    all: Rows,
    madeMs: Millis,
    more?: AsyncIterable<PodItem>
  ): AsyncGenerator<Uint8Array> {
    // The rows stand still before the key is taken: what they are sealed to is in it, whatever comes between.
    const reading = all[Symbol.asyncIterator]()
    try {
      let next = await reading.next()
      const person = self.person()
      const { fingerprint } = person.certificate
      yield encodeBackupItem({ type: 'head', madeMs, fingerprint })
      for (const one of [person, ...person.former]) {
        const content = new Uint8Array(Buffer.from(await exportPerson(one)))
        yield encodeBackupItem({
          type: 'file',
          name: one === person ? 'secret' : 'former',
          content
        })
      }
      for (const file of files) yield encodeBackupItem({ type: 'file', ...file })
      let rows = 0
      for (; !next.done; next = await reading.next()) {
        yield encodeBackupItem({ type: 'row', ...next.value })
        rows++
      }
      for await (const item of more ?? []) {
        yield encodeBackupItem(item)
        rows++
      }
      yield encodeBackupItem({ type: 'end', rows })
    } finally {
      await reading.return?.()
    }
  }

  async function sealed(madeMs: Millis): Promise<BackupStream> {
    self.person() // a locked vault is told of before anything is written
    return sealStream(await secret(), items(await files(), state.rows(), madeMs, pod()), random)
  }

  async function* whole(stream: BackupStream, madeMs: Millis): AsyncGenerator<Uint8Array> {
    yield* stream
    await state.write([keptBackup(state, log, madeMs)])
    emit({ type: 'backed-up', madeMs })
  }

  return {
    words: async () => wordsOf(await secret()),
    async write() {
      const madeMs = clock.now()
      return whole(await sealed(madeMs), madeMs)
    },
    sealed: () => sealed(clock.now()),
    secret,
    async forDevice({ history, onRows }) {
      self.person()
      await secret() // the same words for the backups of both
      const rows = rowsAlong({ state, closet: self.closet(), log, history })
      return items(await filesAlong(), counted(rows, onRows), clock.now())
    },
    lastMs: async () =>
      (await lastTable(state, log)
        .get('backup')
        .catch(() => undefined)) ?? null
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
