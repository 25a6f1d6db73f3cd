import { createHash } from 'node:crypto'
import { toHex } from '../base/bytes.ts'
import type { Millis } from '../base/ports.ts'

/** Something that happened in a run. */
export interface Note {
  readonly atMs: Millis
  readonly type: string
  readonly fields: readonly (string | number)[]
}

/** Takes what happens in a world, in order; must not change anything in it. */
export interface TraceSink {
  /** Told each note as it is made. */
  take(note: Note): void
}

/** The last notes only: enough to see what led to the end. */
export class TraceRing implements TraceSink {
  readonly #max: number
  readonly #notes: Note[] = []
  #next = 0

  constructor(max: number) {
    this.#max = max
  }

  take(note: Note): void {
    this.#notes[this.#next] = note
    this.#next = (this.#next + 1) % this.#max
  }

  /** Oldest first. */
  notes(): Note[] {
    return [...this.#notes.slice(this.#next), ...this.#notes.slice(0, this.#next)]
  }
}

/** One JSON array a note, `[milliseconds, type, ...fields]`, without the line's end. */
export const traceLines = (write: (line: string) => void): TraceSink => ({
  take: ({ atMs, type, fields }) => write(JSON.stringify([atMs, type, ...fields]))
})

const bufferBytes = 64 * 1024
const timeBytes = 9

/** The fingerprint of a history: of when each event was and of all notes. */
export class TraceHash {
  readonly #hash = createHash('sha256')
  readonly #buffer = Buffer.alloc(bufferBytes)
  readonly #view = new DataView(this.#buffer.buffer, this.#buffer.byteOffset, bufferBytes)
  #length = 0

  event(atMs: Millis): void {
    if (this.#length + timeBytes > bufferBytes) this.#flush()
    this.#buffer[this.#length] = 0
    this.#view.setFloat64(this.#length + 1, atMs, true)
    this.#length += timeBytes
  }

  note({ atMs, type, fields }: Note): void {
    this.event(atMs)
    const text = `${JSON.stringify([type, ...fields])}\n`
    this.#flush()
    this.#hash.update(text)
  }

  #flush(): void {
    this.#hash.update(this.#buffer.subarray(0, this.#length))
    this.#length = 0
  }

  /** Of all so far, in hex; more may follow. */
  get value(): string {
    this.#flush()
    return toHex(this.#hash.copy().digest())
  }
}
