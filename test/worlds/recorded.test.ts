import assert from 'node:assert/strict'
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { defineScenario } from '../../src/sim/scenario.ts'
import { fullEngine } from '../../src/worlds/full/full.ts'
import { findScenario } from '../../src/worlds/runs/find.ts'
import { makePlan } from '../../src/worlds/runs/plan.ts'
import { createSimulator } from '../../src/worlds/simulator.ts'
import { temporaryFolder } from '../support/store-folder.ts'

/** Six nodes; b is away for an hour, c comes late, d leaves early, e and f stay. */
const csv = [
  'node,from_hours,to_hours',
  ...['a,0,3', 'b,0,1.2', 'd,0,0.7', 'e,0,3', 'f,0,3', 'c,1.6,3', 'b,2.2,3'],
  ''
].join('\n')
const base = {
  name: 'recorded',
  question: 'Who is there?',
  nodes: 6,
  hours: 3,
  measure: { everyHours: 0.5 }
}
const options = { seed: 1, signal: new AbortController().signal, onProgress() {} }
const onlineIn = async (scenario: Parameters<typeof defineScenario>[0]) => {
  const { tables } = await fullEngine.run(defineScenario(scenario), options)
  const { columns, rows } = tables.time!
  return rows.map(row => row[columns.indexOf('online')])
}

describe('a full world whose people come and go as recorded', () => {
  it('has those online that were, and those alone', async () => {
    const trace = { csv }
    assert.deepEqual(await onlineIn({ ...base, population: { trace } }), [5, 4, 3, 4, 5, 5])
  })

  it('begins anew at the end, without a break for who was there across it', async () => {
    const population = { trace: { csv, repeat: true } }
    const online = await onlineIn({ ...base, hours: 5, population })
    assert.deepEqual(online, [5, 4, 3, 4, 5, 5, 5, 4, 3, 4])
  })
})

describe('a scenario that names files', () => {
  it('finds them beside itself; what is in them makes the run, not their names', async () => {
    await using folder = await temporaryFolder()
    const at = (...names: string[]) => join(folder.path, ...names)
    await mkdir(at('data'))
    const write = (name: string, trace: object | string) => {
      const latency = { type: 'matrix', trip: 'round-trip', file: 'data/rtt.csv' }
      const value = { ...base, population: { trace }, network: { latency } }
      return writeFile(at(name), JSON.stringify(value))
    }
    await writeFile(at('data', 'rtt.csv'), '2,40\n40,2\n')
    await writeFile(at('data', 'one.csv'), csv)
    await writeFile(at('two.csv'), csv)
    await write('one.json', 'data/one.csv')
    await write('two.json', { file: 'two.csv' })
    const idOf = async (name: string) =>
      makePlan((await findScenario(at(name))).scenario, {}, [1]).runs[0]!.id
    assert.equal(await idOf('one.json'), await idOf('two.json'))
    await writeFile(at('two.csv'), csv.replace('d,0,0.7', 'd,0,0.8'))
    assert.notEqual(await idOf('one.json'), await idOf('two.json'))

    await writeFile(at('two.csv'), csv.replace('e,0,3', 'e,0,-3'))
    await assert.rejects(findScenario(at('two.json')), {
      code: 'SCENARIO_INVALID',
      message: /two\.json: population\.trace: row 5: to_hours: -3 is below 0$/
    })
    await rm(at('two.csv'))
    await assert.rejects(findScenario(at('two.json')), {
      code: 'SCENARIO_INVALID',
      message: /two\.csv: there is no such file$/
    })
    await mkdir(at('two.csv'))
    await assert.rejects(findScenario(at('two.json')), { message: /two\.csv: not a file$/ })
  })

  it('are read before anything runs, also where a grid names them', () => {
    const trace = { csv }
    const scenario = defineScenario({ ...base, population: { trace } })
    assert.throws(() => makePlan(scenario, { 'population.trace': ['other.csv'] }, [1]), {
      code: 'SCENARIO_INVALID',
      message: 'population.trace: other.csv was not read'
    })
  })

  it('keeps their text in what a run found, and not in the report', async () => {
    await using folder = await temporaryFolder()
    const file = join(folder.path, 'mine.json')
    const many = Array.from({ length: 300 }, (_, i) => `n${i},0,4\n`).join('')
    const long = `node,from_hours,to_hours\n${many}`
    await writeFile(join(folder.path, 'long.csv'), long)
    const scenario = {
      ...base,
      nodes: 300,
      workload: { blobs: 1 },
      population: { trace: 'long.csv' }
    }
    await writeFile(file, JSON.stringify(scenario))
    const out = join(folder.path, 'out')
    const engines = new URL('../support/sim-engines.ts', import.meta.url).href
    await createSimulator(engines).run({
      ...{ what: file, changes: {}, seeds: undefined, out, threads: 1, onProgress() {} },
      signal: options.signal
    })
    const plan = JSON.parse(await readFile(join(out, 'plan.json'), 'utf8'))
    assert.equal(plan.scenario.population.trace.csv, long)
    const report = await readFile(join(out, 'report.html'), 'utf8')
    assert.match(report, /\(2\d{3} characters, SHA-256 [0-9a-f]{64}\)/)
    assert.doesNotMatch(report, /n17,0,4/)
  })
})
