import { availableParallelism } from 'node:os'
import { extname } from 'node:path'
import { Worker } from 'node:worker_threads'
import { MuttrError } from '../base/errors.ts'
import type { Clock, Millis, Stamper, StampOptions } from '../base/ports.ts'
import { encodeStamp, nthNonce, stampBelow, stampBlock, stampPrice } from '../wire/stamp.ts'
import type { StampSearch } from '../wire/stamp-work.ts'
import { searchStamp } from '../wire/stamp-work.ts'

/** Hashes a worker searches before it looks up: 50 to 100 ms of an ordinary core. */
const sliceHashes = 2 ** 17
/** A stamp for a letter is there before a worker has begun to look for it: alone, it is searched where we stand, by slices of a millisecond. */
const hereHashesMax = 2 ** 14
const sliceHereHashes = 2 ** 12
const idleMs: Millis = 10_000
/** More than a household's machine has; and each takes some megabytes. */
const threadsMax = 16
/** Built, the worker lies beside us under the other name. */
const workerUrl = new URL(`./stamp-worker${extname(import.meta.filename)}`, import.meta.url)

type Job = Parameters<Stamper['make']>[0]

/** One stamp being searched for. */
interface Task {
  readonly block: Uint8Array
  readonly below: readonly [high: number, low: number]
  /** Expected hashes. */
  readonly price: number
  /** The first nonce that no slice was given out for. */
  next: number
  /** Hashes done. */
  tried: number
  /** Slices under way. */
  slices: number
  readonly options: StampOptions
  settle(nonce: number): void
  fail(err: unknown): void
}

export interface StamperOptions {
  clock: Clock
  /** All cores but one unless told. */
  threads?: number
  /** After which idle workers are ended; 10 s unless told. */
  idleMs?: Millis
}

export interface WorkerStamper extends Stamper, AsyncDisposable {
  /** Workers that run now. */
  readonly workers: number
}

/**
 * Searches stamps in worker threads, by slices: between two of them a cheaper stamp gets its turn, and an aborted one ends. A dear one
 * is searched by all workers at once. Workers start when there is work for them, and end when there is none, with the memory they take.
 */
export function createStamper(options: StamperOptions): WorkerStamper {
  return new Pool(options)
}

class Pool implements WorkerStamper {
  readonly #clock: Clock
  readonly #threads: number
  readonly #idleMs: Millis
  readonly #tasks = new Set<Task>()
  /** What each worker does. */
  readonly #workers = new Map<Worker, Task | undefined>()
  #soon: NodeJS.Immediate | undefined
  #idle: Disposable | undefined
  #closed = false

  constructor({ clock, threads, idleMs: endAfterMs = idleMs }: StamperOptions) {
    this.#clock = clock
    this.#threads = threads ?? Math.min(threadsMax, Math.max(1, availableParallelism() - 1))
    this.#idleMs = endAfterMs
  }

  get workers(): number {
    return this.#workers.size
  }

  make(job: Job, options: StampOptions = {}): Promise<Uint8Array> {
    const { key, issuedMs } = job
    const { signal } = options
    const { promise, resolve, reject } = Promise.withResolvers<Uint8Array>()
    if (signal?.aborted || this.#closed) {
      reject(cancelled())
      return promise
    }
    const price = Math.ceil(stampPrice(job) * job.factor)
    const end = (settle: () => void) => {
      if (!this.#tasks.delete(task)) return
      signal?.removeEventListener('abort', cancel)
      settle()
      this.#work()
    }
    const task: Task = {
      block: stampBlock(key, issuedMs),
      below: stampBelow(price),
      price,
      next: 0,
      tried: 0,
      slices: 0,
      options,
      settle: nonce => end(() => resolve(encodeStamp({ issuedMs, nonce: nthNonce(nonce) }))),
      fail: err => end(() => reject(err))
    }
    const cancel = () => task.fail(cancelled())
    signal?.addEventListener('abort', cancel, { once: true })
    this.#tasks.add(task)
    // All that is asked for at once is looked at together.
    this.#soon ??= setImmediate(() => {
      this.#soon = undefined
      this.#work()
    })
    return promise
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true
    for (const task of this.#tasks) task.fail(cancelled())
    await this.#end()
  }

  /** Gives every free worker a slice, and starts workers while there is more. */
  #work(): void {
    for (let task = this.#next(); task; task = this.#next()) {
      const isAlone = this.#workers.size === 0 && this.#tasks.size === 1
      if (isAlone && task.price <= hereHashesMax) {
        this.#search(task)
        return
      }
      const worker = this.#free()
      if (!worker) return
      this.#give(worker, task)
    }
    if (this.#tasks.size > 0 || this.#workers.size === 0) return
    this.#idle ??= this.#clock.after(this.#idleMs, () => void this.#end())
  }

  /** Without a worker. */
  #search(task: Task): void {
    task.slices = 1
    const step = () => {
      if (!this.#tasks.has(task)) return
      const { block, below, next: from } = task
      const found = searchStamp({ block, below, from, count: sliceHereHashes })
      task.next += sliceHereHashes
      if (found === undefined) setImmediate(step)
      else task.settle(found)
    }
    step()
  }

  /** The cheapest that nobody searches; else one so dear that many slices will be needed. */
  #next(): Task | undefined {
    let best: Task | undefined
    for (const task of this.#tasks) {
      if (task.slices > 0 && task.price < 2 * sliceHashes * task.slices) continue
      if (!best || (task.slices ? 1 : 0) < (best.slices ? 1 : 0)) best = task
      else if ((task.slices ? 1 : 0) === (best.slices ? 1 : 0) && task.price < best.price)
        best = task
    }
    return best
  }

  #free(): Worker | undefined {
    for (const [worker, task] of this.#workers) if (!task) return worker
    return this.#workers.size < this.#threads ? this.#start() : undefined
  }

  #give(worker: Worker, task: Task): void {
    this.#idle?.[Symbol.dispose]()
    this.#idle = undefined
    const { block, below, next: from } = task
    const search: StampSearch = { block, below, from, count: sliceHashes }
    task.next += sliceHashes
    task.slices += 1
    this.#workers.set(worker, task)
    worker.ref() // somebody waits for it
    worker.postMessage(search)
  }

  #start(): Worker {
    const worker = new Worker(workerUrl, { name: 'muttr-stamps', execArgv: [], resourceLimits })
    this.#workers.set(worker, undefined)
    worker.on('message', (found: number | undefined) => this.#done(worker, found))
    worker.on('error', err => this.#lost(worker, err))
    return worker
  }

  #done(worker: Worker, found: number | undefined): void {
    const task = this.#workers.get(worker)
    if (!task) return // it is being ended
    this.#workers.set(worker, undefined)
    worker.unref()
    task.slices -= 1
    task.tried += sliceHashes
    if (found !== undefined) task.settle(found)
    else if (this.#tasks.has(task))
      task.options.onProgress?.(1 - Math.exp(-task.tried / task.price))
    this.#work()
  }

  /** A worker that cannot run is not started for the same stamp again. */
  #lost(worker: Worker, err: unknown): void {
    const task = this.#workers.get(worker)
    this.#workers.delete(worker)
    task?.fail(new MuttrError('INTERNAL', 'a stamp could not be computed', { cause: err }))
  }

  async #end(): Promise<void> {
    this.#idle?.[Symbol.dispose]()
    this.#idle = undefined
    const workers = [...this.#workers.keys()]
    this.#workers.clear()
    await Promise.all(workers.map(worker => worker.terminate()))
  }
}

/** The search keeps nothing. */
const resourceLimits = { maxOldGenerationSizeMb: 16, maxYoungGenerationSizeMb: 2 }

const cancelled = () => new MuttrError('CANCELLED', 'the stamp is no longer wanted')
