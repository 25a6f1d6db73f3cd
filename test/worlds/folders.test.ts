import assert from 'node:assert/strict'
import { cp, mkdir, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { SimProgress } from '../../src/cli/simulator.ts'
import { lockHome } from '../../src/config/lock.ts'
import { commitOf, thisCode } from '../../src/worlds/runs/code.ts'
import { writeUp } from '../../src/worlds/runs/conduct.ts'
import { findScenario } from '../../src/worlds/runs/find.ts'
import { readFolder } from '../../src/worlds/runs/folder.ts'
import {
  inFolder,
  jsonFile,
  options,
  read,
  scenarioFile,
  simulator,
  sweepFile,
  third
} from '../support/simulated.ts'

describe('an output folder', () => {
  it('is not mixed with other files, another experiment, other code, or a second process', () =>
    inFolder(async path => {
      const file = await scenarioFile(path)
      const out = join(path, 'out')
      await assert.rejects(simulator.run(options(file, { out: path })), { code: 'OUTPUT_EXISTS' })
      await assert.rejects(simulator.run(options(file, { out: file })), { code: 'OUTPUT_EXISTS' })
      await simulator.run(options(file, { out }))
      await assert.rejects(simulator.run(options(file, { out, seeds: '2' })), {
        code: 'OUTPUT_EXISTS',
        message: /another experiment: third, seeds: \[1\] there, \[2\] here/
      })
      {
        await using _lock = await lockHome(out)
        await assert.rejects(simulator.run(options(file, { out })), {
          code: 'HOME_IN_USE',
          message: /another process works on .*out: process \d+ runs/,
          hint: /--out/
        })
      }
      const plan = JSON.parse(await read(out, 'plan.json'))
      await jsonFile(out, 'plan.json', { ...plan, code: { ...plan.code, version: '0.0.1' } })
      await assert.rejects(simulator.run(options(file, { out })), {
        code: 'OUTPUT_EXISTS',
        message: /was begun with 0\.0\.1/
      })
    }))

  it('says what of a scenario was changed since it was begun', () =>
    inFolder(async path => {
      const out = join(path, 'out')
      const sweep = (changes: object) =>
        sweepFile(path, changes).then(file => simulator.sweep(options(file, { out })))
      await sweep({ seeds: '1' })
      const changed: [object, RegExp][] = [
        [{ seeds: '1', scenario: { ...third, hours: 5 } }, /third, hours: 4 there, 5 here/],
        [
          { seeds: '1', scenario: { ...third, workload: { blobs: 41 } } },
          /workload\.blobs: 40 there, 41 here/
        ],
        [
          { seeds: '1', grid: { nodes: [20, 30] } },
          /parameters\.replicas: \[1,2,4\] there, nothing here/
        ]
      ]
      for (const [changes, message] of changed)
        await assert.rejects(sweep(changes), { code: 'OUTPUT_EXISTS', message })
    }))

  it('is not begun by what is refused, at whichever point of the grid, and so is free for what is right', () =>
    inFolder(async path => {
      const out = join(path, 'out')
      const sweep = async (grid: object) =>
        simulator.sweep(options(await sweepFile(path, { grid }), { out, threads: 1 }))
      const refused: [object, string][] = [
        [{ 'workload.blobs': [40, 1_001] }, 'SCENARIO_INVALID'],
        [{ scale: ['full', 'wide'] }, 'SCENARIO_INVALID'],
        [{ nodes: [30, 9_000_000] }, 'MEMORY_SHORT']
      ]
      for (const [grid, code] of refused) {
        await assert.rejects(sweep(grid), { code })
        assert.deepEqual(await readdir(join(out, 'runs')).catch(() => []), [])
      }
      assert.equal((await sweep({ nodes: [20, 30] })).runs.done, 6)
    }))

  it('is begun beside a part that is about to begin it, and after one that was killed at that', () =>
    inFolder(async path => {
      const out = join(path, 'out')
      await mkdir(join(out, 'shards', '1-of-2'), { recursive: true })
      await writeFile(join(out, 'plan.json.elsewhere.7.0.tmp'), '{"format"')
      const told: number[][] = []
      const onProgress = ({ done, runs }: SimProgress) => void told.push([done, runs])
      const o = options(await sweepFile(path), { out, shard: '2/2', onProgress })
      assert.equal((await simulator.sweep(o)).runs.done, 9)
      // What is its own, of which nothing was done.
      assert(told[0]![0]! <= 1, `${told[0]}`)
      assert.deepEqual(told.at(-1), [9, 9])
    }))

  it('may be begun with the runs of another, of which none is run again', () =>
    inFolder(async path => {
      const [few, more] = [join(path, 'few'), join(path, 'more')]
      await simulator.sweep(options(await sweepFile(path), { out: few, seeds: '1..2' }))
      await mkdir(more)
      for (const folder of ['runs', 'costs'])
        await cp(join(few, folder), join(more, folder), { recursive: true })
      const told: number[] = []
      const onProgress = ({ done }: { done: number }) => void told.push(done)
      const o = options(await sweepFile(path), { out: more, onProgress })
      assert.equal((await simulator.sweep(o)).runs.done, 18)
      assert(Math.min(...told) >= 12, `${told}`)
    }))

  it('is written up once more when a run came while it was', () =>
    inFolder(async path => {
      const [out, late] = [join(path, 'out'), join(path, 'late')]
      await simulator.run(options(await scenarioFile(path), { out, seeds: '1..3' }))
      const [last] = await readdir(join(out, 'runs'))
      const [from, to] = [out, late].map(folder => join(folder, 'runs', last!)) as [string, string]
      await cp(out, late, { recursive: true, filter: file => file !== from })
      const folder = await readFolder(late)
      const done = await writeUp({
        ...folder,
        async writeFile(name, text) {
          await folder.writeFile(name, text)
          // Another shard's, which ends now.
          if (name === 'report.html') await cp(from, to)
        }
      })
      assert.equal(done.runs.done, 3)
      assert.equal(await read(late, 'summary.json'), await read(out, 'summary.json'))
      assert.doesNotMatch(await read(late, 'report.html'), /Runs are missing/)
    }))
})

describe('what people are shown', () => {
  it('has no interval beyond a share of 1, which the summary has as computed', () =>
    inFolder(async path => {
      const out = join(path, 'out')
      const file = await scenarioFile(path, { parameters: { replicas: 4, quorum: 1 } })
      const { points } = await simulator.run(options(file, { out, seeds: '1..4' }))
      const found = points[0]!.figures.find(({ name }) => name === 'found')!
      const summary = JSON.parse(await read(out, 'summary.json')).points[0].figures.found
      assert(found.mean < 1 && summary.ci95[1] > 1, `${summary.values}`)
      assert.deepEqual(found.ci95, [summary.ci95[0], 1])
      assert.match(
        await read(out, 'report.html'),
        /<td>found<\/td><td>0\.9\d+<\/td><td>0\.9\d+ to 1<\/td>/
      )
    }))

  it('is no remaining time while next to nothing is done', () =>
    inFolder(async path => {
      const told: { share: number; remainingMs: number | undefined }[] = []
      const o = options(await sweepFile(path, { seeds: '1..20' }), {
        onProgress: at => void told.push(at)
      })
      await simulator.sweep(o)
      const early = told.filter(({ share }) => share < 0.02)
      assert(early.length > 0)
      for (const { share, remainingMs } of told)
        assert.equal(remainingMs === undefined, share < 0.02, `${share}`)
    }))
})

describe('a scale', () => {
  const shipped = new URL('../../src/worlds/runs/engines.ts', import.meta.url)

  it('says what it does not model before anything is run', () =>
    inFolder(async path => {
      const { check } = await import(shipped.href)
      const base = { name: 'a', question: '?', nodes: 4, hours: 1 }
      const checked = async (changes: object) =>
        check(
          (await findScenario(await jsonFile(path, 'a.json', { ...base, ...changes }))).scenario
        )
      await writeFile(join(path, 'none.ts'), 'export default {}')
      const wrong: [object, RegExp][] = [
        [
          { scale: 'wide', network: { jitterMs: 5 } },
          /the scale wide does not model network\.jitterMs/
        ],
        [{ scale: 'real' }, /the scale real does not have network\.latency/],
        [
          { faults: [{ type: 'pod-outage', atHours: 0, hours: 1 }] },
          /there are no pods without people/
        ],
        [{ variant: './none.ts' }, /the default export has no createSeed/]
      ]
      for (const [changes, message] of wrong)
        await assert.rejects(checked(changes), { code: 'SCENARIO_INVALID', message })
      await checked({})
    }))
})

describe('the commit that a folder names', () => {
  const [ours, theirs] = ['1'.repeat(40), '2'.repeat(40)]

  it('is that of a clone, of a worktree, of a branch that was packed; none where there is no git', () =>
    inFolder(async path => {
      const write = async (name: string, text: string) => {
        await mkdir(join(path, name, '..'), { recursive: true })
        await writeFile(join(path, name), text)
      }
      await write('clone/.git/HEAD', 'ref: refs/heads/main\n')
      await write('clone/.git/refs/heads/main', `${ours}\n`)
      await write('clone/.git/packed-refs', `# pack-refs\n${theirs} refs/heads/other\n`)
      await write('clone/.git/worktrees/beside/HEAD', 'ref: refs/heads/other\n')
      await write('clone/.git/worktrees/beside/commondir', '../..\n')
      await write('beside/.git', `gitdir: ${join(path, 'clone/.git/worktrees/beside')}\n`)
      assert.equal(await commitOf(join(path, 'clone/.git')), ours)
      assert.equal(await commitOf(join(path, 'beside/.git')), theirs)
      assert.equal(await commitOf(join(path, 'none/.git')), null)
      assert.equal((await thisCode()).node, process.version)
    }))
})
