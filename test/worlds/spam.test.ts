import assert from 'node:assert/strict'
import type { RunResult } from '../../src/sim/result.ts'
import type { ScenarioInput } from '../../src/sim/scenario.ts'
import { defineScenario } from '../../src/sim/scenario.ts'
import { refuse } from '../../src/sim/wide/limits.ts'
import { createSimulator } from '../../src/worlds/simulator.ts'
import { runFull } from '../support/full-run.ts'
import { figure as figureOf, small } from '../support/small-runs.ts'

type SpamInput = NonNullable<NonNullable<ScenarioInput['workload']>['spam']>

/** A blob of 16 KiB for a day costs 1,000 hashes at the floor, and so do all others. */
const floor = 1_000
const hours = 0.5
const world = (spam: SpamInput) =>
  defineScenario({
    ...{ name: 'spam', question: 'What gets in?', nodes: 12, hours },
    workload: {
      blobs: 4,
      putsPerHour: 16,
      sizeBytes: { type: 'constant', value: 1_000 },
      lifeHours: { type: 'constant', value: 24 },
      spam: { sizeBytes: 16_384, lifeHours: 24, ...spam }
    },
    disks: { capBytes: 200_000 },
    measure: { everyHours: 0.25 }
  })

const run = (spam: SpamInput): Promise<RunResult> => runFull(world(spam))

const figure = ({ figures }: RunResult, name: string) => figures[name]!.value

describe('a spammer', () => {
  it('does no more work than it can, and pays the more the fuller the disks are', async () => {
    const [little, much] = await Promise.all([1e4, 3e5].map(workPerHour => run({ workPerHour })))
    assert(figure(little!, 'spam hashes') <= 1e4 * hours + floor)
    assert(figure(little!, 'spam stored') >= 3)
    assert(figure(little!, 'spam hashes per blob') < 2 * floor)
    assert.equal(figure(little!, 'asked of puts p50'), 1)
    assert(figure(much!, 'spam share of disks') > 2 * figure(little!, 'spam share of disks'))
    assert(figure(much!, 'spam hashes per blob') > 5 * floor)
    assert(figure(much!, 'price factor most') > 5)
    for (const result of [little!, much!]) {
      assert.deepEqual(result.violations, [])
      assert.equal(figure(result, 'lost'), 0)
    }
  })

  it('that dates its stamps back, and is no server, gets nothing in where disks are pressed', async () => {
    const [fresh, dated] = await Promise.all(
      (['fresh', 'dated'] as const).map(stamps => run({ workPerHour: 3e5, stamps }))
    )
    const share = 'spam share of disks'
    assert(figure(dated!, share) < figure(fresh!, share))
    assert(figure(dated!, 'spam failed') > 0.5)
    assert.deepEqual(dated!.violations, [])
  })

  it('stamp-price: is asked for more, and fills what it can; nothing is lost', async () => {
    const changes = { nodes: 12, hours: 0.25 }
    const { points, violations } = await createSimulator().run(small('stamp-price', changes))
    const of = (name: string) => figureOf(points[0]!, name)
    assert.deepEqual(violations, [])
    assert.equal(of('lost'), 0)
    assert(of('spam share of disks') > 0.3)
    assert(of('price factor most') > 1)
  })

  it('without work puts nothing, and is not there at the scale wide', async () => {
    const idle = await run({ workPerHour: 0 })
    assert.equal(figure(idle, 'spam stored'), 0)
    assert.equal(figure(idle, 'asked of puts p95'), 1)
    assert.throws(() => refuse(world({ workPerHour: 1 })), {
      code: 'SCENARIO_INVALID',
      message: /workload\.spam/
    })
  })
})
