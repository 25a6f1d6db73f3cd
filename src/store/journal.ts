import { closeSync, ftruncateSync, openSync, readSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { crc32 } from 'node:zlib'
import type { Field } from '../wire/cbor.ts'
import {
  array,
  bytes,
  decodeCbor,
  encodeCbor,
  mapped,
  nullable,
  tuple,
  uint
} from '../wire/cbor.ts'
import type { RowChange } from './rows.ts'

/** What was written together: all or none of it counts. */
export interface Entry {
  readonly sequence: number
  readonly changes: readonly RowChange[]
}

const headBytes = 8
const entryBytesMax = 16 * 1024 * 1024
const change: Field<RowChange> = mapped(
  tuple(bytes(1, 64), nullable(bytes(0, entryBytesMax))),
  ([key, value]) => ({ key, value })
)
const entry: Field<Entry> = mapped(tuple(uint(), array(change, 65_536)), ([sequence, changes]) => ({
  sequence,
  changes
}))

/** One file of entries, each behind its length and its CRC-32. Source: docs/protocol/store.md */
class JournalFile implements Disposable {
  readonly #file: number
  #sizeBytes = 0
  /** Of the last entry; 0 when it is empty. */
  lastSequence = 0

  constructor(path: string) {
    this.#file = openSync(path, 'a+', 0o600)
  }

  /** All entries up to the first that is not whole. */
  read(): Entry[] {
    const entries: Entry[] = []
    const head = Buffer.alloc(headBytes)
    for (;;) {
      if (readSync(this.#file, head, 0, headBytes, this.#sizeBytes) < headBytes) break
      const length = head.readUInt32BE(0)
      if (length > entryBytesMax) break
      const content = Buffer.alloc(length)
      const found = readSync(this.#file, content, 0, length, this.#sizeBytes + headBytes)
      if (found < length || crc32(content) !== head.readUInt32BE(4)) break
      entries.push(decodeCbor(content, 'an entry', entry, entryBytesMax, 'HOME_DAMAGED'))
      this.#sizeBytes += headBytes + length
    }
    return entries
  }

  /** In the caller's turn: the operating system has it when this returns. @throws as node:fs; then nothing of it is left. */
  append({ sequence, changes }: Entry): void {
    const content = encodeCbor([sequence, changes.map(({ key, value }) => [key, value])])
    const whole = Buffer.allocUnsafe(headBytes + content.byteLength)
    whole.writeUInt32BE(content.byteLength, 0)
    whole.writeUInt32BE(crc32(content), 4)
    whole.set(content, headBytes)
    try {
      for (let at = 0; at < whole.byteLength; ) at += writeSync(this.#file, whole, at)
    } catch (err) {
      ftruncateSync(this.#file, this.#sizeBytes)
      throw err
    }
    this.#sizeBytes += whole.byteLength
    this.lastSequence = sequence
  }

  clear(): void {
    ftruncateSync(this.#file, 0)
    this.#sizeBytes = 0
    this.lastSequence = 0
  }

  [Symbol.dispose](): void {
    closeSync(this.#file)
  }
}

/** Two files in turn: one takes what comes while the other's entries move into the database. */
export class Journal implements Disposable {
  readonly #files: readonly [JournalFile, JournalFile]
  #current = 0

  constructor(folder: string) {
    const [one, two] = ['journal.0', 'journal.1'].map(name => new JournalFile(join(folder, name)))
    this.#files = [one!, two!]
  }

  /** What was appended before this process, oldest first. Called once, before {@link append}. */
  read(): Entry[] {
    const entries = this.#files.flatMap(file => file.read())
    return entries.sort((a, b) => a.sequence - b.sequence)
  }

  append(entry: Entry): void {
    this.#files[this.#current]!.append(entry)
  }

  /** The next entries go to the other file, if it is empty. */
  turn(): void {
    if (this.#files[1 - this.#current]!.lastSequence === 0) this.#current = 1 - this.#current
  }

  /** Entries up to `sequence` are in the database. */
  forget(sequence: number): void {
    for (const file of this.#files)
      if (file.lastSequence > 0 && file.lastSequence <= sequence) file.clear()
  }

  /** Drops everything, also a piece of an entry at the end. */
  clear(): void {
    for (const file of this.#files) file.clear()
  }

  [Symbol.dispose](): void {
    for (const file of this.#files) file[Symbol.dispose]()
  }
}
