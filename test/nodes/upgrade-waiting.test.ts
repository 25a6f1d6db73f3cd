import assert from 'node:assert/strict'
import { getEventListeners } from 'node:events'
import { othersUpgraded, saysAlone } from '../../src/nodes/upgrade/waiting.ts'
import { fakeClock } from '../support/fake-clock.ts'

describe('waiting for another process that has the state of a pod for itself', () => {
  const clock = fakeClock()
  const { signal } = new AbortController()
  const waitFor = (looks: (string | undefined)[][], onLook = (_listeners: number) => {}) =>
    othersUpgraded({
      clock,
      signal,
      database: {
        async listeners() {
          onLook(getEventListeners(signal, 'abort').length)
          setImmediate(() => clock.advance(500))
          return looks.shift()!
        }
      }
    })

  it('goes on while it is there, whoever else is, and leaves nothing behind', async () => {
    const [alone, serving] = [saysAlone('muttr pod 2'), 'muttr pod 2']
    const listeners: number[] = []
    const looks = [[alone], [serving, alone], [alone, undefined], [serving, undefined], []]
    assert.equal(await waitFor(looks, count => listeners.push(count)), true)
    assert.deepEqual(listeners, [0, 0, 0, 0])
    assert.deepEqual(looks, [[]])
    assert.equal(await waitFor([[serving]]), false)
    assert.equal(getEventListeners(signal, 'abort').length, 0)
  })

  it('ends after an hour, and when nobody waits', async () => {
    const alone = [saysAlone('muttr pod 2')]
    const looks = Array.from({ length: 7_300 }, () => alone)
    await assert.rejects(waitFor(looks), { code: 'STATE_OLD' })
    const over = new AbortController()
    const waiting = othersUpgraded({
      ...{ clock, signal: over.signal, database: { listeners: async () => alone } },
      onWait: () => over.abort()
    })
    await assert.rejects(waiting, { code: 'CANCELLED' })
    assert.equal(getEventListeners(over.signal, 'abort').length, 0)
  })
})
