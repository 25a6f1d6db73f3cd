import assert from 'node:assert/strict'
import { Dice } from '../../src/sim/dice.ts'
import { latencyOf } from '../../src/sim/latency.ts'
import type { ScenarioInput } from '../../src/sim/scenario.ts'
import { readScenario } from '../../src/sim/scenario.ts'
import { checkFilesRead, latencyIn, sessionsOf } from '../../src/sim/scenario-files.ts'
import { csvCharsMax, parseSessions } from '../../src/sim/sessions.ts'

const csvOf = (...rows: string[]) => ['node,from_hours,to_hours', ...rows, ''].join('\n')
const placed = (...rows: string[]) => ['node,from_hours,to_hours,place', ...rows].join('\r\n')

const two = csvOf('a,0,3.5', 'b,0,5', 'a,4,5')
const scenario = (changes: Partial<ScenarioInput> = {}): ScenarioInput => ({
  name: 'recorded',
  question: 'What?',
  nodes: 2,
  hours: 5,
  population: { trace: { csv: two } },
  ...changes
})
const matrix = (ms: number[][], trip: 'one-way' | 'round-trip' = 'one-way') => ({
  latency: { type: 'matrix' as const, trip, ms }
})

describe('recorded sessions', () => {
  it('are those of each node, in the order in which nodes appear', () => {
    assert.deepEqual(parseSessions(two), {
      nodes: [
        [
          { fromHours: 0, toHours: 3.5 },
          { fromHours: 4, toHours: 5 }
        ],
        [{ fromHours: 0, toHours: 5 }]
      ],
      places: undefined,
      hours: 5
    })
  })

  it('that touch are one', () => {
    assert.deepEqual(parseSessions(csvOf('a,0,1', 'a,1,2')).nodes, [[{ fromHours: 0, toHours: 2 }]])
  })

  it('say where nodes are, with the line ends of any system', () => {
    assert.deepEqual(parseSessions(placed('a,0,1,3', 'b,0,1,0', 'a,2,3,3')).places, [3, 0])
  })

  const wrong: [string, string, RegExp][] = [
    ['nothing', '', /^the first row is not node,from_hours,to_hours, but ''$/],
    ['no session', csvOf(), /^there is no session$/],
    ['other columns', 'node,start,end\n', /^the first row is not .*, but 'node,start,end'$/],
    [
      'one column too many',
      'node,from_hours,to_hours,country\na,0,1,DE',
      /^there is no column 'country'$/
    ],
    ['a row too short', csvOf('a,0'), /^row 2: has 2 columns instead of 3$/],
    ['a name that is none', csvOf('a b,0,1'), /^row 2: 'a b' is no name of/],
    ['no number', csvOf('a,0,1', 'b,soon,1'), /^row 3: from_hours: 'soon' is not a number$/],
    ['an empty cell', csvOf('a,,1'), /^row 2: from_hours: '' is not a number$/],
    ['endless time', csvOf('a,0,Infinity'), /^row 2: to_hours: 'Infinity' is not a number$/],
    ['time before the start', csvOf('a,-1,1'), /^row 2: from_hours: -1 is below 0$/],
    ['an end before the beginning', csvOf('a,3,2'), /^row 2: ends at hour 2, and begins at 3$/],
    ['no length', csvOf('a,3,3'), /^row 2: ends at hour 3, and begins at 3$/],
    [
      'one node twice at a time',
      csvOf('a,0,5', 'b,1,2', 'a,4,6'),
      /^row 4: a is there twice, from hour 4 to 5$/
    ],
    [
      'rows out of order',
      csvOf('a,3,5', 'b,1,2'),
      /^row 3: begins at hour 1, the row before it at 3$/
    ],
    [
      'a node that moves',
      placed('a,0,1,0', 'a,2,3,1'),
      /^row 3: a is at place 0 before, and at 1 here$/
    ],
    ['half a place', placed('a,0,1,0.5'), /^row 2: place: '0.5' is not a whole number$/],
    ['too much', `${'x'.repeat(csvCharsMax)}\n`, /^longer than \d+ characters$/],
    [
      'too many',
      csvOf(...Array.from({ length: 100_001 }, () => 'a,0,1')),
      /^100001 sessions are more/
    ]
  ]
  for (const [what, csv, message] of wrong)
    it(`are refused with a sentence: ${what}`, () =>
      assert.throws(() => parseSessions(csv), { code: 'SCENARIO_INVALID', message }))
})

describe('a scenario with what was recorded', () => {
  it('keeps the text itself, and reading it again changes nothing', () => {
    const read = readScenario(scenario())
    assert.deepEqual(read.population.trace, { csv: two, repeat: false })
    assert.deepEqual(readScenario(JSON.parse(JSON.stringify(read))), read)
    assert.equal(sessionsOf(read)!.nodes.length, 2)
  })

  it('does not say what runs while it names a file', () => {
    const files: Partial<ScenarioInput>[] = [
      { population: { trace: 'sessions.csv' } },
      {
        population: {},
        network: { latency: { type: 'matrix', trip: 'one-way', file: 'rtt.csv' } }
      }
    ]
    for (const changes of files)
      assert.throws(() => checkFilesRead(readScenario(scenario(changes))), {
        code: 'SCENARIO_INVALID',
        message: /^(population\.trace|network\.latency): \w+\.csv was not read$/
      })
  })

  it('takes half of a measured round trip for one way, from where each node is', () => {
    const csv = placed('a,0,9,1', 'b,0,9,0', 'c,0,9,1')
    const read = readScenario(
      scenario({
        nodes: 3,
        population: { trace: { csv } },
        network: {
          latency: { type: 'matrix', trip: 'round-trip', csv: '2,40\n60,6\n' }
        }
      })
    )
    const ms = latencyOf(latencyIn(read), new Dice(1, 'latency'))
    assert.deepEqual([ms(0, 1), ms(1, 0), ms(0, 2), ms(1, 1)], [30, 20, 3, 1])
  })

  const trace = { csv: two }
  const wrong: [string, Partial<ScenarioInput>, RegExp][] = [
    ['too few nodes in it', { nodes: 3 }, /^population\.trace: has 2 nodes, and nodes says 3$/],
    [
      'too short',
      { hours: 6 },
      /^population\.trace: ends at hour 5, and hours says 6; with `repeat`/
    ],
    [
      'a row that is wrong',
      { population: { trace: { csv: csvOf('a,0,1', 'a,0.5,2') } } },
      /^population\.trace: row 3: a is there twice/
    ],
    [
      'nobody at the start',
      { population: { trace: { csv: csvOf('a,1,6', 'b,2,6') } } },
      /^population\.trace: nobody is there at hour 0$/
    ],
    [
      'sessions of two kinds',
      { population: { trace, sessionHours: { type: 'constant', value: 1 } } },
      /^population\.sessionHours: who comes and goes is said by population\.trace already$/
    ],
    [
      'a text and a file',
      { population: { trace: { csv: two, file: 'a.csv' } as never } },
      /^there is no field population\.trace\.(csv|file)$/
    ],
    [
      'a strange repeat',
      { population: { trace: { csv: two, repeat: 'yes' } as never } },
      /^population\.trace\.repeat: "yes" is not true or false$/
    ],
    [
      'places of no matrix',
      { population: { trace: { csv: placed('a,0,9,0', 'b,0,9,1') } } },
      /^population\.trace: places need network\.latency to be a matrix$/
    ],
    [
      'a place that is not in the matrix',
      {
        population: { trace: { csv: placed('a,0,9,0', 'b,0,9,2') } },
        network: matrix([
          [1, 2],
          [3, 4]
        ])
      },
      /^population\.trace: there is no place 2 in a matrix of 2, counted from 0$/
    ],
    [
      'a matrix that is not square',
      { network: matrix([[1, 2], [3]]) },
      /^network\.latency: a matrix is square, and of 2 rows one has 1 columns$/
    ],
    [
      'a latency below zero',
      { network: { latency: { type: 'matrix', trip: 'one-way', csv: '0,1\n-1,0' } } },
      /^network\.latency: row 2, column 1: -1 is below 0$/
    ],
    [
      'a hole in the matrix',
      { network: { latency: { type: 'matrix', trip: 'one-way', csv: '0,\n1,0' } } },
      /^network\.latency: row 1, column 2: '' is not a number$/
    ],
    [
      'a matrix of nothing said',
      { network: { latency: { type: 'matrix', ms: [[1]] } as never } },
      /^network\.latency\.trip is missing$/
    ],
    [
      'a matrix of nothing',
      { network: { latency: { type: 'matrix', trip: 'one-way' } as never } },
      /^network\.latency: a matrix says one of `ms` and `file`$/
    ]
  ]
  for (const [what, changes, message] of wrong)
    it(`is refused with a sentence: ${what}`, () =>
      assert.throws(() => readScenario(scenario(changes)), { code: 'SCENARIO_INVALID', message }))
})
