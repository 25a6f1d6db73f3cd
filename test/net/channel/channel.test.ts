import assert from 'node:assert/strict'
import fc from 'fast-check'
import { MuttrError } from '../../../src/base/errors.ts'
import type { Answer } from '../../../src/net/channel/channel.ts'
import { feed, greeting, makeEnd, makePair, turn } from '../../support/channel-pair.ts'
import { fakeClock } from '../../support/fake-clock.ts'

const KiB = 1024
const soon = { timeoutMs: 10_000 }
const echo: Answer = async (_method, payload) => payload
const filled = (size: number, fill = 1) => new Uint8Array(size).fill(fill)
const never: Answer = () => new Promise(() => {})

describe('a channel', () => {
  it('carries requests of any size both ways, however the bytes are cut', async () => {
    const size = fc.oneof(
      fc.nat(40),
      fc.constantFrom(8 * KiB, 8 * KiB + 1, 16 * KiB, 48 * KiB + 5, 320 * KiB)
    )
    const property = fc.asyncProperty(
      fc.array(size, { minLength: 1, maxLength: 6 }),
      fc.array(size, { maxLength: 6 }),
      fc.array(fc.integer({ min: 1, max: 70_000 }), { minLength: 1 }),
      fc.boolean(),
      async (there, back, cuts, single) => {
        let next = 0
        const pair = makePair({ clock: fakeClock(), single }, () => cuts[next++ % cuts.length]!)
        const { a, b } = pair
        a.channel.serve(echo)
        b.channel.serve(echo)
        const ask = (channel: typeof a.channel, sizes: number[]) =>
          Promise.all(
            sizes.map(async (bytes, i) => {
              const answer = await channel.request('echo', filled(bytes, i), soon)
              assert.deepEqual(answer, filled(bytes, i))
            })
          )
        const asked = Promise.all([ask(a.channel, there), ask(b.channel, back)])
        await pair.run()
        await asked
        assert.ok(!a.channel.busy && !b.channel.busy)
      }
    )
    await fc.assert(property, { numRuns: 25 })
  })

  it('tells the asker why, and keeps our own mistakes to ourselves', async () => {
    const pair = makePair({ clock: fakeClock() })
    const { a, b } = pair
    const unserved = a.channel.request('x', filled(1), soon)
    await Promise.all([pair.run(), assert.rejects(unserved, { code: 'METHOD_UNKNOWN' })])
    b.channel.serve(async method => {
      if (method === 'refuse') throw new MuttrError('STORE_FULL', 'no room')
      throw new TypeError('a secret of ours')
    })
    const refused = a.channel.request('refuse', filled(1), soon)
    const broken = a.channel.request('break', filled(9_000), soon)
    await Promise.all([
      pair.run(),
      assert.rejects(refused, { code: 'STORE_FULL', message: 'no room' }),
      assert.rejects(broken, ({ code, message }) => code === 'INTERNAL' && !/secret/.test(message))
    ])
    assert.equal(a.closedBy, 'open')
  })

  it('gives up at the deadline, and tells the handler', async () => {
    const clock = fakeClock()
    const pair = makePair({ clock })
    const { a, b } = pair
    const signals: AbortSignal[] = []
    b.channel.serve((_method, _payload, signal) => {
      signals.push(signal)
      return never('', filled(0), signal)
    })
    const late = assert.rejects(a.channel.request('slow', filled(1), { timeoutMs: 500 }), {
      code: 'PEER_TIMEOUT'
    })
    const large = assert.rejects(a.channel.request('slow', filled(20 * KiB), { timeoutMs: 500 }), {
      code: 'PEER_TIMEOUT'
    })
    await pair.run()
    assert.deepEqual(
      signals.map(signal => signal.aborted),
      [false, false]
    )
    clock.advance(500)
    await pair.run()
    await Promise.all([late, large])
    assert.deepEqual(
      signals.map(({ reason }) => (reason as MuttrError).code),
      ['PEER_TIMEOUT', 'PEER_TIMEOUT']
    )
    assert.ok(!b.channel.busy)
  })

  it('cancels at the handler what the asker cancels, wherever it stands', async () => {
    const pair = makePair({ clock: fakeClock() })
    const { a, b } = pair
    const signals: AbortSignal[] = []
    b.channel.serve((_method, _payload, signal) => {
      signals.push(signal)
      return never('', filled(0), signal)
    })
    const control = new AbortController()
    const options = { ...soon, signal: control.signal }
    const sizes = [1, 320 * KiB, 320 * KiB, 320 * KiB, 320 * KiB]
    const asked = sizes.map(size => a.channel.request('slow', filled(size), options))
    await pair.run()
    assert.equal(signals.length, 3, 'the window holds two of the largest')
    control.abort()
    await Promise.all(asked.map(p => assert.rejects(p, { code: 'CANCELLED' })))
    await pair.run()
    assert.ok(signals.every(signal => (signal.reason as MuttrError).code === 'CANCELLED'))
    assert.ok(!a.channel.busy && !b.channel.busy)
    await assert.rejects(a.channel.request('x', filled(1), options), { code: 'CANCELLED' })
  })

  it('ends all requests of both sides when a stream ends', async () => {
    const pair = makePair({ clock: fakeClock() })
    const { a, b } = pair
    const signals: AbortSignal[] = []
    b.channel.serve((_method, _payload, signal) => {
      signals.push(signal)
      return never('', filled(0), signal)
    })
    const asked = a.channel.request('slow', filled(1), soon)
    await pair.run()
    b.channel.ended()
    a.channel.ended()
    await assert.rejects(asked, { code: 'PEER_CLOSED' })
    assert.equal((signals[0]!.reason as MuttrError).code, 'PEER_CLOSED')
    await Promise.all([a.channel.closed, b.channel.closed])
    await assert.rejects(a.channel.request('x', filled(1), soon), { code: 'PEER_CLOSED' })
  })

  it('parts in peace: what is open is answered, nothing new is asked', async () => {
    const pair = makePair({ clock: fakeClock() })
    const { a, b } = pair
    const answer = Promise.withResolvers<Uint8Array>()
    b.channel.serve(() => answer.promise)
    a.channel.serve(echo)
    const asked = a.channel.request('slow', filled(1), soon)
    await pair.run()
    const left = b.channel.leave()
    const crossing = a.channel.request('slow', filled(1), soon)
    await pair.run()
    await assert.rejects(b.channel.request('x', filled(1), soon), { code: 'PEER_CLOSED' })
    await assert.rejects(a.channel.request('x', filled(1), soon), { code: 'PEER_CLOSED' })
    answer.resolve(filled(3))
    await pair.run()
    assert.deepEqual([await asked, await crossing], [filled(3), filled(3)])
    await left
    assert.deepEqual([a.closedBy, b.closedBy], [undefined, undefined])
  })

  it('leaves a peer that does not say goodbye', async () => {
    const clock = fakeClock()
    const end = makeEnd({ clock })
    feed(end, 'control', greeting)
    const left = end.channel.leave()
    clock.advance(5_000)
    await left
    assert.equal(end.closedBy, undefined)
  })

  it('lives while the peer answers heartbeats, and ends when it is silent', async () => {
    const clock = fakeClock()
    const pair = makePair({ clock })
    for (let i = 0; i < 60; i++) {
      clock.advance(10_000)
      await pair.run()
    }
    assert.deepEqual([pair.a.closedBy, pair.b.closedBy], ['open', 'open'])
    const beats = pair.a.control.frames.filter(({ type }) => type === 'ping').length
    assert.ok(beats > 0 && beats <= 31, `${beats} heartbeats in ten minutes`)
    const asked = pair.a.channel.request('x', filled(1), { timeoutMs: 300_000 })
    const refused = assert.rejects(asked, { code: 'PEER_CLOSED' })
    for (let i = 0; i < 8; i++) {
      clock.advance(10_000)
      await pair.run('b')
    }
    assert.ok(pair.b.closedBy instanceof MuttrError, 'the deaf side heard nothing')
    await refused
  })
})

describe('a channel is fair', () => {
  it('begun transfers send their chunks in turn, and small frames overtake them', async () => {
    const pair = makePair({ clock: fakeClock(), capacityBytes: 1 })
    const { a, b } = pair
    b.channel.serve(async method => filled(method === 'big' ? 80 * KiB : 1))
    const asked = ['big', 'big', 'small'].map(m => a.channel.request(m, filled(1), soon))
    await pair.run()
    await Promise.all(asked)
    const chunks = b.bulk.frames.flatMap(f => (f.type === 'answer-chunk' ? [f.id] : []))
    assert.deepEqual(chunks, [1, 2, 1, 2, 1, 2, 1, 2, 1, 2])
    assert.ok(b.control.frames.some(f => f.type === 'answer' && f.id === 3))
  })

  it('on one stream, an answer or heartbeat waits behind one batch of chunks at most', async () => {
    const pair = makePair({ clock: fakeClock(), single: true, capacityBytes: 1 })
    const { a, b } = pair
    b.channel.serve(async method => filled(method === 'big' ? 320 * KiB : 1))
    const big = a.channel.request('big', filled(1), soon)
    const small = a.channel.request('small', filled(1), soon)
    await pair.run()
    await Promise.all([big, small])
    const { frames } = b.control
    const before = frames.findIndex(f => f.type === 'answer')
    const chunks = frames.slice(0, before).filter(f => f.type === 'answer-chunk')
    assert.ok(chunks.length <= 4, `${chunks.length} chunks came first`)
  })

  it('what is sent in one turn leaves as one piece', async () => {
    const end = makeEnd({ clock: fakeClock() })
    await turn()
    feed(end, 'control', greeting)
    end.control.take()
    for (let i = 0; i < 20; i++) end.channel.request('x', filled(10), soon).catch(() => {})
    await turn()
    assert.equal(end.control.take().pieces.length, 1)
    end.channel.ended()
  })
})
