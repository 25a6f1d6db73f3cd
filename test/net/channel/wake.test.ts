import assert from 'node:assert/strict'
import { MuttrError } from '../../../src/base/errors.ts'
import type { Millis } from '../../../src/base/ports.ts'
import { channelLimits } from '../../../src/net/channel/channel.ts'
import { makePair } from '../../support/channel-pair.ts'
import { fakeClock } from '../../support/fake-clock.ts'

const hourMs = 3_600_000

/** A clock whose wall can be set while its timers go on as before. */
function settableClock() {
  const steady = fakeClock()
  let offMs = 0
  return {
    now: () => steady.now() + offMs,
    after: steady.after,
    advance: steady.advance,
    set(byMs: Millis) {
      offMs += byMs
    }
  }
}

describe('a channel on a machine that slept', () => {
  for (const [what, byMs] of [
    ['a night', 8 * hourMs],
    ['an hour back', -hourMs]
  ] as const)
    it(`is kept after a jump of ${what}, when the peer is there`, async () => {
      const clock = settableClock()
      const pair = makePair({ clock })
      await pair.run()
      clock.set(byMs)
      for (let i = 0; i < 30; i++) {
        clock.advance(5_000)
        await pair.run()
      }
      assert.deepEqual([pair.a.closedBy, pair.b.closedBy], ['open', 'open'])
      assert(pair.a.channel.usedMs <= clock.now())
      for (let i = 0; i < 18; i++) {
        clock.advance(5_000)
        await pair.run('b')
      }
      assert(pair.b.closedBy instanceof MuttrError, 'silence still counts afterwards')
    })

  it('is taken for dead soon when the peer is gone, and not after a minute', async () => {
    const clock = settableClock()
    const pair = makePair({ clock })
    await pair.run()
    clock.set(8 * hourMs)
    pair.a.channel.probe()
    clock.advance(channelLimits.probeMs - 1)
    const before = pair.a.closedBy
    clock.advance(1)
    assert.equal(before, 'open')
    assert(pair.a.closedBy instanceof MuttrError)
  })

  it('is given more time after a short absence: others may be as busy as we are', async () => {
    const clock = settableClock()
    const pair = makePair({ clock })
    await pair.run()
    pair.a.channel.probe(10_000)
    clock.advance(channelLimits.heartbeatMs - 1)
    const before = pair.a.closedBy
    clock.advance(1)
    assert.equal(before, 'open')
    assert(pair.a.closedBy instanceof MuttrError)
  })

  it('is kept after a probe that was answered, and after one when there was no sleep at all', async () => {
    const clock = settableClock()
    const pair = makePair({ clock })
    await pair.run()
    for (let i = 0; i < 5; i++) {
      pair.a.channel.probe()
      await pair.run()
      clock.advance(channelLimits.probeMs + 1)
    }
    assert.equal(pair.a.closedBy, 'open')
    pair.a.channel.ended()
    pair.a.channel.probe()
    clock.advance(hourMs)
  })
})
