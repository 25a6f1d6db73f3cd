import assert from 'node:assert/strict'
import { cp, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { SimRunOptions, SimSweepOptions } from '../../src/cli/simulator.ts'
import {
  inFolder,
  jsonFile,
  options,
  read,
  scenarioFile,
  simulator,
  sweepFile
} from '../support/simulated.ts'

const madeOf = async (path: string) => [
  await read(path, 'summary.json'),
  await read(path, 'time.csv')
]

/** Stops a run when its folder has so many results. */
async function stopAfter(count: number, o: SimSweepOptions): Promise<void> {
  const stop = new AbortController()
  await assert.rejects(
    simulator.sweep({
      ...o,
      signal: stop.signal,
      onProgress: ({ done }) => {
        if (done >= count) stop.abort()
      }
    }),
    { code: 'CANCELLED' }
  )
}

describe('a run', () => {
  it('gives the same bits again, and other ones for another seed', () =>
    inFolder(async path => {
      const file = await scenarioFile(path)
      const outs = ['a', 'b', 'c'].map(name => join(path, name))
      for (const [i, out] of outs.entries())
        await simulator.run(options(file, { out, seeds: i === 2 ? '2' : '1' }))
      const [a, b, c] = await Promise.all(outs.map(madeOf))
      assert.deepEqual(a, b)
      assert.notDeepEqual(a, c)
    }))

  it('loses what a third of the nodes held alone: about (1/3)^2 of what has two copies', () =>
    inFolder(async path => {
      const file = await scenarioFile(path, { workload: { blobs: 400 } })
      const { points } = await simulator.run(options(file, { seeds: '1..10' }))
      const lost = points[0]!.figures.find(({ name }) => name === 'lost')!
      const expected = (400 * (10 * 9)) / (30 * 29)
      assert(lost.ci95![0] < expected && expected < lost.ci95![1], `${lost.ci95}`)
    }))

  it('writes tables with units, a summary with intervals, and a report that needs no network', () =>
    inFolder(async path => {
      const out = join(path, 'out')
      await simulator.run(options(await scenarioFile(path), { out, seeds: '1..3' }))
      const [head, first] = (await read(out, 'time.csv')).split('\n')
      assert.equal(head, 'seed,atHours (h),online (nodes),found (share)')
      assert.equal(first, '1,0,30,1')
      const { points } = JSON.parse(await read(out, 'summary.json'))
      assert.equal(points[0].figures.found.n, 3)
      assert.equal(points[0].figures.found.ci95.length, 2)
      const report = await read(out, 'report.html')
      assert.match(report, /<svg/)
      const outside = report
        .replaceAll(/xmlns(:\w+)?="[^"]*"/g, '')
        .match(/\b(https?:|src=|url\()/g)
      assert.equal(outside, null)
      assert.doesNotMatch(report, /<script|NaN/)
    }))

  it('shows what is broken', () =>
    inFolder(async path => {
      const file = await scenarioFile(path, { faults: [{ type: 'die', atHours: 1, share: 1 }] })
      const { violations } = await simulator.run(options(file))
      assert.deepEqual(
        violations.map(({ what, seed }) => [what, seed]),
        [['all are lost', 1]]
      )
    }))

  const refusals: [string, Partial<SimRunOptions>, string, RegExp][] = [
    [
      'a scale nothing runs',
      { changes: { scale: 'wide' } },
      'SCENARIO_INVALID',
      /nothing runs wide/
    ],
    [
      'a run too short for its faults',
      { changes: { hours: 1 } },
      'SCENARIO_INVALID',
      /at hour 2 the run is over/
    ],
    ['no seeds', { seeds: '5..1' }, 'SCENARIO_INVALID', /'5\.\.1' names no seeds/],
    ['more memory than there is', { changes: { nodes: 9_000_000 } }, 'MEMORY_SHORT', /of memory/]
  ]
  for (const [what, changes, code, message] of refusals)
    it(`is refused before it begins: ${what}`, () =>
      inFolder(async path => {
        const file = await scenarioFile(path)
        await assert.rejects(simulator.run(options(file, changes)), { code, message })
      }))
})

describe('a sweep', () => {
  it('is the same in one go, stopped and continued, and in shards that are merged', () =>
    inFolder(async path => {
      const file = await sweepFile(path)
      const [whole, stopped, shared, merged] = ['whole', 'stopped', 'shared', 'merged'].map(name =>
        join(path, name)
      ) as [string, string, string, string]
      const { runs } = await simulator.sweep(options(file, { out: whole }))
      assert.deepEqual(runs, { planned: 18, done: 18 })

      await stopAfter(4, options(file, { out: stopped, threads: 1 }))
      const before = await readdir(join(stopped, 'runs'))
      assert(before.length >= 4 && before.length < 18, `${before.length} runs`)
      await simulator.sweep(options(file, { out: stopped, threads: 3 }))

      await Promise.all(
        ['2/3', '1/3', '3/3'].map(shard => simulator.sweep(options(file, { out: shared, shard })))
      )
      assert.equal((await simulator.report(shared)).runs.done, 18)

      for (const shard of ['2/2', '1/2'])
        await simulator.sweep(options(file, { out: join(path, shard), shard }))
      await cp(join(path, '1/2'), merged, { recursive: true })
      await cp(join(path, '2/2'), merged, { recursive: true })
      await simulator.report(merged)

      const expected = await madeOf(whole)
      for (const folder of [stopped, shared, merged])
        assert.deepEqual(await madeOf(folder), expected)
    }))

  it('tells how far it is', () =>
    inFolder(async path => {
      const told: number[] = []
      const file = await sweepFile(path)
      await simulator.sweep(options(file, { onProgress: ({ share }) => told.push(share) }))
      assert.deepEqual(
        told,
        told.toSorted((a, b) => a - b)
      )
      assert(Math.abs(told.at(-1)! - 1) < 1e-9)
    }))

  it('writes a result with fewer runs as what it is', () =>
    inFolder(async path => {
      const out = join(path, 'out')
      await stopAfter(2, options(await sweepFile(path), { out, threads: 1 }))
      const { runs } = await simulator.report(out)
      assert(runs.done < runs.planned)
      assert.match(await read(out, 'report.html'), /Runs are missing/)
    }))

  const wrong: [string, object, RegExp][] = [
    [
      'a parameter that is not there',
      { grid: { 'parameters.replica': [1] } },
      /no field parameters/
    ],
    ['a value that cannot be', { grid: { nodes: [30, -1] } }, /nodes: -1 is below 2/],
    ['one without values', { grid: { nodes: [] } }, /grid\.nodes/],
    ['the same point twice', { grid: { nodes: [30, 30] } }, /the same point twice/],
    ['a seed twice', { seeds: [1, 1] }, /a seed stands twice/],
    ['an unknown key', { gird: {} }, /no field gird/],
    ['no grid', { grid: undefined }, /grid is missing/]
  ]
  for (const [what, changes, message] of wrong)
    it(`is refused: ${what}`, () =>
      inFolder(async path => {
        const file = await sweepFile(path, changes)
        await assert.rejects(simulator.sweep(options(file)), { code: 'SCENARIO_INVALID', message })
      }))

  it('refuses a shard that is none, and one without a folder', () =>
    inFolder(async path => {
      const file = await sweepFile(path)
      const out = join(path, 'out')
      for (const shard of ['0/2', '3/2', '1', 'x/y'])
        await assert.rejects(simulator.sweep(options(file, { out, shard })), {
          code: 'SCENARIO_INVALID'
        })
      await assert.rejects(simulator.sweep(options(file, { shard: '1/2' })), { code: 'USAGE' })
    }))
})

describe('an output folder', () => {
  it('that is damaged is never summed up', () =>
    inFolder(async path => {
      const out = join(path, 'out')
      await simulator.run(options(await scenarioFile(path), { out, seeds: '1..2' }))
      const runs = (await readdir(join(out, 'runs'))).map(name => join(out, 'runs', name))
      const [first, second] = await Promise.all(runs.map(run => read(run)))
      for (const bad of ['', first!.slice(0, -9), second!, first!.replace('"version":"', '$&9')]) {
        await writeFile(runs[0]!, bad)
        await assert.rejects(simulator.report(out), { code: 'OUTPUT_DAMAGED' })
        await assert.rejects(simulator.compare(out, out), { code: 'OUTPUT_DAMAGED' })
      }
      await rm(runs[0]!)
      await simulator.run(options(await scenarioFile(path), { out, seeds: '1..2' }))
      assert.equal(await read(runs[0]!), first)
      await assert.rejects(simulator.report(path), { code: 'OUTPUT_DAMAGED' })
    }))

  it('compares with another, and says what differs and what cannot be said', () =>
    inFolder(async path => {
      const [a, b, single] = ['a', 'b', 'single'].map(name => join(path, name)) as [
        string,
        string,
        string
      ]
      await simulator.run(options(await scenarioFile(path), { out: a, seeds: '1..5' }))
      await simulator.run(options(await scenarioFile(path), { out: single }))
      const more = await scenarioFile(path, { parameters: { replicas: 8 } })
      await simulator.run(options(more, { out: b, seeds: '1..5' }))
      const differs = async (x: string, y: string) =>
        (await simulator.compare(x, y)).map(({ figure, differs }) => [figure, differs])
      assert.deepEqual(await differs(a, b), [
        ['found', true],
        ['lost', true]
      ])
      assert.deepEqual(await differs(a, a), [
        ['found', false],
        ['lost', false]
      ])
      assert.deepEqual(await differs(a, single), [
        ['found', null],
        ['lost', null]
      ])
    }))

  it('is replayed up to a time, and one that came out otherwise is never shown for it', () =>
    inFolder(async path => {
      const out = join(path, 'out')
      await simulator.run(options(await scenarioFile(path), { out, seeds: '1..2' }))
      const replay = async (run: string | undefined, atMs: number, dump: string | null = null) => {
        const notes: unknown[][] = []
        const warnings: string[] = []
        const { signal } = new AbortController()
        const ended = simulator.replay({
          folder: out,
          run,
          variant: undefined,
          until: { atMs },
          print: async note => void notes.push(note),
          warn: text => void warnings.push(text),
          onProgress() {},
          ...{ requests: false, dump },
          signal
        })
        const { same } = await ended.catch(err => {
          assert.deepEqual(notes, [])
          throw Object.assign(err, { warnings })
        })
        return { notes, same, warnings }
      }
      await assert.rejects(replay(undefined, 0), { code: 'USAGE', message: 'which run?' })
      const [file] = await readdir(join(out, 'runs'))
      const id = file!.slice(0, 16)
      const { notes, same, warnings } = await replay(id, 2 * 3_600_000)
      assert.deepEqual([same, warnings], ['run', []])
      assert.deepEqual(
        notes.map(([atMs, type]) => [atMs, type]),
        [
          [0, 'begin'],
          [0, 'measured'],
          [3_600_000, 'measured'],
          [7_200_000, 'die'],
          [7_200_000, 'measured']
        ]
      )

      // Changes that are in no commit.
      const run = JSON.parse(await read(out, 'runs', file!))
      const hash = run.result.traceHash
      run.result.traceHash = hash.replace(/^../, 'zz')
      await writeFile(join(out, 'runs', file!), JSON.stringify(run))
      const dump = join(path, 'dump')
      await assert.rejects(replay(id, 0, dump), err => {
        const { code, message, warnings } = err as Error & { code: string; warnings: string[] }
        assert.match(message, /its trace has the hash [0-9a-f]{64} now/)
        assert.doesNotMatch(message, /made with/)
        return code === 'RUN_DIFFERS' && warnings.length === 0
      })
      await assert.rejects(readFile(dump), { code: 'ENOENT' })

      // A folder of another commit.
      const plan = JSON.parse(await read(out, 'plan.json'))
      const code = { ...plan.code, commit: 'a1'.repeat(20) }
      await jsonFile(out, 'plan.json', { ...plan, code })
      await jsonFile(join(out, 'runs'), file!, { ...run, code })
      const said = /was made with .*commit a1a1a1a1, Node .*; this is /
      await assert.rejects(replay(id, 0), err => {
        const { code, message, warnings } = err as Error & { code: string; warnings: string[] }
        assert.match(message, said)
        assert.match(warnings[0]!, said)
        return code === 'RUN_DIFFERS'
      })
      run.result.traceHash = hash
      await jsonFile(join(out, 'runs'), file!, { ...run, code })
      const again = await replay(id, 2 * 3_600_000)
      assert.deepEqual(again.notes, notes)
      assert.match(again.warnings[0]!, said)
    }))
})

describe('what is looked for', () => {
  const notFound = (what: string, message: RegExp) =>
    assert.rejects(simulator.run(options(what)), { code: 'SCENARIO_INVALID', message })

  it('is a module with a default export, or JSON', () =>
    inFolder(async path => {
      const write = async (name: string, text: string) => {
        await mkdir(path, { recursive: true })
        await writeFile(join(path, name), text)
        return join(path, name)
      }
      const module = await write(
        'mine.ts',
        `const nodes: number = 30\nexport default { name: 'mine', question: 'What?', nodes, hours: 1, workload: { blobs: 1 } }\n`
      )
      assert.equal((await simulator.run(options(module))).name, 'mine')
      await notFound('nothing-like-it', /there is no scenario 'nothing-like-it'/)
      await notFound(join(path, 'none.ts'), /none\.ts: there is no such file/)
      await notFound(await write('a.yaml', 'a: 1'), /a \.ts, \.js or \.json file/)
      await notFound(await write('a.json', '{'), /a\.json: not JSON/)
      await notFound(
        await write('b.ts', 'export const a = 1'),
        /b\.ts: the module has no default export/
      )
      await notFound(
        await write('c.mjs', 'throw new Error("bang")'),
        /c\.mjs: the module fails: bang/
      )
      await notFound(
        await write('d.ts', 'export default 5'),
        /d\.ts: the file: 5 is not a group of fields/
      )
      await assert.rejects(simulator.sweep(options(module)), { message: /has no grid/ })
    }))
})
