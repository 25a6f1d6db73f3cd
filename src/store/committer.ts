import { MuttrError } from '../base/errors.ts'
import { Overlay } from './overlay.ts'
import type { Rows } from './rows.ts'

/** What a decision sees: everything committed, and what was decided before it in the same group. */
export interface View<S> {
  state: S
  read(key: Uint8Array): Uint8Array | undefined
  write(key: Uint8Array, value: Uint8Array | null): void
}

/** Reads, then writes. What it throws reaches its caller alone; it throws before its first write or not at all. */
export type Decide<S, T> = (view: View<S>) => T

interface Task<S> {
  decide: Decide<S, unknown>
  resolve: (result: never) => void
  reject: (err: unknown) => void
}

/** A group is closed when it holds this much; its tasks then wait for one write together. */
const groupBytesMax = 1024 * 1024

/**
 * Takes decisions one after the other and writes them in groups: one batch, and where it is asked for one fsync, for all that
 * came while the last one was written. Since decisions are serial, a cap that a decision checks cannot be passed by two at once.
 * `S` is what is known without reading, such as the sum of bytes; it moves on only with a write that succeeded.
 */
export class Committer<S> implements AsyncDisposable {
  readonly #rows: Rows
  #state: S
  #tasks: Task<S>[] = []
  #running: Promise<void> | undefined
  #closed = false

  constructor(rows: Rows, state: S) {
    this.#rows = rows
    this.#state = state
  }

  get state(): S {
    return this.#state
  }

  /** @returns what `decide` returned, once it is written. @throws what `decide` threw, or why writing failed. */
  run<T>(decide: Decide<S, T>): Promise<T> {
    if (this.#closed) return Promise.reject(new MuttrError('CANCELLED', 'the store is closed'))
    return new Promise<T>((resolve, reject) => {
      this.#tasks.push({ decide, resolve, reject })
      this.#running ??= this.#runAll()
    })
  }

  async #runAll(): Promise<void> {
    await null // so that all tasks of this tick share a group
    while (this.#tasks.length > 0) await this.#runGroup()
    this.#running = undefined
  }

  async #runGroup(): Promise<void> {
    try {
      await this.#rows.ready()
    } catch (err) {
      for (const { reject } of this.#tasks.splice(0)) reject(err)
      return
    }
    const group = new Group(this.#rows, this.#state)
    const done: { task: Task<S>; result: unknown }[] = []
    while (this.#tasks.length > 0 && group.sizeBytes < groupBytesMax) {
      const task = this.#tasks.shift()!
      try {
        done.push({ task, result: task.decide(group) })
      } catch (err) {
        task.reject(err)
      }
    }
    try {
      if (group.changes.size > 0) await this.#rows.write([...group.changes.values()])
    } catch (err) {
      for (const { task } of done) task.reject(err)
      return
    }
    this.#state = group.state
    for (const { task, result } of done) task.resolve(result as never)
  }

  /** Finishes what was asked for before. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true
    await this.#running
    await this.#rows[Symbol.asyncDispose]()
  }
}

class Group<S> extends Overlay implements View<S> {
  state: S
  constructor(rows: Rows, state: S) {
    super(row => rows.readNow(row))
    this.state = state
  }
}
