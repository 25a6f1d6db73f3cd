import { codeOf } from '../../base/errors.ts'
import { limits } from '../../base/limits.ts'
import type { Clock, Log } from '../../base/ports.ts'
import type { Dht } from '../../seed/dht.ts'
import type { Locks } from '../locks.ts'
import type { Ended, Plan, Turn } from './plan.ts'
import type { Shelf } from './shelf.ts'
import { here, lost, setState } from './task.ts'

interface FetcherParts {
  dht: Pick<Dht, 'get'>
  plan: Plan
  shelf: Shelf
  /** One thing at a time is done to the files of one task. */
  locks: Locks
  /** What stays free on the disk for everything else. */
  reserveBytes: number
  clock: Clock
  log: Log
}

/** Fetches what the plan says. */
export interface Fetcher extends AsyncDisposable {
  /** To be called when something was added. */
  run(): void
}

/** Several holders are asked beside each other, which get does; a chunk may take as long as a letter. */
const getMs = 30_000
/** Room is left for what is under way. */
const roomBytes = 16 * limits.blobBytesMax

export function createFetcher(parts: FetcherParts): Fetcher {
  const { dht, plan, shelf, locks, reserveBytes, clock, log } = parts
  const life = new AbortController()
  const running = new Set<Promise<void>>()
  let timer: Disposable | undefined

  async function fetch({ task, chunk }: Turn): Promise<Ended> {
    try {
      if ((await shelf.freeBytes()) - roomBytes < reserveBytes) {
        log.warn('pod.ahead-disk-full')
        return 'away'
      }
      const key = await locks.run(task.id, async () => shelf.key(task, chunk))
      const { blob } = await dht.get(key, { signal: life.signal, timeoutMs: getMs })
      await locks.run(task.id, async () => {
        if (task.dropped) return
        await shelf.keep(task, chunk, blob)
        setState(task, chunk, here)
      })
      return 'here'
    } catch (err) {
      return endOf(err)
    }
  }

  const endOf = (err: unknown): Ended => {
    const code = codeOf(err)
    if (code === 'BLOB_UNKNOWN') return 'missing'
    if (code === 'BLOB_RELEASED' || code === 'BLOB_EXPIRED' || code === 'BLOB_INVALID')
      return 'lost'
    if (!life.signal.aborted) log.debug('pod.ahead-away', { code })
    return 'away'
  }

  async function one(turn: Turn): Promise<void> {
    const how = await fetch(turn)
    const isGivenUp = plan.ended(turn, how, clock.now())
    if (!isGivenUp || turn.task.dropped) return
    await locks
      .run(turn.task.id, async () => {
        if (!turn.task.dropped) await shelf.mark(turn.task, turn.chunk, lost)
      })
      .catch(err => log.warn('pod.ahead-not-written', { code: codeOf(err) }))
  }

  function run(): void {
    timer?.[Symbol.dispose]()
    if (life.signal.aborted) return
    const nowMs = clock.now()
    for (let turn = plan.next(nowMs); turn; turn = plan.next(nowMs)) {
      const done: Promise<void> = one(turn).finally(() => {
        running.delete(done)
        run()
      })
      running.add(done)
    }
    const nextMs = plan.nextMs()
    if (nextMs !== undefined) timer = clock.after(Math.max(1, nextMs - clock.now()), run)
  }

  return {
    run,
    async [Symbol.asyncDispose]() {
      life.abort()
      timer?.[Symbol.dispose]()
      await Promise.all(running)
    }
  }
}
