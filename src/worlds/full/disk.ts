import { MuttrError } from '../../base/errors.ts'
import type { Dice } from '../../sim/dice.ts'
import { nameOfRow } from '../../store/row-bytes.ts'
import type { Rows } from '../../store/rows.ts'
import { memoryRows } from '../../store/rows.ts'
import { blobRow } from '../../store/seed-rows.ts'
import { createSeedStore } from '../../store/seed-store.ts'
import type { SeedStore } from '../../store/store.ts'

/**
 * What a node stores on: the shipped store on rows in memory that somebody can damage. It is empty again after {@link replace}, which only
 * a seed that opens it anew may see.
 */
export class VirtualDisk {
  readonly store: SeedStore
  /** Takes nothing more, and gives what it has. */
  isFull = false
  readonly #capBytes: number
  #rows!: Rows
  #inner!: SeedStore
  /** Names of rows whose bytes were spoiled and that stand as they are since. */
  readonly #spoiled = new Set<string>()

  constructor(capBytes: number | null) {
    this.#capBytes = capBytes ?? Number.MAX_SAFE_INTEGER
    this.replace()
    this.store = {
      putBlob: blob => this.#inner.putBlob(blob),
      getBlob: (key, nowMs) => this.#inner.getBlob(key, nowMs),
      holding: (keys, nowMs) => this.#inner.holding(keys, nowMs),
      putTombstone: (key, frame, expiryMs) => this.#inner.putTombstone(key, frame, expiryMs),
      getTombstone: (key, nowMs) => this.#inner.getTombstone(key, nowMs),
      putRecord: (key, frame, expiryMs) => this.#inner.putRecord(key, frame, expiryMs),
      getRecord: (key, nowMs) => this.#inner.getRecord(key, nowMs),
      entries: range => this.#inner.entries(range),
      drop: key => this.#inner.drop(key),
      expire: (nowMs, limit) => this.#inner.expire(nowMs, limit),
      usage: () => this.#inner.usage(),
      [Symbol.asyncDispose]: () => this.#inner[Symbol.asyncDispose]()
    }
  }

  /** By an empty one. */
  replace(): void {
    const rows = memoryRows()
    this.#spoiled.clear()
    this.#rows = rows
    const counted = { blobs: 0, bytes: 0 }
    const written = {
      ...rows,
      write: (changes: Parameters<Rows['write']>[0]) => this.#write(changes)
    }
    this.#inner = createSeedStore(written, { capBytes: this.#capBytes, counted })
  }

  async #write(changes: Parameters<Rows['write']>[0]): Promise<void> {
    if (this.isFull && changes.some(({ value }) => value !== null))
      throw new MuttrError('DISK_FULL', 'the virtual disk has no room to grow')
    await this.#rows.write(changes)
    for (const { key } of changes) this.#spoiled.delete(nameOfRow(key))
  }

  /** Turns a bit in a blob's bytes. @returns whether it is here and was whole. */
  async rot(key: Uint8Array, dice: Dice): Promise<boolean> {
    const row = blobRow(key)
    const value = await this.#rows.get(row)
    if (value === undefined || this.isSpoiled(key)) return false
    value[dice.below(value.length)]! ^= 1 << dice.below(8)
    await this.#rows.write([{ key: row, value }])
    this.#spoiled.add(nameOfRow(row))
    return true
  }

  /** What stands under this key is not what was written; nobody may have noticed yet. */
  isSpoiled(key: Uint8Array): boolean {
    return this.#spoiled.has(nameOfRow(blobRow(key)))
  }
}
