import { readdir, rm, stat, statfs, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Level } from 'level'
import { MuttrError } from '../base/errors.ts'
import { storeFailure } from './failure.ts'
import type { KeyValue, RowChange, RowRange, Rows } from './rows.ts'

type Database = Level<Uint8Array, Uint8Array>
interface Repairer {
  repair(folder: string): Promise<void>
}

const formatRow = new Uint8Array([0])
const view = { keyEncoding: 'view', valueEncoding: 'view' } as const
/** Bytes a page of an iterator fetches per thread hop. */
const hopBytes = 256 * 1024
/**
 * LevelDB maps each table that it has open into our memory and keeps it there; else a seed that holds a gigabyte for others looks as if it took
 * that much. It keeps 64 at least, whatever it is told, so they are small. Measured in docs/benchmarks.md.
 */
const tables = { maxOpenFiles: 64, maxFileSize: 1024 * 1024 } as const
/** Room beside the log's own size that opening again takes: the list of files, a new log. */
const spareBytes = 1024 * 1024

export interface LevelOptions {
  /** Names the kind and version of what is stored; written into a new database, compared in an old one. */
  format: string
  /** Whether a write waits until the disk has it (power loss) or only the operating system (`kill -9`). */
  sync: boolean
  /** Brings what LevelDB finds in a damaged database together first; some of it may be missing, or old. */
  salvage?: boolean
}

/**
 * Opens or makes a LevelDB database.
 * @throws {MuttrError} `HOME_IN_USE`, `HOME_DAMAGED`, `DISK_FULL`, `DISK_FAILED`
 */
export async function levelRows(
  folder: string,
  { format, sync, salvage = false }: LevelOptions
): Promise<Rows> {
  const rows = new LevelRows(folder, sync)
  try {
    if (salvage) await rows.salvage()
    await rows.ready()
    await rows.claim(format, salvage)
  } catch (err) {
    await rows[Symbol.asyncDispose]()
    throw err
  }
  return rows
}

/** @returns what a database says that it is; undefined where there is none, or where it says nothing yet. @throws as {@link levelRows} */
export async function levelFormat(folder: string): Promise<string | undefined> {
  const rows = new LevelRows(folder, false)
  try {
    if (!(await rows.exists())) return undefined
    await rows.ready()
    return await rows.format()
  } finally {
    await rows[Symbol.asyncDispose]()
  }
}

/**
 * After a failed write nothing more is written to the same log: LevelDB would go on behind the broken piece, and when it reads
 * the log again it drops what follows. So the database is closed and opened again first, when there is room for that;
 * until then it goes on answering reads.
 */
class LevelRows implements Rows {
  readonly #folder: string
  readonly #sync: boolean
  #db: Database | undefined
  #failed = false
  #closed = false
  #opening: Promise<void> | undefined
  #reads = 0
  #idle: (() => void) | undefined // wakes who waits for the last read to end

  constructor(folder: string, sync: boolean) {
    this.#folder = folder
    this.#sync = sync
  }

  get(key: Uint8Array): Promise<Uint8Array | undefined> {
    return this.#read(db => db.get(key, view)).then(plain)
  }

  async getMany(keys: readonly Uint8Array[]): Promise<(Uint8Array | undefined)[]> {
    return (await this.#read(db => db.getMany([...keys], view))).map(plain)
  }

  range({ gte, lt, limit = -1, reverse = false }: RowRange): Promise<KeyValue[]> {
    const options = { ...view, gte, lt, limit, reverse, highWaterMarkBytes: hopBytes }
    return this.#read(async db => {
      const found: KeyValue[] = []
      for (const [key, value] of await db.iterator(options).all())
        found.push([plain(key)!, plain(value)!])
      return found
    })
  }

  async *each(): AsyncGenerator<KeyValue> {
    while (this.#db === undefined) await this.ready()
    this.#reads += 1
    try {
      // An iterator sees what was there when it was made.
      const options = { ...view, highWaterMarkBytes: hopBytes }
      for await (const [key, value] of this.#db.iterator(options))
        yield [plain(key)!, plain(value)!]
    } catch (err) {
      throw storeFailure(err, this.#folder)
    } finally {
      this.#readEnded()
    }
  }

  readNow(key: Uint8Array): Uint8Array | undefined {
    try {
      return plain(this.#open().getSync(key, view))
    } catch (err) {
      throw storeFailure(err, this.#folder)
    }
  }

  async write(changes: readonly RowChange[]): Promise<void> {
    const operations = changes.map(({ key, value }) =>
      value === null ? { type: 'del' as const, key } : { type: 'put' as const, key, value }
    )
    const attempt = () => this.#open().batch(operations, { ...view, sync: this.#sync })
    try {
      await attempt()
    } catch {
      // Perhaps there is room again, and LevelDB only remembers that there was none; the same changes twice do no harm.
      this.#failed = true
      await this.ready()
      await attempt().catch(err => {
        this.#failed = true
        throw storeFailure(err, this.#folder)
      })
    }
  }

  ready(): Promise<void> {
    if (this.#db !== undefined && !this.#failed) return Promise.resolve()
    this.#opening ??= this.#reopen().finally(() => {
      this.#opening = undefined
    })
    return this.#opening
  }

  async #reopen(): Promise<void> {
    if (this.#closed) throw new MuttrError('CANCELLED', 'the store is closed')
    try {
      if (this.#db !== undefined) {
        await this.#probe()
        const db = this.#db
        this.#db = undefined // reads that come now wait for the opening
        await this.#quiet()
        await db.close()
      } else await this.#checkWhole()
      const db: Database = new Level(this.#folder, { ...view, ...tables, compression: false })
      await db.open()
      this.#db = db
      this.#failed = false
    } catch (err) {
      throw storeFailure(err, this.#folder)
    }
  }

  /** LevelDB would begin anew where its `CURRENT` file is missing, and delete everything that stands there. */
  async #checkWhole(): Promise<void> {
    const names = await this.#names()
    const lost = names.some(name => /\.(ldb|sst)$/.test(name))
    if (lost && !names.includes('CURRENT'))
      throw new MuttrError('HOME_DAMAGED', `the database at ${this.#folder} lacks its CURRENT file`)
  }

  /** Finds out whether the log would fit the disk once more, which opening needs. Throws when not; nothing is lost by trying. */
  async #probe(): Promise<void> {
    let needed = spareBytes
    for (const name of await this.#names())
      if (name.endsWith('.log')) needed += (await stat(join(this.#folder, name))).size
    const { bavail, bsize } = await statfs(this.#folder)
    if (bavail * bsize < needed)
      throw new MuttrError('DISK_FULL', `the database at ${this.#folder} has no room to grow`)
    const file = join(this.#folder, 'space.probe')
    try {
      await writeFile(file, Buffer.alloc(needed, 1))
    } finally {
      await rm(file, { force: true })
    }
  }

  async #names(): Promise<string[]> {
    try {
      return await readdir(this.#folder)
    } catch (err) {
      if ((err as NodeJS.ErrnoException).code === 'ENOENT') return []
      throw err
    }
  }

  async salvage(): Promise<void> {
    try {
      // classic-level has it; the types of `level`, which also speaks for browsers, do not.
      await (Level as unknown as Repairer).repair(this.#folder)
    } catch (err) {
      throw storeFailure(err, this.#folder)
    }
  }

  async exists(): Promise<boolean> {
    return (await this.#names()).length > 0
  }

  async format(): Promise<string | undefined> {
    const found = await this.get(formatRow)
    return found && Buffer.from(found).toString()
  }

  /** The first row says what the database holds, so that a folder is never taken for something else. */
  async claim(format: string, mayBeLost: boolean): Promise<void> {
    const key = formatRow
    const wanted = Buffer.from(format)
    const found = await this.get(key)
    if (found === undefined) {
      const [any] = await this.range({ gte: key, lt: new Uint8Array([255]), limit: 1 })
      if (any === undefined || mayBeLost) return this.write([{ key, value: wanted }])
    } else if (wanted.equals(found)) return
    if (found !== undefined && isLater(Buffer.from(found).toString(), format))
      throw new MuttrError(
        'STATE_NEWER',
        `${this.#folder} was made by a newer muttr: it is "${Buffer.from(found)}"`,
        {
          hint: 'Use the newer muttr, or go back to a backup from before. Nothing was changed.'
        }
      )
    const holds = found === undefined ? 'something else' : `"${Buffer.from(found)}"`
    throw new MuttrError('HOME_DAMAGED', `${this.#folder} holds ${holds}, not "${format}"`, {
      hint: 'The folder belongs to another version of muttr or to something else; use another one.'
    })
  }

  async #read<T>(use: (db: Database) => Promise<T>): Promise<T> {
    while (this.#db === undefined) await this.ready()
    this.#reads += 1
    try {
      return await use(this.#db)
    } catch (err) {
      throw storeFailure(err, this.#folder)
    } finally {
      this.#readEnded()
    }
  }

  #readEnded(): void {
    this.#reads -= 1
    if (this.#reads === 0) this.#idle?.()
  }

  async #quiet(): Promise<void> {
    if (this.#reads > 0) await new Promise<void>(resolve => (this.#idle = resolve))
  }

  #open(): Database {
    if (this.#db === undefined) throw new MuttrError('CANCELLED', 'the store is closed')
    return this.#db
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true
    await this.#opening?.catch(() => {})
    const db = this.#db
    this.#db = undefined
    await this.#quiet()
    await db?.close()
  }
}

/** Versions of one kind differ in the number at the end; what a client keeps is named as such from its second on. */
function isLater(found: string, wanted: string): boolean {
  const [, kind, version] = versioned.exec(found) ?? []
  const [, ownKind, ownVersion] = versioned.exec(wanted) ?? []
  const isSame = kind === ownKind || (kind === 'muttr client state' && ownKind === 'muttr state')
  return isSame && kind !== undefined && Number(version) > Number(ownVersion)
}
const versioned = /^(muttr [a-z ]{1,40}) (\d{1,6})$/

/** Without Buffer's own methods, so that values compare and print as what they are. */
const plain = (bytes: Uint8Array | undefined): Uint8Array | undefined =>
  bytes && new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength)
