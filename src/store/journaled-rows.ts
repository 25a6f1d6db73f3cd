import { openRow, sealRow } from './checked.ts'
import { storeFailure } from './failure.ts'
import { Journal } from './journal.ts'
import type { LevelOptions } from './level-rows.ts'
import { levelRows } from './level-rows.ts'
import { nameOfRow, readU48, rowOf, u48 } from './row-bytes.ts'
import type { KeyValue, RowChange, RowRange, Rows } from './rows.ts'
import { seedFormat } from './seed-rows.ts'

/** The last entry of the journal that the database has. */
const doneRow = rowOf('j')
/** Held in memory and in one file of the journal, then written as one batch. */
const heldBytesMax = 256 * 1024
/** A larger write goes to the database at once: it is copied once less, and what a hop to another thread costs is lost in it. */
const journaledBytesMax = 16 * 1024

type Held = Map<string, RowChange>

/** Writes what a former process left in its journal to the database. @returns the last sequence. */
async function replay(rows: Rows, journal: Journal): Promise<number> {
  const found = await rows.get(doneRow)
  const done = found && openRow(doneRow, found)
  let last = done?.byteLength === 6 ? readU48(done, 0) : 0
  const changes: Held = new Map()
  for (const entry of journal.read()) {
    if (entry.sequence <= last) continue
    for (const change of entry.changes) changes.set(nameOfRow(change.key), change)
    last = entry.sequence
  }
  if (changes.size > 0) await rows.write([...changes.values(), doneAt(last)])
  journal.clear()
  return last
}

const doneAt = (sequence: number): RowChange => ({
  key: doneRow,
  value: sealRow(doneRow, u48(sequence))
})

/**
 * Rows that are safe once a journal beside the database has them: appending to it takes a tenth of what a batch costs, whose way to
 * another thread and back is dearer than its work. The database gets them by the hundred. docs/decisions/021-cost-of-a-put.md
 * @param rows of the database in `folder`; disposed together with what is returned, and when this fails.
 */
export async function journaledRows(rows: Rows, folder: string): Promise<Rows> {
  let journal: Journal | undefined
  try {
    journal = new Journal(folder)
    return new JournaledRows(rows, journal, folder, await replay(rows, journal))
  } catch (err) {
    journal?.[Symbol.dispose]()
    await rows[Symbol.asyncDispose]()
    throw storeFailure(err, folder)
  }
}

/** The rows of a seed's store on disk. @throws {MuttrError} `HOME_IN_USE`, `HOME_DAMAGED`, `DISK_FULL`, `DISK_FAILED` */
export const seedRows = async (
  folder: string,
  options: Omit<LevelOptions, 'format'>
): Promise<Rows> =>
  journaledRows(await levelRows(folder, { ...options, format: seedFormat }), folder)

class JournaledRows implements Rows {
  readonly #rows: Rows
  readonly #journal: Journal
  readonly #folder: string
  #sequence: number
  /** Not in the database yet. */
  #held: Held = new Map()
  #heldBytes = 0
  /** On its way into the database. */
  #moving: Held | undefined
  #moved: Promise<void> | undefined
  #closed = false

  constructor(rows: Rows, journal: Journal, folder: string, sequence: number) {
    this.#rows = rows
    this.#journal = journal
    this.#folder = folder
    this.#sequence = sequence
  }

  ready(): Promise<void> {
    return this.#rows.ready()
  }

  readNow(key: Uint8Array): Uint8Array | undefined {
    const change = this.#find(key)
    return change ? change.value?.slice() : this.#rows.readNow(key)
  }

  async get(key: Uint8Array): Promise<Uint8Array | undefined> {
    const change = this.#find(key)
    return change ? change.value?.slice() : this.#rows.get(key)
  }

  async getMany(keys: readonly Uint8Array[]): Promise<(Uint8Array | undefined)[]> {
    const held = keys.map(key => this.#find(key))
    const found = await this.#rows.getMany(keys)
    return found.map((value, i) => {
      const change = held[i]
      return change ? change.value?.slice() : value
    })
  }

  async range(range: RowRange): Promise<KeyValue[]> {
    await this.#move()
    return this.#rows.range(range)
  }

  async write(changes: readonly RowChange[]): Promise<void> {
    let bytes = 0
    for (const { key, value } of changes) bytes += key.byteLength + (value?.byteLength ?? 0)
    const isBehind = this.#heldBytes >= heldBytesMax // the database is slower than the journal, or refused
    if (isBehind || bytes > journaledBytesMax || !this.#append(changes)) return this.#move(changes)
    for (const change of changes) this.#held.set(nameOfRow(change.key), change)
    this.#heldBytes += bytes
    if (this.#heldBytes >= heldBytesMax && this.#moved === undefined) this.#move().catch(() => {})
  }

  /** @returns whether the journal has them. */
  #append(changes: readonly RowChange[]): boolean {
    try {
      this.#journal.append({ sequence: this.#sequence + 1, changes })
    } catch {
      return false // perhaps the database has room
    }
    this.#sequence += 1
    return true
  }

  #find(key: Uint8Array): RowChange | undefined {
    if (this.#held.size === 0 && this.#moving === undefined) return undefined
    const name = nameOfRow(key)
    return this.#held.get(name) ?? this.#moving?.get(name)
  }

  /** Brings everything held into the database, and `more` with it. @throws {MuttrError} as Rows; what was held still is. */
  async #move(more: readonly RowChange[] = []): Promise<void> {
    while (this.#moved) await this.#moved.catch(() => {})
    if (this.#held.size === 0 && more.length === 0) return
    this.#moved = this.#moveNow(more).finally(() => {
      this.#moved = undefined
    })
    return this.#moved
  }

  async #moveNow(more: readonly RowChange[]): Promise<void> {
    const moving = this.#held
    const sequence = this.#sequence
    this.#moving = moving
    this.#held = new Map()
    this.#heldBytes = 0
    this.#journal.turn()
    const all = new Map(moving)
    for (const change of more) all.set(nameOfRow(change.key), change)
    try {
      await this.#rows.write([...all.values(), doneAt(sequence)])
      this.#journal.forget(sequence)
    } catch (err) {
      for (const [name, change] of this.#held) moving.set(name, change)
      this.#held = moving
      this.#heldBytes = heldBytesMax // so that the next write tries again, and waits
      throw storeFailure(err, this.#folder)
    } finally {
      this.#moving = undefined
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    await this.#move().catch(() => {}) // the journal keeps it for the next process
    this.#journal[Symbol.dispose]()
    await this.#rows[Symbol.asyncDispose]()
  }
}
