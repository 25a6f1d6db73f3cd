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
const operations = 100
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
 * getting with that seed among their holders. The flooder, the flooded and the others have a process each.
 */
export async function benchFlood(rounds: number): Promise<Row[]> {
  const spawn = () => fork(worker, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
  const [flooded, crowd, flooder] = [spawn(), spawn(), spawn()]
  try {
    const [target] = await ask<Contact[]>(flooded, { ask: 'start', join: [], count: 1 })
    await ask(crowd, { ask: 'start', join: [target!], count: others })
    await ask<Timed>(crowd, { ask: 'measure', count: operations }) // warms caches and compilers
    const before = { put: [] as number[], get: [] as number[] }
    const during = { put: [] as number[], get: [] as number[] }
    const [offered, taken]: number[][] = [[], []]
    const sum = { taken: 0, refused: {} as Record<string, number> }
    const startMs = performance.now()
    for (let r = 0; r < rounds; r++) {
      collect(before, await ask<Timed>(crowd, { ask: 'measure', count: operations }))
      const beganMs = performance.now()
      await ask(flooder, { ask: 'flood', target: target! })
      collect(during, await ask<Timed>(crowd, { ask: 'measure', count: operations }))
      const done = await ask<Flooded>(flooder, { ask: 'cease' })
      const seconds = (performance.now() - beganMs) / 1_000
      offered!.push(done.offered / MiB / seconds)
      taken!.push(done.taken / MiB / seconds)
      sum.taken += done.taken
      for (const [code, count] of Object.entries(done.refused))
        sum.refused[code] = (sum.refused[code] ?? 0) + count
    }
    const seconds = (performance.now() - startMs) / 1_000
    const allowed = limits.peerPutBytesBurst + seconds * limits.peerPutBytesPerSecond
    const stored = await ask<{ priceFactor: number }>(flooded, { ask: 'stored' })
    console.error(`flood: refused ${JSON.stringify(sum.refused)}, price ${stored.priceFactor}`)
    const calm = (op: 'put' | 'get', q: number) => quantile(before[op], q)
    const row = (op: 'put' | 'get', what: string, q: number): Row => {
      const value = quantile(during[op], q)
      const rival = { name: 'without the flood', ...summary([calm(op, q)]) }
      return {
        name: `${op} of others under a flood, ${what}`,
        unit: 'ms',
        ...summary([value]),
        rival
      }
    }
    const cap = { name: 'the cap', ...summary([allowed / MiB]) }
    const whole = summary([sum.taken / MiB])
    return [
      row('put', 'p50', 0.5),
      row('put', 'p95', 0.95),
      row('get', 'p50', 0.5),
      row('get', 'p95', 0.95),
      { name: 'flood, offered a second', unit: 'MiB', ...summary(offered!) },
      { name: 'flood, taken a second', unit: 'MiB', ...summary(taken!) },
      { name: 'flood, taken in all', unit: 'MiB', ...whole, rival: cap }
    ]
  } finally {
    for (const child of [flooded, crowd, flooder])
      if (child.exitCode === null) {
        child.send('stop')
        await once(child, 'exit')
      }
  }
}

function collect(into: Timed, timed: Timed): void {
  into.put.push(...timed.put)
  into.get.push(...timed.get)
}
