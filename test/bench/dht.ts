import type { ChildProcess } from 'node:child_process'
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { Measured, Round } from './dht-worker.ts'
import type { SystemName } from './systems.ts'
import type { Row } from './table.ts'
import { quantile, summary } from './table.ts'

const worker = fileURLToPath(new URL('./dht-worker.ts', import.meta.url))

async function start(system: SystemName, nodes: number): Promise<ChildProcess> {
  const child = fork(worker, [system, String(nodes)], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc']
  })
  const gone = once(child, 'exit').then(([code]) => {
    throw new Error(`${system} ended with ${code} before it was ready`)
  })
  await Promise.race([once(child, 'message'), gone])
  gone.catch(() => {})
  return child
}

async function round(child: ChildProcess, work: Round): Promise<Measured> {
  child.send(work)
  const ended = new AbortController()
  const { signal } = ended
  const gone = once(child, 'exit', { signal }).then(([code]) => {
    throw new Error(`a system ended with ${code} at work`)
  })
  try {
    const [measured] = await Promise.race([once(child, 'message', { signal }), gone])
    return measured as Measured
  } finally {
    gone.catch(() => {})
    ended.abort()
  }
}

interface Series {
  p50: number[]
  p95: number[]
  cpu: number[]
  rate: number[]
  rate32: number[]
  dials: number[]
  stamp: number[]
  /** p50 */
  safe: number[]
  failures: number[]
}

/** Puts and gets of 1 KiB through every node in turn; systems take turns round by round, so that noise meets all alike. */
export async function benchDht(o: {
  nodes: number
  rounds: number
  count: number
  systems: readonly SystemName[]
  label: string
}): Promise<Row[]> {
  const series = new Map<string, Series>()
  const children = new Map<SystemName, ChildProcess>()
  const started = await Promise.all(o.systems.map(system => start(system, o.nodes)))
  for (const [i, system] of o.systems.entries()) children.set(system, started[i]!)
  for (let r = 0; r <= o.rounds; r++) {
    for (const [system, child] of children) {
      for (const op of ['put', 'get'] as const) {
        const one = await round(child, { op, count: o.count, atOnce: 1 })
        const many = await round(child, { op, count: o.count * 2, atOnce: 32 })
        if (r === 0) continue // the first round warms caches and compilers
        const s = series.get(`${system} ${op}`) ?? emptySeries()
        series.set(`${system} ${op}`, s)
        s.p50.push(quantile(one.latenciesMs, 0.5))
        s.p95.push(quantile(one.latenciesMs, 0.95))
        s.cpu.push(one.cpuMs / o.count)
        s.rate.push((one.latenciesMs.length / one.wallMs) * 1000)
        s.rate32.push((many.latenciesMs.length / many.wallMs) * 1000)
        s.dials.push(one.dials / o.count)
        s.stamp.push(one.stampMs / o.count)
        if (one.safeMs.length > 0) s.safe.push(quantile(one.safeMs, 0.5))
        s.failures.push(((one.failures + many.failures) / (3 * o.count)) * 100)
      }
    }
  }
  for (const child of children.values()) {
    child.send('stop')
    await once(child, 'exit')
  }
  return rows(o, series)
}

const emptySeries = (): Series => ({
  p50: [],
  p95: [],
  cpu: [],
  rate: [],
  rate32: [],
  dials: [],
  stamp: [],
  safe: [],
  failures: []
})

function rows(
  o: { label: string; systems: readonly SystemName[] },
  series: ReadonlyMap<string, Series>
): Row[] {
  const figures = [
    ['p50', 'ms', 'p50'],
    ['p95', 'ms', 'p95'],
    ['CPU an operation', 'ms', 'cpu'],
    ['sequential', 'ops/s', 'rate'],
    ['32 at once', 'ops/s', 'rate32'],
    ['failed', '%', 'failures']
  ] as const
  const [ours, ...rivals] = o.systems
  const out: Row[] = []
  for (const op of ['put', 'get']) {
    const mine = series.get(`${ours} ${op}`)
    if (!mine) continue
    for (const [what, unit, field] of figures) {
      const row: Row = { name: `${o.label} ${op}, ${what}`, unit, ...summary(mine[field]) }
      for (const rival of rivals) {
        const theirs = series.get(`${rival} ${op}`)
        if (theirs) out.push({ ...row, rival: { name: rival, ...summary(theirs[field]) } })
      }
      if (rivals.length === 0) out.push(row)
    }
    const oursAlone = (what: string, unit: Row['unit'], values: number[]) => {
      if (values.some(value => value > 0))
        out.push({ name: `${o.label} ${op}, ${what}`, unit, ...summary(values) })
    }
    oursAlone('p50 until its quorum', 'ms', mine.safe)
    oursAlone('of it the stamp', 'ms', mine.stamp)
    oursAlone('dials an operation', 'dials', mine.dials)
  }
  return out
}
