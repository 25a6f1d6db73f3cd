import assert from 'node:assert/strict'
import fc from 'fast-check'
import { Traffic, Valve } from '../../../src/net/channel/traffic.ts'
import type { Pair } from '../../support/channel-pair.ts'
import { makePair } from '../../support/channel-pair.ts'
import type { FakeClock } from '../../support/fake-clock.ts'
import { fakeClock } from '../../support/fake-clock.ts'

const KiB = 1024
const rate = 100 * KiB
/** What may be saved up, and one more batch. */
const slack = 320 * KiB + 16 * KiB
const patient = { timeoutMs: 120_000 }

/** Lets `seconds` pass in small steps, and all move that may. */
async function pass(pair: Pair, clock: FakeClock, seconds: number): Promise<void> {
  for (let i = 0; i < 10 * seconds; i++) {
    clock.advance(100)
    await pair.run()
  }
}

describe('a cap on bandwidth', () => {
  it('lets through no more than was saved up and time allows, and lets all through in the end', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 1, max: 60_000 }), { maxLength: 60 }),
        fc.integer({ min: 10_000, max: 1_000_000 }),
        (sizes, bytesPerSecond) => {
          const clock = fakeClock()
          const startMs = clock.now()
          const valve = new Valve(clock, bytesPerSecond)
          let [gone, last] = [0, 0]
          const go = (size: number) => {
            last = size
            gone += size
            valve.spend(size)
            const allowed = Math.max(bytesPerSecond, 320 * KiB)
            const passedMs = clock.now() - startMs
            assert(gone - last <= allowed + (passedMs * bytesPerSecond) / 1_000 + 1)
          }
          let done = 0
          for (const size of sizes)
            valve.wait(() => {
              done += 1
              go(size)
            })
          clock.advance(10_000 + (sizes.reduce((a, b) => a + b, 0) / bytesPerSecond) * 2_000)
          assert.equal(done, sizes.length)
        }
      )
    )
  })

  it('holds what is sent, over all channels together, while small requests pass', async () => {
    const clock = fakeClock()
    const traffic = new Traffic(clock, { upBytesPerSecond: rate })
    const pairs = [makePair({ clock, traffic }), makePair({ clock, traffic })]
    const done: number[] = []
    const start = clock.now()
    for (const { a, b } of pairs) {
      b.channel.serve(async () => new Uint8Array(1))
      for (let i = 0; i < 4; i++)
        void a.channel
          .request('put', new Uint8Array(256 * KiB), patient)
          .then(() => done.push(clock.now() - start))
    }
    for (let second = 1; second <= 5; second++) {
      for (const pair of pairs) await pass(pair, clock, 0.5)
      assert(traffic.outBytes <= slack + rate * second + 64 * KiB, `${traffic.outBytes}`)
    }
    let pinged = false
    void pairs[0]!.a.channel.request('ping', new Uint8Array(16), patient).then(() => {
      pinged = true
    })
    await pairs[0]!.run()
    assert(pinged, 'a small request does not wait behind large ones')
    for (let i = 0; i < 40; i++) for (const pair of pairs) await pass(pair, clock, 0.5)
    assert.equal(done.length, 8)
    assert(done.at(-1)! >= (1_000 * (8 * 256 * KiB - slack)) / rate - 1_000)
  })

  it('gives a peer the time that its request waits here', async () => {
    const clock = fakeClock()
    const pair = makePair({ clock, traffic: new Traffic(clock, { upBytesPerSecond: rate }) })
    pair.b.channel.serve(async () => new Uint8Array(1))
    const seconds = { timeoutMs: 3_000 }
    const asked = Array.from({ length: 8 }, () =>
      pair.a.channel.request('put', new Uint8Array(256 * KiB), seconds)
    )
    const done = Promise.all(asked)
    await pass(pair, clock, 25)
    assert.equal((await done).length, 8)
    const silent = makePair({ clock, traffic: new Traffic(clock, { upBytesPerSecond: rate }) })
    silent.b.channel.serve(() => new Promise(() => {}))
    const given = silent.a.channel.request('put', new Uint8Array(256 * KiB), seconds)
    const refused = assert.rejects(given, { code: 'PEER_TIMEOUT' })
    await pass(silent, clock, 4)
    await refused
  })

  it('holds what is received, by giving credit late', async () => {
    const clock = fakeClock()
    const pair = makePair({ clock })
    const capped = makePair({ clock, traffic: new Traffic(clock, { downBytesPerSecond: rate }) })
    for (const [{ a, b }, isCapped] of [
      [pair, false],
      [capped, true]
    ] as const) {
      b.channel.serve(async () => new Uint8Array(1))
      let done = 0
      for (let i = 0; i < 8; i++)
        void a.channel.request('put', new Uint8Array(256 * KiB), patient).then(() => done++)
      await (isCapped ? capped : pair).run()
      if (!isCapped) assert.equal(done, 8)
      else {
        assert(done <= 3, `${done} at once`)
        await pass(capped, clock, 30)
        assert.equal(done, 8)
      }
    }
  })

  it('counts what goes in and out, also where there is no cap', async () => {
    const clock = fakeClock()
    const traffic = new Traffic(clock)
    const { a, b, run } = makePair({ clock, traffic })
    b.channel.serve(async () => new Uint8Array(20_000))
    const answer = a.channel.request('get', new Uint8Array(10), patient)
    await run()
    await answer
    assert.equal(traffic.inBytes, traffic.outBytes, 'both ends count in one here')
    assert(traffic.inBytes > 20_000 && traffic.inBytes < 21_000)
  })
})
