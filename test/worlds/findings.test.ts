import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { readSweep } from '../../src/sim/sweep.ts'
import { findScenario } from '../../src/worlds/runs/find.ts'
import type { Extract } from '../../src/worlds/shown/finding.ts'
import { plotOf, tableOf, withoutTexts } from '../../src/worlds/shown/finding.ts'
import { drawPlot } from '../../src/worlds/shown/plots.ts'
import { estimate } from '../../src/worlds/shown/statistics.ts'
import { createSimulator } from '../../src/worlds/simulator.ts'
import {
  fillPage,
  findings,
  inShelf,
  madeOf,
  readExtract,
  readQuestion
} from '../support/finding.ts'
import { temporaryFolder } from '../support/store-folder.ts'

const text = (name: string) => readFileSync(inShelf(name), 'utf8')

/** Those of the fields of `now` that `then` has too: a field that came since changes nothing by itself. */
const fieldsOf = (now: unknown, then: unknown): unknown =>
  isGroup(now) && isGroup(then)
    ? Object.fromEntries(
        Object.keys(then).map(key => [key, key in now ? fieldsOf(now[key], then[key]) : undefined])
      )
    : now
const isGroup = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

describe('findings', () => {
  for (const name of findings()) {
    it(`${name}: page and plots say what was counted (else: node test/support/finding.ts)`, async () => {
      const { finding } = await readQuestion(name)
      assert(finding, `${name}.ts has no finding`)
      const { parts, files } = await madeOf(readExtract(name), finding)
      assert.equal(text(`${name}.md`), fillPage(text(`${name}.md`), parts))
      for (const [file, drawn] of Object.entries(files)) {
        assert(text(file) === drawn, `${file} is another drawing`)
        assert(text(`${name}.md`).includes(`](${file})`), `${name}.md does not show ${file}`)
      }
    })

    it(`${name}: the scenario is the one that was run`, async () => {
      const { sweep } = await readQuestion(name)
      const scenario = withoutTexts((await findScenario(name)).scenario)
      const { points, ...ran } = readExtract(name)
      // What a scenario does not say has the value that ships: where that has changed, the finding is one about other code.
      assert.deepEqual(fieldsOf(scenario, ran.scenario), ran.scenario)
      // A question without a grid is one run.
      const planned = sweep ? readSweep(sweep) : { grid: {}, seeds: [scenario.seed] }
      assert.deepEqual({ grid: ran.grid, seeds: ran.seeds }, planned)
      assert.match(ran.code.commit ?? '', /^[0-9a-f]{40}$/)
      for (const { values, mean, ci95 } of points.flatMap(p => Object.values(p.quantities)))
        assert.deepEqual([mean, ci95], [estimate(values).mean, estimate(values).ci95])
    })
  }
})

/** Two points of a grid: shares and losses of two seeds each, whose intervals pass what can be. */
const extract: Extract = {
  ...readExtract('third-gone'),
  grid: { nodes: [100, 10_000] },
  points: [100, 10_000].map(nodes => ({
    parameters: { nodes },
    quantities: {
      found: counted('share', [0.9, 1]),
      lost: counted('blobs', [0, 1_234.4]),
      drift: counted('ms', [-1, 1])
    }
  }))
}

function counted(unit: string, values: number[]) {
  const { mean, ci95 } = estimate(values)
  return { unit, mean, ci95, values }
}

describe('what a finding shows', () => {
  it('in a table: mean and interval, cut at what the quantity cannot pass, which it says', () => {
    const row = (columns: Parameters<typeof tableOf>[1]) => tableOf(extract, columns).split('\n')
    const [, , first, , , note] = row([
      { head: 'N', of: 'nodes' },
      { head: 'found', of: 'found', percent: true },
      { head: 'lost', of: 'lost' },
      { head: 'drift', of: 'drift' },
      { head: 'none', of: 'elsewhere' }
    ])
    assert.equal(
      first,
      '| 100 | 95 % (31.5 % to 100 %) | 617 (0 to 8,459) | 0 (-12.7 to 12.7) |  |'
    )
    assert.equal(note, 'Intervals are cut at 0 and 100 %.')
    const shows = ['mean', 'least', 'most', 'values'] as const
    assert.equal(
      row(shows.map(show => ({ head: show, of: 'found', show, digits: 2 })))[2],
      '| 0.95 | 0.90 | 1 | 0.90, 1 |'
    )
    assert.equal(
      row([{ head: 'theory', of: ({ nodes }) => Math.log10(Number(nodes)) }])[3],
      '| 4 |'
    )
  })

  it('in a plot: theory beside what was counted, and a band that ends where the quantity does', async () => {
    const plot = plotOf(extract, {
      title: 'found',
      x: 'nodes',
      y: ['found', { line: 'theory', of: ({ nodes }) => (nodes === 100 ? 1.05 : undefined) }]
    })
    assert.deepEqual(
      plot.points.map(({ line, x, y }) => [line, x, y]),
      [
        ['found', 100, 0.95],
        ['found', 10_000, 0.95],
        ['theory', 100, 1.05]
      ]
    )
    assert.equal(plot.logX, true)
    const svg = await drawPlot(plot)
    assert.match(svg, /intervals are cut at 1</)
    // Nothing is drawn above the theory.
    assert.doesNotMatch(svg, />1\.[2-9]</)
    assert.doesNotMatch(await drawPlot({ ...plot, bounds: [-100, 100] }), /are cut/)
    // All is one value: the axis begins at zero.
    const flat = plot.points.map(point => ({ ...point, x: 24, y: 50, low: 50, high: 50 }))
    const level = await drawPlot({ ...plot, points: flat, logX: false })
    for (const tick of ['10', '40', '24']) assert(level.includes(`>${tick}</text>`), tick)
    assert.doesNotMatch(level, />\d+\.0{3}|NaN/)
    const byDrift = plotOf(extract, { title: 'x', x: 'drift', y: ['lost'], line: 'nodes' })
    assert.deepEqual(
      byDrift.points.map(({ line, x, y }) => [line, x, y]),
      [
        ['nodes 100', 0, 617.2],
        ['nodes 10000', 0, 617.2]
      ]
    )
  })

  it("from a folder, for a page of one's own; what was not counted is refused", async () => {
    await using folder = await temporaryFolder()
    const out = join(folder.path, 'out')
    const file = join(folder.path, 'mine.json')
    await writeFile(file, JSON.stringify(mine))
    const simulator = createSimulator(new URL('../support/sim-engines.ts', import.meta.url).href)
    const stop = new AbortController()
    const options = {
      changes: {},
      seeds: undefined,
      threads: 2,
      shard: undefined,
      queue: undefined,
      signal: stop.signal
    }
    await simulator.sweep({ what: file, out, ...options, onProgress() {} })
    const svg = join(folder.path, 'online.svg')
    const shown = await simulator.show(out, {
      table: ['nodes', 'time.online@1', 'max(time.online)', 'mean(time.atHours)'],
      plot: { x: 'time.atHours', y: 'time.online', line: undefined, svg }
    })
    assert.equal(
      shown.table,
      '| nodes | time.online@1 | max(time.online) | mean(time.atHours) |\n|---|---|---|---|\n| 20 | 10 | 20 | 1 |\n| 40 | 20 | 40 | 1 |'
    )
    assert.match(await readFile(svg, 'utf8'), /^<svg.*nodes 40.*<\/svg>\n$/s)
    for (const table of [['losst'], ['time.lost@0.5'], ['mean(time.x)'], ['time.online@0.5']])
      await assert.rejects(simulator.show(out, { table, plot: undefined }), { code: 'USAGE' })
    await rm(join(out, 'runs'), { recursive: true })
    await assert.rejects(simulator.show(out, { table: ['lost'], plot: undefined }), {
      code: 'OUTPUT_DAMAGED',
      message: /0 of 4 runs/
    })
  })
})

const mine = {
  scenario: {
    name: 'mine',
    question: 'Who is there?',
    nodes: 20,
    hours: 2,
    workload: { blobs: 4 },
    faults: [{ type: 'die', atHours: 1, share: 0.5 }]
  },
  grid: { nodes: [20, 40] },
  seeds: '1..2'
}
