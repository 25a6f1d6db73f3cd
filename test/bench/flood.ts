import type { ChildProcess } from 'node:child_process'
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { limits } from '../../src/base/limits.ts'
import type { Contact } from '../../src/base/ports.ts'
import type { Ask, Flooded } from './flood-worker.ts'
import type { Row } from './table.ts'
import { quantile, summary } from './table.ts'

const worker = fileURLToPath(new URL('./flood-worker.ts', import.meta.url))
const others = 7
/** So many that the cap is reached, and what comes after is seen. */
const operations = 1_000
const MiB = 2 ** 20

async function ask<T>(child: ChildProcess, asked: Ask): Promise<T> {
  child.send(asked)
  const [said] = await once(child, 'message')
  return (said as { answer: T }).answer
}

interface Timed {
  put: number[]
  get: number[]
}

/**
 * One peer puts blobs of 64 KiB into one seed as fast as it can, with stamps worth the floor, while seven other seeds go on putting and
 * getting with that seed among their holders. Beside it, what they take while nothing is flooded, and while the same flood goes to a
 * seed that none of them knows: that tells what the machine alone makes of it. Each role has a process of its own.
 */
export async function benchFlood(rounds: number): Promise<Row[]> {
  const spawn = () => fork(worker, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
  const children = [spawn(), spawn(), spawn(), spawn()] as const
  const [flooded, stranger, crowd, flooder] = children
  try {
    const [target] = await ask<Contact[]>(flooded, { ask: 'start', join: [], count: 1 })
    const [decoy] = await ask<Contact[]>(stranger, { ask: 'start', join: [], count: 1 })
    await ask(crowd, { ask: 'start', join: [target!], count: others })
    const measure = () => ask<Timed>(crowd, { ask: 'measure', count: operations })
    const during = async (at: Contact, into: Timed): Promise<Flooded & { seconds: number }> => {
      const beganMs = performance.now()
      await ask(flooder, { ask: 'flood', target: at })
      collect(into, await measure())
      const done = await ask<Flooded>(flooder, { ask: 'cease' })
      return { ...done, seconds: (performance.now() - beganMs) / 1_000 }
    }
    const [calm, elsewhere, here] = [empty(), empty(), empty()]
    const [offered, taken]: [number[], number[]] = [[], []]
    let takenBytes = 0
    const refused: Record<string, number> = {}
    await measure() // warms caches and compilers
    const startMs = performance.now()
    for (let r = 0; r < rounds; r++) {
      collect(calm, await measure())
      await during(decoy!, elsewhere)
      const done = await during(target!, here)
      offered.push(done.offered / MiB / done.seconds)
      taken.push(done.taken / MiB / done.seconds)
      takenBytes += done.taken
      for (const [code, count] of Object.entries(done.refused))
        refused[code] = (refused[code] ?? 0) + count
    }
    const seconds = (performance.now() - startMs) / 1_000
    const allowed = limits.peerPutBytesBurst + seconds * limits.peerPutBytesPerSecond
    const { priceFactor } = await ask<{ priceFactor: number }>(flooded, { ask: 'stored' })
    console.error(`flood: refused ${JSON.stringify(refused)}, price ${priceFactor}`)
    return [
      ...rowsOf('put', { here, elsewhere, calm }),
      ...rowsOf('get', { here, elsewhere, calm }),
      { name: 'flood, offered a second', unit: 'MiB', ...summary(offered) },
      { name: 'flood, taken a second', unit: 'MiB', ...summary(taken) },
      {
        name: 'flood, taken in all',
        unit: 'MiB',
        ...summary([takenBytes / MiB]),
        rival: { name: 'the cap', ...summary([allowed / MiB]) }
      }
    ]
  } finally {
    for (const child of children)
      if (child.exitCode === null) {
        child.send('stop')
        await once(child, 'exit')
      }
  }
}

function rowsOf(op: keyof Timed, o: { here: Timed; elsewhere: Timed; calm: Timed }): Row[] {
  const figure = (timed: Timed) => ({
    median: summary([quantile(timed[op], 0.5)]).median,
    p95: summary([quantile(timed[op], 0.95)]).median
  })
  const row = { name: `${op} of others under a flood`, unit: 'ms' as const, ...figure(o.here) }
  return [
    { ...row, rival: { name: 'the flood elsewhere', ...figure(o.elsewhere) } },
    { ...row, rival: { name: 'no flood', ...figure(o.calm) } }
  ]
}

const empty = (): Timed => ({ put: [], get: [] })

function collect(into: Timed, timed: Timed): void {
  into.put.push(...timed.put)
  into.get.push(...timed.get)
}
