import assert from 'node:assert/strict'
import type { Wake } from '../../src/net/wakes.ts'
import { watchMachine } from '../../src/net/wakes.ts'
import { makeNode, nextEvent } from '../support/net-nodes.ts'

const hourMs = 3_600_000

/** A machine whose two clocks and addresses the test moves by itself. */
function machine() {
  let [wall, steady, at] = [1_800_000_000_000, 0, '192.0.2.1']
  const due: (() => void)[] = []
  const wakes: Wake[] = []
  const watching = watchMachine({
    clock: {
      now: () => wall,
      after(_, run) {
        due.push(run)
        return { [Symbol.dispose]: () => void due.splice(due.indexOf(run), 1) }
      }
    },
    onWake: wake => wakes.push(wake),
    steadyMs: () => steady,
    addresses: () => at,
    everyMs: 2_000
  })
  return {
    wakes,
    watching,
    due,
    /** The next look, after so much time by either clock. */
    look(wallMs: number, steadyMs = wallMs) {
      wall += wallMs
      steady += steadyMs
      due.shift()!()
    },
    moveTo(address: string) {
      at = address
    }
  }
}

describe('a machine that is watched', () => {
  it('says nothing while time goes on, also when it is a little late', () => {
    const { look, wakes } = machine()
    for (let i = 0; i < 100; i++) look(2_000 + (i % 4) * 1_000)
    assert.deepEqual(wakes, [])
  })

  it('slept when it was stopped, suspended, or its clock was set ahead', () => {
    const { look, wakes } = machine()
    look(60_000)
    look(hourMs, 2_000)
    look(2_000, 60_000)
    assert.deepEqual(
      wakes.map(({ type }) => type),
      ['slept', 'slept', 'slept']
    )
  })

  it('had its clock set back', () => {
    const { look, wakes } = machine()
    look(2_000 - hourMs, 2_000)
    look(2_000)
    assert.deepEqual(wakes, [{ type: 'set-back', ms: hourMs }])
  })

  it('moved, at the latest ten seconds after, and at once after a sleep', () => {
    const { look, moveTo, wakes } = machine()
    moveTo('198.51.100.7')
    for (let i = 0; i < 5; i++) look(2_000)
    moveTo('203.0.113.9')
    look(hourMs)
    assert.deepEqual(
      wakes.map(({ type }) => type),
      ['moved', 'slept', 'moved']
    )
  })

  it('is watched no more', () => {
    const { watching, due } = machine()
    watching[Symbol.dispose]()
    assert.deepEqual(due, [])
  })
})

describe('a node that wakes', () => {
  it('keeps the connections whose peer is there, and tells who listens', async () => {
    let steady = 0
    const steadyMs = () => (steady += steady === 0 ? 1 : hourMs)
    await using awake = await makeNode()
    await using sleeper = await makeNode({ machine: { steadyMs, everyMs: 50 } })
    const { promise, resolve } = Promise.withResolvers<Wake>()
    using _ = sleeper.onWake(resolve)
    const met = nextEvent(awake, 'connected', sleeper.self)
    await sleeper
      .request(awake.contact(), 'x', new Uint8Array(1), { timeoutMs: 5_000 })
      .catch(() => 0)
    await met
    assert.equal((await promise).type, 'slept')
    assert(sleeper.isConnected(awake.self) && awake.isConnected(sleeper.self))
  })
})
