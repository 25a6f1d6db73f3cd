import assert from 'node:assert/strict'
import { once } from 'node:events'
import { watch } from 'node:fs'
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { EngineOptions } from '../../src/sim/result.ts'
import type { ScenarioInput } from '../../src/sim/scenario.ts'
import { readScenario } from '../../src/sim/scenario.ts'
import type { Note } from '../../src/sim/trace.ts'
import { createWideEngine } from '../../src/sim/wide/engine.ts'
import { fullEngine } from '../../src/worlds/full/full.ts'
import { planReal } from '../../src/worlds/real/plan.ts'
import { realEngine } from '../../src/worlds/real/real.ts'
import { startMuttr } from '../support/command.ts'
import { temporaryFolder } from '../support/store-folder.ts'

const second = 1 / 3_600

/** Four seeds for six seconds; one dies, and another comes. */
const short = {
  name: 'short',
  question: 'Does it run?',
  nodes: 4,
  hours: 6 * second,
  scale: 'real',
  network: { latency: { type: 'constant', ms: 1 }, deaths: 'refused' },
  population: { begins: 'joining' },
  workload: { blobs: 4, putsPerHour: 3_600, getsPerHour: 3_600, lookups: 3 },
  faults: [{ type: 'die', atHours: second, share: 0.25, replaced: true }],
  parameters: { replicas: 3, quorum: 2 },
  measure: { everyHours: 6 * second }
} satisfies ScenarioInput

const options = (more: Partial<EngineOptions> = {}): EngineOptions => ({
  seed: 1,
  signal: new AbortController().signal,
  onProgress() {},
  ...more
})

/** What real runs leave behind. */
async function inTemporaryFolder(work: (path: string) => Promise<void>): Promise<void> {
  await using folder = await temporaryFolder()
  const before = process.env.TMPDIR
  process.env.TMPDIR = folder.path
  try {
    await work(folder.path)
  } finally {
    if (before === undefined) delete process.env.TMPDIR
    else process.env.TMPDIR = before
  }
}

/** Processes that have this folder among their arguments. */
async function processesOf(path: string): Promise<number[]> {
  const names = await readdir('/proc').catch(() => [])
  const pids = names.filter(name => /^\d+$/.test(name))
  const lines = await Promise.all(
    pids.map(pid => readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => ''))
  )
  return pids.map(Number).filter((_, i) => lines[i]!.includes(path))
}

describe('a run of real processes', () => {
  it('finds what was put, leaves nothing behind, and has the figures of the scale full', () =>
    inTemporaryFolder(async path => {
      const scenario = readScenario(short)
      const notes: Note[] = []
      const trace = { take: (note: Note) => void notes.push(note) }
      const real = await realEngine.run(scenario, options({ trace }))
      const full = await fullEngine.run(scenario, options())
      assert.deepEqual(real.violations, [])
      assert.equal(real.figures.found!.value, 1)
      // A virtual dial takes what the scenario says; a real one is timed.
      const timed = ['dial ms p50', 'dial ms p95']
      const names = Object.keys(real.figures)
      assert.deepEqual(
        names.filter(name => !timed.includes(name)),
        Object.keys(full.figures)
      )
      assert(timed.every(name => names.includes(name)))
      assert.deepEqual(Object.keys(real.tables), Object.keys(full.tables))
      for (const [name, { columns, units }] of Object.entries(real.tables))
        assert.deepEqual([columns, units], [full.tables[name]!.columns, full.tables[name]!.units])
      const types = notes.map(({ type }) => type)
      assert.equal(types.filter(type => type === 'come').length, 5)
      assert.equal(types.filter(type => type === 'die').length, 1)
      assert.equal(real.traceHash, (await planReal(scenario, 1)).hash)
      assert.deepEqual(await readdir(path), [])
      assert.deepEqual(await processesOf(path), [])
    }))

  // A process that is just starting is looked up before it can be found.
  it('looks up exactly while nobody comes or goes', () =>
    inTemporaryFolder(async () => {
      const scenario = readScenario({ ...short, faults: [] })
      const real = await realEngine.run(scenario, options())
      assert.deepEqual(real.violations, [])
      assert.equal(real.figures['lookup exact']!.value, 1)
    }))

  it('begins with tables as after long running, so that one file runs at each scale', () =>
    inTemporaryFolder(async () => {
      const scenario = readScenario({
        ...{ ...short, nodes: 8, hours: 12 * second, faults: [], population: {} },
        network: { latency: { type: 'constant', ms: 1 } },
        workload: { blobs: 8, getsPerHour: 3_600, lookups: 4 },
        measure: { everyHours: 12 * second }
      })
      const wideEngine = createWideEngine({ memoryBytes: 2 ** 30 })
      for (const [scale, engine] of Object.entries({ realEngine, fullEngine, wideEngine })) {
        const { figures, violations } = await engine.run(scenario, options())
        const of = (name: string) => figures[name]?.value
        assert.deepEqual(violations, [], scale)
        assert.deepEqual([of('found'), of('lookup exact')], [1, 1], scale)
        // All know each other before the first asks.
        assert.equal(of('lookup requests mean'), 7, scale)
      }
    }))

  it('is over at once when it is told so, also for one that went in silence', () =>
    inTemporaryFolder(async path => {
      const stop = new AbortController()
      const trace = {
        take({ type }: Note) {
          if (type === 'row') stop.abort()
        }
      }
      const scenario = readScenario({
        ...{ ...short, nodes: 2, hours: 10 * second, workload: {} },
        network: { ...short.network, deaths: 'silent' },
        faults: [{ type: 'die', atHours: 0, share: 0.5 }],
        measure: { everyHours: second }
      })
      const running = realEngine.run(scenario, options({ signal: stop.signal, trace }))
      await assert.rejects(running, { code: 'CANCELLED' })
      assert.deepEqual(await readdir(path), [])
      assert.deepEqual(await processesOf(path), [])
    }))

  it('ends when a process of a settled network dies before all are there, and leaves none', () =>
    inTemporaryFolder(async path => {
      const scenario = readScenario({ ...short, population: {}, faults: [], workload: {} })
      const running = realEngine.run(scenario, options())
      const refused = assert.rejects(running, {
        code: 'INTERNAL',
        message: /process ended with SIGKILL/
      })
      let seats: number[]
      do seats = await processesOf(path)
      while (seats.length < short.nodes)
      process.kill(seats.at(-1)!, 'SIGKILL')
      await refused
      assert.deepEqual(await readdir(path), [])
      assert.deepEqual(await processesOf(path), [])
    }))

  it('goes with the command that began it, even if that is killed', () =>
    inTemporaryFolder(async path => {
      const file = join(path, 'short.json')
      await writeFile(file, JSON.stringify({ ...short, nodes: 2, hours: 1, faults: [] }))
      const stop = new AbortController()
      const changes = watch(path, { signal: stop.signal })
      const changed = () => once(changes, 'change', { signal: stop.signal })
      const there = async () => (await readdir(path)).filter(name => /^muttr-real/.test(name))
      let next = changed()
      const command = startMuttr(['sim', 'run', file], { TMPDIR: path })
      while ((await there()).length === 0) {
        await next
        next = changed()
      }
      const [folder] = await there()
      // Before there is a seat, nobody is left who could clear away.
      while ((await processesOf(join(path, folder!))).length === 0)
        await new Promise(done => setImmediate(done))
      command.kill('SIGKILL')
      while ((await there()).length > 0) {
        await next
        next = changed()
      }
      stop.abort()
      await assert.rejects(next, { name: 'AbortError' })
    }))
})

describe('the plan of a real run', () => {
  it('is the same for one seed, and another for another', async () => {
    const scenario = readScenario({
      ...{ ...short, nodes: 20, hours: 1 },
      population: {
        begins: 'joining',
        sessionHours: { type: 'exponential', mean: 0.2 },
        awayHours: { type: 'exponential', mean: 0.1 },
        lifetimeHours: { type: 'exponential', mean: 2 }
      }
    })
    const [one, same, other] = await Promise.all([1, 1, 2].map(seed => planReal(scenario, seed)))
    assert.deepEqual(one, same)
    assert.notEqual(one!.hash, other!.hash)
    const online = new Set(Array.from({ length: 20 }, (_, i) => i))
    for (const step of one!.steps) {
      if (step.type === 'row') continue
      const isThere = online.has(step.node)
      assert.equal(isThere, step.type !== 'come' && (step.type !== 'die' || isThere), step.type)
      if (step.type === 'come') online.add(step.node)
      if (step.type === 'leave' || step.type === 'die') online.delete(step.node)
    }
    assert.equal(
      Math.max(...one!.steps.map(step => ('node' in step ? step.node : 0))) + 1,
      one!.nodes
    )
  })

  const sessions = [
    'node,from_hours,to_hours',
    ...'abcd'.split('').map(node => `${node},0,1`),
    ''
  ].join('\n')
  const refused: [string, Partial<ScenarioInput>, RegExp][] = [
    [
      'what is far',
      { network: {} },
      /does not have network\.latency \(loopback has at most 1 ms\)/
    ],
    ['loss', { network: { ...short.network, loss: 0.1 } }, /does not have network\.loss$/],
    ['routers', { network: { ...short.network, natShare: 0.1 } }, /network\.natShare/],
    ['adversaries', { adversaries: { share: 0.1, behaviour: 'drop' } }, /have adversaries/],
    [
      'lines that are cut',
      { hours: 1, faults: [{ type: 'partition', atHours: 0, hours: 1, share: 0.5 }] },
      /faults\.0 \(partition\)/
    ],
    [
      'spammers',
      { workload: { ...short.workload, spam: { workPerHour: 1e5 } } },
      /have workload\.spam$/
    ],
    [
      'recorded sessions',
      { population: { ...short.population, trace: { csv: sessions } } },
      /have population\.trace$/
    ],
    [
      'measured latencies',
      { network: { ...short.network, latency: { type: 'matrix', trip: 'one-way', ms: [[1]] } } },
      /have network\.latency/
    ],
    ['days', { hours: 24, measure: {} }, /24 hours take 24 hours; 6 are the most/]
  ]
  for (const [what, changes, message] of refused)
    it(`is not made for ${what}`, () =>
      assert.rejects(realEngine.run(readScenario({ ...short, ...changes }), options()), {
        code: 'SCENARIO_INVALID',
        message
      }))
})
