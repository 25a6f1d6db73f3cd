import type { WriteStream } from 'node:fs'
import { createWriteStream } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { finished } from 'node:stream/promises'
import type { Clock, Millis } from '../../base/ports.ts'
import { Checks } from './checks.ts'
import type { Happened, Happening, Violation } from './history.ts'
import type { Planned } from './plan.ts'
import { quorum } from './plan.ts'

/** How often what happened. */
class Counts {
  readonly #counts = new Map<string, number>()
  add(what: string): void {
    this.#counts.set(what, this.of(what) + 1)
  }
  of(what: string): number {
    return this.#counts.get(what) ?? 0
  }
  get sum(): number {
    return [...this.#counts.values()].reduce((a, b) => a + b, 0)
  }
  toJSON(): Record<string, number> {
    return Object.fromEntries([...this.#counts].sort(([a], [b]) => (a < b ? -1 : 1)))
  }
}

interface JournalParts {
  clock: Clock
  /** For plan.jsonl, history.jsonl and summary.json; null writes nothing. */
  folder: string | null
  onViolation(violation: Violation): void
}

/** Puts a time on what happens, has it judged, counts it and writes it down. */
export class Journal implements AsyncDisposable {
  readonly checks = new Checks()
  readonly faults = new Counts()
  readonly unsent = new Counts()
  /** By type. */
  readonly counts = new Counts()
  readonly #parts: JournalParts
  readonly #history: WriteStream | null
  readonly #startMs: Millis

  private constructor(parts: JournalParts) {
    this.#parts = parts
    this.#startMs = parts.clock.now()
    this.#history =
      parts.folder === null ? null : createWriteStream(join(parts.folder, 'history.jsonl'))
  }

  /** @throws when the folder cannot be written to */
  static async begin(parts: JournalParts): Promise<Journal> {
    if (parts.folder !== null) await mkdir(parts.folder, { recursive: true })
    return new Journal(parts)
  }

  get atMs(): Millis {
    return this.#parts.clock.now() - this.#startMs
  }

  readonly note = (happening: Happening): void => {
    const happened: Happened = { atMs: this.atMs, ...happening }
    this.#history?.write(`${JSON.stringify(happened)}\n`)
    this.counts.add(happened.type)
    if (happened.type === 'fault') this.faults.add(happened.fault.do)
    if (happened.type === 'put' && happened.copies < quorum) this.counts.add('few')
    if (happened.type === 'unsent') this.unsent.add(happened.code)
    for (const violation of this.checks.take(happened)) this.#parts.onViolation(violation)
  }

  async plan(plan: readonly Planned[]): Promise<void> {
    await this.#write('plan.jsonl', plan.map(one => `${JSON.stringify(one)}\n`).join(''))
  }

  async summary(summary: object): Promise<void> {
    await this.#write('summary.json', `${JSON.stringify(summary, null, 2)}\n`)
  }

  async #write(name: string, text: string): Promise<void> {
    const { folder } = this.#parts
    if (folder !== null) await writeFile(join(folder, name), text)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#history) return
    this.#history.end()
    await finished(this.#history)
  }
}
