import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { SimRunOptions } from '../../src/cli/simulator.ts'
import type { ScenarioInput } from '../../src/sim/scenario.ts'
import { runScenario, runSweep } from '../../src/worlds/index.ts'
import { parseShard } from '../../src/worlds/runs/plan.ts'
import { createSimulator } from '../../src/worlds/simulator.ts'
import { temporaryFolder } from '../support/store-folder.ts'

const guide = readFileSync(new URL('../../docs/guides/research.md', import.meta.url), 'utf8')
const api = new URL('../../src/worlds/index.ts', import.meta.url)

/** A block of the guide, by the file name in its first line. */
function codeOf(name: string): string {
  const [, code] = new RegExp(`\`\`\`ts\n// ${name}\n([^]*?)\`\`\``).exec(guide) ?? []
  assert(code, name)
  return code
}

const options: Omit<SimRunOptions, 'what'> = {
  changes: {},
  seeds: undefined,
  threads: 1,
  out: null,
  onProgress() {},
  signal: new AbortController().signal
}

const tiny = {
  name: 'tiny',
  question: 'Is it the same?',
  nodes: 8,
  hours: 1,
  workload: { blobs: 5 },
  parameters: { sweepHours: 0.25 }
}

describe('docs/guides/research.md', () => {
  it('has an experiment in code, with a variant of the protocol, that runs', async () => {
    await using folder = await temporaryFolder()
    await writeFile(join(folder.path, 'eager.ts'), codeOf('eager.ts'))
    const file = join(folder.path, 'experiment.ts')
    await writeFile(file, codeOf('experiment.ts').replace("'muttr/sim'", `'${api.href}'`))
    const [ships, eager] = execFileSync(process.execPath, [file], { encoding: 'utf8' })
      .trim()
      .split('\n')
      .map(line => line.split(' ').map(Number)) as [number[], number[]]
    assert(eager[0]! > ships[0]!, `${eager} beside ${ships}`)
    assert.deepEqual([ships[1], eager[1]], [0, 0])
  })

  it('names a variant in a scenario: its text is part of the run, and is run again only by name', async () => {
    await using folder = await temporaryFolder()
    const at = (name: string) => join(folder.path, name)
    const simulator = createSimulator()
    await writeFile(at('eager.ts'), codeOf('eager.ts'))
    await writeFile(at('eager.json'), JSON.stringify({ ...tiny, variant: './eager.ts' }))
    const out = at('out')
    await simulator.run({ ...options, what: at('eager.json'), out })
    const plan = JSON.parse(readFileSync(join(out, 'plan.json'), 'utf8'))
    assert.equal(plan.scenario.variant.source, codeOf('eager.ts'))

    const replay = (variant: string | undefined) =>
      simulator.replay({
        ...options,
        folder: out,
        run: undefined,
        variant,
        until: { atMs: 0 },
        async print() {},
        warn: assert.fail,
        requests: false,
        dump: null
      })
    await assert.rejects(replay(undefined), { code: 'USAGE', message: /a program that/ })
    await assert.rejects(replay(at('eager.json')), { code: 'USAGE', message: /not the variant/ })
    assert.equal((await replay(at('eager.ts'))).same, 'run')

    const { default: eager } = await import(at('eager.ts'))
    const varied = await runScenario(tiny, { variant: eager })
    const [there] = JSON.parse(readFileSync(join(out, 'summary.json'), 'utf8')).points[0].runs
    assert.equal(varied.traceHash, there.traceHash)
    assert.notEqual(varied.traceHash, (await runScenario(tiny)).traceHash)
    await assert.rejects(runScenario({ ...tiny, scale: 'wide' }, { variant: eager }), {
      code: 'SCENARIO_INVALID'
    })
  })

  it('has a variant that chooses whom a lookup asks next: it asks others first, and finds the same', async () => {
    await using folder = await temporaryFolder()
    const file = join(folder.path, 'fastest.ts')
    await writeFile(file, codeOf('fastest.ts'))
    const { default: fastest } = await import(file)
    const scenario: ScenarioInput = {
      ...tiny,
      nodes: 60,
      hours: 0.2,
      network: { latency: { type: 'pairwise', ms: 30 } },
      workload: { lookups: 12 },
      measure: { everyHours: 0.2 }
    }
    const ships = await runScenario(scenario)
    const varied = await runScenario(scenario, { variant: fastest })
    for (const { figures } of [ships, varied]) assert.equal(figures['lookup exact']!.value, 1)
    assert.notDeepEqual(varied.tables.lookups, ships.tables.lookups)
  })

  for (const [what, source, message] of [
    ['imports', "import { a } from 'muttr/sim'\nexport default a", /variant: /],
    ['makes no seeds', 'export default {}', /no createSeed/],
    ['is no program', 'export default {', /variant: /]
  ] as const)
    it(`refuses a variant that ${what}`, () =>
      assert.rejects(runScenario({ ...tiny, variant: { source } }), {
        code: 'SCENARIO_INVALID',
        message
      }))

  it('has variants at the scale full only, and of files that were read', async () => {
    const variant = { source: codeOf('eager.ts') }
    await assert.rejects(runScenario({ ...tiny, scale: 'wide', variant }), { message: /variant/ })
    await assert.rejects(runScenario({ ...tiny, variant: './eager.ts' }), {
      message: 'variant: ./eager.ts was not read'
    })
  })

  it('splits a sweep between machines so that each part is done once', () => {
    const shards = [...guide.matchAll(/--shard (\S*(?:\{\}|\$)[^'` ]*(?: [^'` ]+)*?\/4)/g)]
    assert.equal(shards.length, 3)
    for (const [, shard] of shards) {
      const parts = Array.from({ length: 4 }, (_, i) => {
        const env = { SLURM_ARRAY_TASK_ID: `${i + 1}`, JOB_COMPLETION_INDEX: `${i}` }
        const line = `echo ${shard!.replace('{}', `${i + 1}`)}`
        return parseShard(execFileSync('sh', ['-c', line], { encoding: 'utf8', env }).trim()).index
      })
      assert.deepEqual(parts, [1, 2, 3, 4])
    }
  })
})

describe('muttr/sim', () => {
  it('runs a grid, as the command does', async () => {
    const { points, runs } = await runSweep(
      tiny,
      {
        grid: { 'parameters.replicas': [5, 6] },
        seeds: [3]
      },
      { threads: 1 }
    )
    assert.deepEqual(runs, { planned: 2, done: 2 })
    const alone = await runScenario({
      ...tiny,
      seed: 3,
      parameters: { replicas: 6, sweepHours: 0.25 }
    })
    const copies = points[1]!.figures.find(({ name }) => name === 'copies mean')!
    assert.equal(copies.mean, alone.figures['copies mean']!.value)
  })

  it('is what package.json offers', () => {
    const { exports } = JSON.parse(
      readFileSync(new URL('../../package.json', import.meta.url), 'utf8')
    )
    const built = exports['./sim'].default.replace('./dist/', '').replace(/\.js$/, '.ts')
    assert.equal(fileURLToPath(new URL(`../../${built}`, import.meta.url)), fileURLToPath(api))
  })
})
