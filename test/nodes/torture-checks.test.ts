import assert from 'node:assert/strict'
import { Checks } from '../../src/nodes/torture/checks.ts'
import { nameMembers } from '../../src/nodes/torture/fleet.ts'
import type { Happening, Invariant } from '../../src/nodes/torture/history.ts'
import { invariants } from '../../src/nodes/torture/history.ts'
import type { Fault, Planned } from '../../src/nodes/torture/plan.ts'
import { isFault, makePlan } from '../../src/nodes/torture/plan.ts'

const key = 'ab'.repeat(32)
const id = 'cd'.repeat(32)
const sending: Happening = { type: 'sending', letter: 0, from: 'alice', to: 'bob' }
const sent: Happening = { type: 'sent', letter: 0, id, key, state: 'announced' }
const shownTo = (who: string, ...letters: number[]): Happening => ({ type: 'inbox', who, letters })
const asked = (node: string, copies: string[], tombstones: string[]): Happening => ({
  type: 'asked',
  node,
  copies,
  tombstones
})
const healed: Happening = { type: 'healed' }
const end: Happening = { type: 'end' }
const kill: Fault = { do: 'kill', node: 'bob', forMs: 500 }
const put: Happening = { type: 'put', blob: 0, node: 'bob', key, copies: 5, wanted: 8 }
const got = (result: string): Happening => ({ type: 'got', blob: 0, node: 'bob', result })

function judge(...history: Happening[]) {
  const checks = new Checks()
  for (const [i, happening] of history.entries()) checks.take({ atMs: 10 * i, ...happening })
  return checks
}

describe('what a torture is judged by', () => {
  const broken: Record<Invariant, Happening[][]> = {
    'letter-lost': [
      [sending, sent, shownTo('bob'), end],
      [sending, sent, end],
      [sending, sent, shownTo('bob', 0), shownTo('bob'), shownTo('bob', 0), end],
      // The answer was lost, and later the sender's node showed the letter after all.
      [
        sending,
        { type: 'unsent', letter: 0, code: 'CANCELLED', sure: false },
        { type: 'claim', letter: 0, state: 'queued', key: null },
        end
      ]
    ],
    'letter-strayed': [[sending, sent, shownTo('carol', 0), shownTo('bob', 0), end]],
    'letter-twice': [[sending, sent, shownTo('bob', 0, 0), end]],
    'letter-changed': [
      [sending, sent, shownTo('bob', 0), { type: 'read', who: 'bob', letter: 0, same: false }, end]
    ],
    'letter-unknown': [[shownTo('bob', -1), end]],
    'claim-false': [
      [
        sending,
        sent,
        { type: 'retracting', letter: 0 },
        { type: 'claim', letter: 0, state: 'accepted', key },
        end
      ],
      [
        sending,
        sent,
        { type: 'retracting', letter: 0 },
        { type: 'retracted', letter: 0, outcome: 'cancelled' },
        shownTo('bob', 0),
        end
      ]
    ],
    'release-undone': [
      [asked('bob', [], [key]), asked('bob', [key], []), end],
      [asked('bob', [], [key]), { type: 'served', node: 'bob', key }, end]
    ],
    'release-late': [
      [asked('bob', [], [key]), healed, { type: 'swept' }, asked('carol', [key], []), end],
      [
        asked('bob', [], [key]),
        healed,
        { type: 'swept' },
        { type: 'served', node: 'carol', key },
        end
      ]
    ],
    'blob-lost': [
      [put, healed, got('BLOB_UNKNOWN'), end],
      [put, got('same'), healed, end],
      [put, healed, got('same'), healed, got('PEER_TIMEOUT'), end]
    ],
    'blob-changed': [[put, healed, got('other'), got('same'), end]],
    'node-ended': [[{ type: 'down', node: 'bob', how: 'ended', detail: 'ended with 4' }, end]],
    'node-mistaken': [[{ type: 'mistake', node: 'bob', what: 'oops' }, end]]
  }
  for (const [invariant, histories] of Object.entries(broken))
    it(`sees that ${invariant} is broken: ${invariants[invariant as Invariant]}`, () => {
      for (const history of histories)
        assert.deepEqual(
          judge(...history).violations.map(violation => violation.invariant),
          [invariant]
        )
    })

  it('finds nothing wrong with what may happen', () => {
    const fine: Happening[][] = [
      [sending, sent, shownTo('bob'), { type: 'fault', fault: kill }, shownTo('bob', 0), end],
      // Withdrawn in time, or too late.
      [sending, sent, { type: 'retracting', letter: 0 }, shownTo('bob'), end],
      [sending, sent, { type: 'retracting', letter: 0 }, shownTo('bob', 0), end],
      // Never taken; and nobody knows whether it was.
      [sending, { type: 'unsent', letter: 0, code: 'DISK_FULL', sure: true }, end],
      [sending, { type: 'unsent', letter: 0, code: 'CANCELLED', sure: false }, end],
      [
        sending,
        { type: 'unsent', letter: 0, code: 'CANCELLED', sure: false },
        shownTo('bob', 0),
        end
      ],
      [sending, sent, { type: 'claim', letter: 0, state: 'accepted', key }, shownTo('bob', 0), end],
      // Others may learn of a release later, and who lost its disk knows of none.
      [asked('bob', [], [key]), asked('carol', [key], []), end],
      [asked('bob', [], [key]), { type: 'wiped', node: 'bob' }, asked('bob', [key], []), end],
      [put, got('BLOB_UNKNOWN'), healed, got('PEER_TIMEOUT'), got('same'), end],
      [{ type: 'down', node: 'bob', how: 'killed' }, { type: 'up', node: 'bob', pid: 7 }, end]
    ]
    for (const history of fine) assert.deepEqual(judge(...history).violations, [])
  })

  it('tells what led to it, and nothing else', () => {
    const [violation] = judge(
      { type: 'sending', letter: 7, from: 'carol', to: 'dave' },
      sending,
      { type: 'fault', fault: { do: 'kill', node: 'dave', forMs: 9 } },
      { type: 'fault', fault: { do: 'split', nodes: ['dave', 'alice'], how: 'cut', forMs: 9 } },
      sent,
      { type: 'fault', fault: kill },
      { type: 'opened', who: 'dave', id: 'ef'.repeat(32) },
      asked('carol', [key, 'ef'.repeat(32)], []),
      asked('carol', ['ef'.repeat(32)], []),
      end
    ).violations
    assert.deepEqual(
      violation?.because.map(({ type }) => type),
      ['sending', 'fault', 'sent', 'fault', 'asked']
    )
    assert.deepEqual(violation.because.at(-1), { atMs: 70, ...asked('carol', [key], []) })
    assert.equal(violation.atMs, 90)
  })

  it('says a broken invariant once, and knows what is still awaited', () => {
    const checks = judge(sending, sent, shownTo('carol', 0), shownTo('carol', 0), put)
    assert.deepEqual([checks.violations.length, checks.outstanding, checks.away], [1, [0], [0]])
    const kept = judge(asked('bob', [], [key]), asked('carol', [key], []))
    assert.deepEqual([kept.isKept, [...kept.released]], [true, [key]])
    assert.equal(judge(asked('bob', [], [key]), asked('bob', [], [key])).isKept, false)
  })
})

describe('the plan of a torture', () => {
  const members = nameMembers({ pods: 2, people: 4, seeds: 6 })
  const faults: Fault['do'][] = ['kill', 'stop', 'pause', 'split', 'slow', 'disk-full', 'wipe']
  const planOf = (seed: string) => makePlan({ seed, lengthMs: 3_600_000, members, faults })
  const plan = planOf('a')
  const of = <K extends Planned['do']>(kind: K) =>
    plan.filter((one): one is Extract<Planned, { do: K }> => one.do === kind)

  it('is the same for the same seed, and another for another', () => {
    assert.deepEqual(planOf('a'), plan)
    assert.notDeepEqual(planOf('b'), plan)
    // Of the plan itself, so that it is the same on every machine and in every release.
    assert.deepEqual(plan.slice(0, 3), planOf('a').slice(0, 3))
  })

  it('has every kind of fault and work, in order', () => {
    for (const kind of [...faults, 'send', 'read', 'retract', 'put', 'get'] as const)
      assert(of(kind).length > 5, kind)
    assert.deepEqual(
      plan,
      plan.toSorted((a, b) => a.atMs - b.atMs)
    )
    for (const { letter, from, to } of of('send')) {
      assert.notEqual(from, to, `letter ${letter}`)
      assert(members.people.includes(from) && members.people.includes(to))
    }
  })

  it('never takes more than a third of the nodes at once, and none of them twice', () => {
    const ends = new Map<string, number>()
    for (const one of plan.filter(isFault)) {
      assert(one.atMs + one.forMs <= 3_600_000)
      if (!('node' in one)) continue
      assert((ends.get(one.node) ?? 0) <= one.atMs, `${one.node} at ${one.atMs}`)
      ends.set(one.node, one.atMs + one.forMs)
      assert([...ends.values()].filter(endMs => endMs > one.atMs).length <= 4)
    }
    const wipes = of('wipe')
    for (const [i, { atMs, node }] of wipes.entries()) {
      assert(members.seeds.includes(node))
      if (i > 0) assert(atMs - wipes[i - 1]!.atMs >= 5 * 60_000)
    }
  })
})
