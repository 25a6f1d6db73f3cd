import assert from 'node:assert/strict'
import { readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createSimulator } from '../../src/worlds/simulator.ts'
import { createFakeDoors, muttr, type Ran } from '../support/cli.ts'
import { temporaryFolder } from '../support/store-folder.ts'

const enginesUrl = new URL('../support/sim-engines.ts', import.meta.url).href
const doors = createFakeDoors({ simulator: async () => createSimulator(enginesUrl) })

const scenario = {
  name: 'half-gone',
  question: 'What is lost when half is gone?',
  nodes: 20,
  hours: 2,
  workload: { blobs: 30 },
  faults: [{ type: 'die', atHours: 1, share: 0.5 }],
  parameters: { replicas: 2, quorum: 1 }
}

/** Runs command lines in a folder that has the scenario; `@` stands for the folder. */
async function inFolder(
  work: (sim: (line: string) => Promise<Ran>, path: string) => Promise<void>
): Promise<void> {
  await using folder = await temporaryFolder()
  const { path } = folder
  await writeFile(join(path, 'half.json'), JSON.stringify(scenario))
  const sweep = { scenario, grid: { 'parameters.replicas': [1, 3] }, seeds: '1..2' }
  await writeFile(join(path, 'sweep.json'), JSON.stringify(sweep))
  await work(line => muttr(`sim ${line.replaceAll('@', path)}`, { doors }), path)
}

describe('muttr sim', () => {
  it('runs a file and tells people figures with their intervals', () =>
    inFolder(async (sim, path) => {
      const { status, stdout, stderr } = await sim('run @/half.json --seeds 1..3 --out @/out')
      assert.equal(status, 0)
      assert.match(stdout, /What is lost when half is gone\?\n\n3 seeds\n/)
      assert.match(stdout, /\nfound +0\.\d+ +\[[\d., ]+\] +share\n/)
      assert.match(stdout, /written to .*\/out\n$/)
      assert.match(stderr, /3 of 3 runs, 100 %\n$/)
      const names = await readdir(join(path, 'out'))
      for (const name of ['plan.json', 'runs', 'summary.json', 'time.csv', 'report.html'])
        assert(names.includes(name), name)
    }))

  it('gives one object with --json, and nothing else', () =>
    inFolder(async sim => {
      const ran = await sim('run @/half.json --seed 7 --json')
      const [done, ...others] = ran.objects() as Record<string, unknown>[]
      assert.deepEqual([ran.stderr, others, done!.out], ['', [], null])
      const [point] = done!.points as { seeds: number[]; figures: { name: string }[] }[]
      assert.deepEqual(point!.seeds, [7])
      assert.deepEqual(
        point!.figures.map(({ name }) => name),
        ['found', 'lost']
      )
    }))

  it('sweeps, compares, reports and replays', () =>
    inFolder(async sim => {
      const swept = await sim('sweep @/sweep.json --out @/a --json')
      assert.deepEqual(swept.objects()[0]!.runs, { planned: 4, done: 4 })
      assert.equal((await sim('sweep @/sweep.json --seeds 3..4 --out @/b')).status, 0)
      const compared = (await sim('compare @/a @/b --json')).objects()
      assert.deepEqual(
        compared.map(({ parameters, figure }) => [parameters, figure]),
        [1, 3].flatMap(replicas => [
          [{ 'parameters.replicas': replicas }, 'found'],
          [{ 'parameters.replicas': replicas }, 'lost']
        ])
      )
      assert.match((await sim('compare @/a @/b')).stdout, /parameters\.replicas 3 {2}found/)
      assert.equal((await sim('report @/a')).status, 0)
      const which = await sim('replay @/a --at 1h --json')
      assert.equal(which.status, 1)
      const id = /([0-9a-f]{16}) \(replicas 1, seed 2\)/.exec(which.error().hint)![1]
      const replayed = await sim(`replay @/a --at 1h --run ${id!.slice(0, 8)} --json`)
      const lines = replayed.stdout
        .trimEnd()
        .split('\n')
        .map(line => JSON.parse(line))
      assert.deepEqual(lines[0], [0, 'begin', 20])
      assert.deepEqual([lines.at(-1).run, lines.at(-1).same], [id, 'run'])
    }))

  it('ends with 4 when a promise is broken', () =>
    inFolder(async (sim, path) => {
      const all = { ...scenario, faults: [{ type: 'die', atHours: 1, share: 1 }] }
      await writeFile(join(path, 'all.json'), JSON.stringify(all))
      const { status, stdout } = await sim('run @/all.json')
      assert.equal(status, 4)
      assert.match(stdout, /\nbroken: all are lost \(seed 1, run [0-9a-f]{8}\)\n/)
    }))

  const wrong: [string, number, string][] = [
    ['run nothing-like-it', 1, 'SCENARIO_INVALID'],
    ['run @/half.json --nodes 1', 1, 'USAGE'],
    ['run @/half.json --nodes many', 1, 'USAGE'],
    ['run @/half.json --hours 0', 1, 'USAGE'],
    ['run @/half.json --hours 0.5', 1, 'SCENARIO_INVALID'],
    ['run @/half.json --scale huge', 1, 'USAGE'],
    ['run @/half.json --scale wide', 1, 'SCENARIO_INVALID'],
    ['run @/half.json --seed 1 --seeds 1..2', 1, 'USAGE'],
    ['run @/half.json --seeds 2..1', 1, 'SCENARIO_INVALID'],
    ['run @/half.json --threads 0', 1, 'USAGE'],
    ['run @/half.json --out @', 2, 'OUTPUT_EXISTS'],
    ['run @/half.json --nodes 9000000', 2, 'MEMORY_SHORT'],
    ['run', 1, 'USAGE'],
    ['sweep @/half.json', 1, 'SCENARIO_INVALID'],
    ['sweep @/sweep.json --shard 1/2', 1, 'USAGE'],
    ['sweep @/sweep.json --shard 3/2 --out @/out', 1, 'SCENARIO_INVALID'],
    ['compare @ @', 2, 'OUTPUT_DAMAGED'],
    ['report @/none', 2, 'OUTPUT_DAMAGED'],
    ['replay @', 1, 'USAGE'],
    ['replay @ --at noon', 1, 'USAGE'],
    ['replay @ --event 0', 1, 'USAGE'],
    ['replay @ --at 1h --event 5', 1, 'USAGE'],
    ['replay @ --at 1h', 2, 'OUTPUT_DAMAGED']
  ]
  for (const [line, status, code] of wrong)
    it(`refuses \`sim ${line}\` with ${code}`, () =>
      inFolder(async sim => {
        const ran = await sim(`${line} --json`)
        assert.deepEqual([ran.status, ran.error().code, ran.stdout], [status, code, ''])
      }))
})
