import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { SimSweepOptions } from '../../src/cli/simulator.ts'
import type { Database } from '../../src/net/postgres/database.ts'
import { openDatabase } from '../../src/net/postgres/database.ts'
import { openQueue } from '../../src/worlds/runs/queue.ts'
import { createSimulator } from '../../src/worlds/simulator.ts'
import { startMuttr } from '../support/command.ts'
import type { Postgres } from '../support/postgres.ts'
import { hasPostgres, startPostgres } from '../support/postgres.ts'
import { filesOf } from '../support/simulated.ts'
import { temporaryFolder } from '../support/store-folder.ts'

const simulator = createSimulator(new URL('../support/sim-engines.ts', import.meta.url).href)
const { signal } = new AbortController()

const options = {
  changes: {},
  seeds: undefined,
  out: null,
  threads: 1,
  shard: undefined,
  queue: undefined,
  onProgress() {},
  signal
}

const small = (name: string) => ({
  scenario: {
    name,
    question: 'Is it the same?',
    nodes: 8,
    hours: 1,
    workload: { blobs: 5, getsPerHour: 10 }
  },
  grid: { 'parameters.replicas': [5, 8] },
  seeds: '1..3'
})

function queue(): void {
  let server: Postgres
  let database: Database

  before(async () => {
    server = await startPostgres()
    database = await openDatabase(server.url, signal)
  })
  after(async () => {
    await database[Symbol.asyncDispose]()
    await server[Symbol.asyncDispose]()
  })

  const sweep = (
    file: string,
    changes: Partial<SimSweepOptions> & { leaseMs?: number; url?: string } = {}
  ) => {
    const { leaseMs = 60_000, url = server.url, ...others } = changes
    return simulator.sweep({ ...options, what: file, queue: { url, leaseMs }, ...others })
  }
  const inQueue = (sweep: string) =>
    database.query(
      'SELECT id, tries, worker, result IS NOT NULL AS done FROM muttr_sim.runs WHERE sweep = $1',
      [sweep]
    )
  const inFolder = async (
    name: string,
    work: (o: { file: string; at(name: string): string }) => Promise<void>
  ) => {
    await using folder = await temporaryFolder()
    const at = (name: string) => join(folder.path, name)
    await writeFile(at('sweep.json'), JSON.stringify(small(name)))
    await work({ file: at('sweep.json'), at })
  }

  it('shares a sweep between processes, one of which is killed, and all is as by one alone', () =>
    inFolder('killed', async ({ file, at }) => {
      const command = ['sim', 'sweep', file, '--threads', '1']
      const shared = [...command, '--queue', server.url, '--lease', '2s']
      const first = startMuttr([...shared, '--out', at('first')])
      const ended = once(first, 'close')
      await stopInRun(first, () => inQueue('killed'))
      const second = startMuttr([...shared, '--out', at('second')])
      for await (const line of createInterface({ input: second.stderr }))
        if (/^[1-5] of 6 runs/.test(line)) break
      first.kill('SIGKILL')
      second.stderr.resume()
      const [[status]] = await Promise.all([once(second, 'close'), ended])
      assert.equal(status, 0)

      const runs = await inQueue('killed')
      assert.equal(runs.filter(({ tries }) => tries === 2).length, 1)
      assert.equal(new Set(runs.map(({ worker }) => worker)).size, 2)
      await simulator.fetch(at('fetched'), { url: server.url, name: undefined, signal })
      await simulator.report(at('fetched'))
      await createSimulator().sweep({ ...options, what: file, out: at('alone') })
      const expected = await filesOf(at('alone'))
      assert.equal(Object.keys(expected).length, 6 + 2 + 4)
      assert.deepEqual(await filesOf(at('second')), expected)
      assert.deepEqual(await filesOf(at('fetched')), expected)
    }))

  it('gives each run to one worker; what is there already is brought along, or only fetched', () =>
    inFolder('shared', async ({ file, at }) => {
      const alone = await sweep(file, { queue: undefined, out: at('alone') })
      await sweep(file, { queue: undefined, out: at('part'), shard: '1/2' })
      assert.equal((await sweep(file, { out: at('part') })).runs.done, 6)
      assert.equal((await inQueue('shared')).filter(({ tries }) => tries === 1).length, 3)
      const others = await Promise.all([sweep(file), sweep(file, { out: at('again') })])
      assert.deepEqual({ ...others[0], out: at('alone') }, alone)
      for (const out of ['part', 'again'])
        assert.deepEqual(await filesOf(at(out)), await filesOf(at('alone')))
      assert.equal((await inQueue('shared')).filter(({ tries }) => tries === 1).length, 3)
    }))

  it('does not mix a sweep with another of its name, by other code or in other words', () =>
    inFolder('taken', async ({ file, at }) => {
      await sweep(file)
      await assert.rejects(sweep(file, { seeds: '7' }), {
        code: 'OUTPUT_EXISTS',
        message: /another experiment/,
        hint: /DELETE FROM/
      })
      await database.query(
        `UPDATE muttr_sim.sweeps SET plan = replace(plan, '"version": "', '"version": "9') WHERE name = 'taken'`
      )
      await assert.rejects(sweep(file), { code: 'OUTPUT_EXISTS', message: /was begun with 9/ })
      const name = 'taken'
      await assert.rejects(simulator.fetch(at('f'), { url: server.url, name, signal }), {
        code: 'OUTPUT_DAMAGED',
        message: /the result of other code/
      })
      await database.query(`UPDATE muttr_sim.sweeps SET plan = '{' WHERE name = 'taken'`)
      await assert.rejects(sweep(file), { code: 'OUTPUT_DAMAGED' })
      for (const name of [undefined, 'nothing'])
        await assert.rejects(simulator.fetch(at('g'), { url: server.url, name, signal }), {
          code: 'USAGE',
          hint: /killed|shared|taken/
        })
    }))

  it('takes no sweep in that takes more memory than there is', () =>
    inFolder('large', async ({ at }) => {
      const { scenario, seeds } = small('large')
      await writeFile(
        at('large.json'),
        JSON.stringify({ scenario, grid: { nodes: [8, 9_000_000] }, seeds })
      )
      await assert.rejects(sweep(at('large.json'), { out: at('out') }), { code: 'MEMORY_SHORT' })
      assert.deepEqual(await inQueue('large'), [])
      assert.deepEqual(
        await database.query("SELECT name FROM muttr_sim.sweeps WHERE name = 'large'"),
        []
      )
      assert.deepEqual((await readdir(at('out'))).sort(), ['costs', 'runs'])
    }))

  it('takes a run from who has fallen silent, and says when two machines do not agree', () =>
    inFolder('silent', async ({ file }) => {
      await stopAtOnce(sweep, file)
      assert((await inQueue('silent')).every(({ tries, worker }) => tries === 0 && !worker))
      const open = (host: string, leaseMs: number) =>
        openQueue(database, { sweep: 'silent', host, leaseMs })
      const [silent, busy] = [await open('silent', 0), await open('busy', 60_000)]
      const id = (await silent.take())!
      await silent.keep([id])
      assert.equal(await busy.take(), id)
      assert.notEqual(await silent.take(), id)
      await busy.finish(id, { result: 'a', cost: '1' })
      await silent.finish(id, { result: 'a', cost: '2' })
      assert.deepEqual(await busy.read(id), { result: 'a', cost: '1' })
      await assert.rejects(silent.finish(id, { result: 'b', cost: '2' }), {
        code: 'OUTPUT_DAMAGED',
        message: /came out otherwise on busy/
      })
      await assert.rejects(sweep(file), { code: 'OUTPUT_DAMAGED', message: /not the result/ })
    }))

  it('begins a run that ends its workers no fourth time', () =>
    inFolder('deadly', async ({ file }) => {
      await stopAtOnce(sweep, file)
      const queue = await openQueue(database, { sweep: 'deadly', host: 'a', leaseMs: 0 })
      const ids = [await queue.take(), await queue.take(), await queue.take()]
      assert.equal(new Set(ids).size, 1)
      await assert.rejects(sweep(file), {
        code: 'RUN_STUCK',
        message: `run ${ids[0]} was begun 3 times, and never ended`
      })
      assert.equal((await inQueue('deadly')).filter(({ done }) => done).length, 5)
    }))

  it('sends again what was under way when the server cuts a connection', async () => {
    await using other = await openDatabase(server.url, signal)
    const asked = other.query('SELECT pg_sleep(0.2), 7 AS seven')
    const cut = `SELECT pg_terminate_backend(pid) AS cut FROM pg_stat_activity
      WHERE state = 'active' AND query LIKE '%seven%' AND pid <> pg_backend_pid()`
    while ((await database.query(cut)).length === 0);
    assert.equal((await asked)[0]!.seven, 7)
  })

  it('refuses an address that is none, one where nobody answers, and a shard beside it', () =>
    inFolder('refused', async ({ file }) => {
      await assert.rejects(sweep(file, { url: 'https://example.com' }), { code: 'USAGE' })
      await assert.rejects(sweep(file, { url: 'postgres://a:secret@127.0.0.1:1/x' }), err => {
        const { code, message } = err as Error & { code: string }
        return code === 'QUEUE_FAILED' && !message.includes('secret')
      })
      await assert.rejects(sweep(file, { shard: '1/2', out: '/nowhere' }), { code: 'USAGE' })
    }))
}

/** Stops a process at a moment at which it has a run that is not done, after one that is. */
async function stopInRun(
  child: ReturnType<typeof startMuttr>,
  runs: () => Promise<Record<string, unknown>[]>
): Promise<void> {
  child.stderr.setEncoding('utf8')
  for await (const text of child.stderr) if (/^[1-5] of 6 runs/m.test(text)) break
  child.stderr.resume()
  for (;;) {
    child.kill('SIGSTOP')
    if ((await runs()).some(({ worker, done }) => worker !== null && !done)) return
    child.kill('SIGCONT')
  }
}

/** Enters a sweep into the queue, and does nothing of it. */
const stopAtOnce = async (
  sweep: (file: string, o: Partial<SimSweepOptions>) => Promise<unknown>,
  file: string
) => {
  const stop = new AbortController()
  stop.abort()
  await assert.rejects(sweep(file, { signal: stop.signal }), { code: 'CANCELLED' })
}

if (hasPostgres()) describe('a sweep that is shared through PostgreSQL', queue)
else
  it('a sweep that is shared through PostgreSQL: not tried, this machine has none', () => {
    // `npm test` works with nothing but Node; where the project is checked, it is installed.
    assert.equal(process.env.CI, undefined)
  })
