import { fork } from 'node:child_process'
import { once } from 'node:events'
import { loadavg } from 'node:os'
import { join } from 'node:path'
import type { Ask, Way, Where } from './idle-people-worker.ts'
import type { Row } from './table.ts'
import { summary } from './table.ts'

const ways: Record<Way, string> = {
  tls: 'over a WebSocket, TLS in the process',
  proxy: 'over a WebSocket, TLS in front of it',
  libp2p: 'over libp2p'
}
/** Before the first figure, so that what a pod needs once is there; between the first and the last. */
const warmUp = 500
const people = 1_000
const batch = 50
const GiB = 2 ** 30

interface Worker extends Disposable {
  ask<T>(asked: Ask): Promise<T>
}

function startWorker(): Worker {
  const child = fork(join(import.meta.dirname, 'idle-people-worker.ts'), {
    execArgv: ['--expose-gc'],
    stdio: ['ignore', 'inherit', 'inherit', 'ipc']
  })
  return {
    async ask<T>(asked: Ask): Promise<T> {
      child.send(asked)
      const [{ result, error }] = await once(child, 'message')
      if (error !== undefined) throw new Error(error)
      return result as T
    },
    [Symbol.dispose]: () => child.disconnect()
  }
}

interface Memory {
  rssBytes: number
  heapBytes: number
  sessions: number
}

/** What one more person costs the pod's process: of the machine's memory, and of what V8 counts as used. */
async function bytesEach(way: Way): Promise<{ rss: number; heap: number }> {
  using pod = startWorker()
  using crowd = startWorker()
  const where = await pod.ask<Where>({ ask: 'pod', way })
  // Collected often, so that what registering left behind is not taken for what waiting costs.
  const enter = async (count: number): Promise<Memory> => {
    for (let left = count; left > 0; left -= batch) {
      await crowd.ask({ ask: 'enter', way, where, count: batch })
      await pod.ask<Memory>({ ask: 'memory' })
    }
    return await pod.ask<Memory>({ ask: 'memory' })
  }
  const before = await enter(warmUp)
  const after = await enter(people)
  if (after.sessions !== warmUp + people) throw new Error(`${after.sessions} are here`)
  return {
    rss: (after.rssBytes - before.rssBytes) / people,
    heap: (after.heapBytes - before.heapBytes) / people
  }
}

/** What people cost a pod who are identified, have an alias, listen and wait. Real sockets, from another process. */
export async function benchIdlePeople(rounds: number): Promise<Row[]> {
  const rows: Row[] = []
  for (const [way, what] of Object.entries(ways) as [Way, string][]) {
    const each: Awaited<ReturnType<typeof bytesEach>>[] = []
    for (let round = 0; round < rounds; round++) each.push(await bytesEach(way))
    console.error(`${what}: load ${loadavg()[0]!.toFixed(1)}`)
    const of = (name: string, unit: Row['unit'], figure: (e: (typeof each)[number]) => number) =>
      rows.push({ name: `${name} ${what}`, unit, ...summary(each.map(figure)) })
    of('a person', 'kB', ({ rss }) => rss / 1_000)
    of('of it used by objects,', 'kB', ({ heap }) => heap / 1_000)
    of('people per GiB', 'people', ({ rss }) => GiB / rss)
  }
  return rows
}
