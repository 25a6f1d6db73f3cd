import { loadavg } from 'node:os'
import { join } from 'node:path'
import { hasPostgres, startPostgres } from '../support/postgres.ts'
import { temporaryFolder } from '../support/store-folder.ts'
import type { Where } from './bench-pod.ts'
import { makePodSecrets } from './bench-pod.ts'
import type { Ask, Flow } from './notices-worker.ts'
import { mailNeeds, startMailPair } from './rivals/mail.ts'
import { missing, usageOf } from './rivals/program.ts'
import { prosodyNeeds, startProsody } from './rivals/prosody.ts'
import type { Row } from './table.ts'
import { quantile, summary } from './table.ts'
import { asShipped, startWorker } from './worker.ts'

const busy = { count: 2_000, lanes: 16 }
/** Dovecot tells half a second late, so that more of them take long. */
const calm = { count: 60, lanes: 1 }
const warmUp = { count: 200, lanes: 16 }
const waiting = 100_000
const file = join(import.meta.dirname, 'notices-worker.ts')

interface Figures {
  perSecond: number
  busyP50Ms: number
  busyP95Ms: number
  calmP50Ms: number
  calmP95Ms: number
  /** Of all the processes of the server, for each message of the busy time. */
  cpuMs: number
}

/** @param meet has everybody connect who writes and reads. @param pids of the server */
async function measure(meet: Ask, pids: readonly number[]): Promise<Figures> {
  using crowd = startWorker<Ask>(file)
  const cpuMs = async (): Promise<number> => {
    const used = await Promise.all(pids.map(pid => usageOf(pid)))
    return used.reduce((sum, { cpuMs }) => sum + cpuMs, 0)
  }
  await crowd.ask(meet)
  await crowd.ask({ ask: 'flow', ...warmUp })
  const alone = await crowd.ask<Flow>({ ask: 'flow', ...calm })
  const before = await cpuMs()
  const many = await crowd.ask<Flow>({ ask: 'flow', ...busy })
  const used = (await cpuMs()) - before
  return {
    perSecond: (1_000 * busy.count) / many.tookMs,
    busyP50Ms: quantile(many.latenciesMs, 0.5),
    busyP95Ms: quantile(many.latenciesMs, 0.95),
    calmP50Ms: quantile(alone.latenciesMs, 0.5),
    calmP95Ms: quantile(alone.latenciesMs, 0.95),
    cpuMs: used / busy.count
  }
}

/** One pod of so many processes. @param store where they keep everything; of one process its own folder unless told */
async function measurePod(processes: number, store?: string): Promise<Figures> {
  using stack = new DisposableStack()
  const secrets = await makePodSecrets()
  const wheres: Where[] = []
  const pids: number[] = []
  for (let n = 0; n < processes; n++) {
    const worker = stack.use(startWorker<Ask>(file, asShipped))
    pids.push(worker.pid)
    wheres.push(await worker.ask<Where>({ ask: 'pod', secrets, ...(store && { store }) }))
  }
  return await measure({ ask: 'notices', wheres }, pids)
}

async function measureShared(processes: number): Promise<Figures> {
  await using postgres = await startPostgres({ isDurable: true })
  return await measurePod(processes, postgres.url)
}

async function measureProsody(): Promise<Figures> {
  await using folder = await temporaryFolder()
  await using prosody = await startProsody(folder.path, 32)
  return await measure({ ask: 'messages', port: prosody.ports.plain }, [prosody.pid])
}

async function measureMail(): Promise<Figures> {
  await using folder = await temporaryFolder()
  await using mail = await startMailPair(folder.path)
  return await measure({ ask: 'mails', ports: mail.ports }, mail.pids)
}

/**
 * Notices from submitted to pushed: sixteen people write to sixteen who listen, without TLS, over loopback, onto a real disk. Beside Postfix with
 * Dovecot and Prosody, with as many people and messages of 1.2 kB, and on PostgreSQL with one, two and four processes; taking turns.
 */
export async function benchNotices(rounds: number): Promise<Row[]> {
  const systems: Record<string, () => Promise<Figures>> = { muttr: () => measurePod(1) }
  const rivals = {
    'Postfix and Dovecot': { needs: mailNeeds, run: measureMail },
    Prosody: { needs: prosodyNeeds, run: measureProsody }
  }
  for (const [name, { needs, run }] of Object.entries(rivals)) {
    const lacking = await missing(needs)
    if (lacking) console.error(`without ${name}: ${lacking}`)
    else systems[name] = run
  }
  if (!hasPostgres()) console.error('without PostgreSQL: install postgresql')
  else
    for (const count of [1, 2, 4])
      systems[`muttr, PostgreSQL, ${count} at work`] = () => measureShared(count)
  const taken = Object.fromEntries(Object.keys(systems).map(name => [name, [] as Figures[]]))
  for (let round = 0; round < rounds; round++)
    for (const [name, run] of Object.entries(systems)) {
      taken[name]!.push(await run())
      console.error(`${name}: load ${loadavg()[0]!.toFixed(1)}`)
    }
  const rows: Row[] = []
  for (const [name, all] of Object.entries(taken)) {
    const of = (what: string, unit: Row['unit'], figure: keyof Figures) =>
      rows.push({ name: `${name}: ${what}`, unit, ...summary(all.map(f => f[figure])) })
    of('16 write at once', 'ops/s', 'perSecond')
    of('submitted to heard then, p50', 'ms', 'busyP50Ms')
    of('submitted to heard then, p95', 'ms', 'busyP95Ms')
    of('one at a time, p50', 'ms', 'calmP50Ms')
    of('one at a time, p95', 'ms', 'calmP95Ms')
    of('CPU of the server for one', 'ms', 'cpuMs')
  }
  return rows
}

/** Somebody comes back for whom 100,000 notices wait: from asking to the last one taken and acknowledged. */
export async function benchCatchUp(rounds: number): Promise<Row[]> {
  const took: number[] = []
  for (let round = 0; round < rounds; round++) {
    using pod = startWorker<Ask>(file, asShipped)
    using crowd = startWorker<Ask>(file)
    const where = await pod.ask<Where>({ ask: 'pod', secrets: await makePodSecrets() })
    const address = await crowd.ask<string>({ ask: 'address', where })
    await pod.ask({ ask: 'fill', address, count: waiting })
    took.push(await crowd.ask<number>({ ask: 'catch-up', count: waiting }))
    console.error(`caught up: load ${loadavg()[0]!.toFixed(1)}`)
  }
  return [
    { name: `${waiting} notices caught up`, unit: 's', ...summary(took.map(ms => ms / 1_000)) },
    { name: 'of them', unit: 'ops/s', ...summary(took.map(ms => (1_000 * waiting) / ms)) }
  ]
}
