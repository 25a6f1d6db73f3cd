import { getHeapStatistics } from 'node:v8'
import { codeOf } from '../base/errors.ts'
import { failureOf } from '../base/failure.ts'
import type { Clock, Log, Millis } from '../base/ports.ts'
import type { Check } from '../client/client.ts'
import { systemRandom } from '../net/random.ts'
import type { WholeState } from '../store/state.ts'

/** How much of what a process may have it has; each from 0 to 1. */
export interface Memory {
  /** Of the bound of its control group; 0 where there is none. */
  readonly group: number
  /** Of what its heap may grow to, beyond which it ends at once. */
  readonly heap: number
}

/** What V8 was told last counts. */
const semiSpace = /--max[-_]semi[-_]space[-_]size[= ](\d+)/g

/** Of what V8 says that the heap may grow to, its young generation has so much for itself: three times a semi-space, and 192 MiB unless it was told. */
function youngBytes(): number {
  const told = [process.env.NODE_OPTIONS, ...process.execArgv].join(' ')
  const semiMiB = Number([...told.matchAll(semiSpace)].at(-1)?.[1] ?? 64)
  return 3 * semiMiB * 2 ** 20
}

export function memoryNow(): Memory {
  const boundBytes = process.constrainedMemory()
  const isBound = boundBytes > 0 && boundBytes < Number.MAX_SAFE_INTEGER
  const { used_heap_size: used, heap_size_limit: limit } = getHeapStatistics()
  return {
    group: isBound ? process.memoryUsage.rss() / boundBytes : 0,
    heap: used / (limit - youngBytes())
  }
}

/** From there on nobody new is let in: who is here needs the rest. */
const strained = 0.9
const lookEveryMs: Millis = 1_000

/** @returns whether there is memory for one session more; looked at no more often than once a second. */
export function createRoom({ now }: Pick<Clock, 'now'>, look = memoryNow): () => boolean {
  let lookedMs = Number.NEGATIVE_INFINITY
  let has = true
  return () => {
    if (Math.abs(now() - lookedMs) < lookEveryMs) return has
    lookedMs = now()
    const { group, heap } = look()
    has = group < strained && heap < strained
    return has
  }
}

/** A state, and whether it took what it was last given. */
export interface Writable {
  readonly state: WholeState
  /** @returns the code of why it can be neither read nor written; a write that failed is tried again with one of our own */
  problem(): Promise<string | undefined>
  check(): Promise<Check[]>
}

/** As large as what is to be kept; a disk that is full may have room for less, and a database makes one byte of many alike. */
const probeBytes = 64 * 1_024
const probeOf = (value: Uint8Array) => [{ type: 'put', table: 'pod', key: 'probe', value }] as const

/** @param log is told once when it fails, whoever was refused by it, and once when it takes something again. */
export function watchWrites(state: WholeState, log: Pick<Log, 'info' | 'warn'>): Writable {
  let failed: string | undefined
  const fails = (err: unknown): never => {
    const failure = failureOf(err)
    if (failed !== failure.code) log.warn('pod.state', { ...failure })
    failed = failure.code
    throw err
  }
  const write: WholeState['write'] = async changes => {
    const outcome = await state.write(changes).catch(fails)
    if (failed !== undefined) log.info('pod.state', { takes: 'writes again' })
    failed = undefined
    return outcome
  }
  const get: WholeState['get'] = (table, key) => state.get(table, key).catch(fails)
  async function problem(): Promise<string | undefined> {
    try {
      await get('pod', 'record')
      if (failed !== undefined) {
        await write(probeOf(systemRandom.bytes(probeBytes)))
        await write([{ type: 'delete', table: 'pod', key: 'probe' }])
      }
      return undefined
    } catch (err) {
      return codeOf(err) ?? 'INTERNAL'
    }
  }
  return {
    state: {
      ...state,
      get,
      write,
      [Symbol.asyncDispose]: () => state[Symbol.asyncDispose]()
    },
    problem,
    async check() {
      const code = await problem()
      const hint = 'Nothing new is taken until it does: make room, or see what the database says.'
      const detail = code === undefined ? 'takes writes' : `takes no writes: ${code}`
      return [
        { name: 'state', ok: code === undefined, detail, hint: code === undefined ? null : hint }
      ]
    }
  }
}
