import assert from 'node:assert/strict'
import fc from 'fast-check'
import type { ErrorCode } from '../../../src/base/errors.ts'
import { MuttrError } from '../../../src/base/errors.ts'
import { limits } from '../../../src/base/limits.ts'
import type { Answer, LaneName } from '../../../src/net/channel/channel.ts'
import { channelLimits, Slots } from '../../../src/net/channel/channel.ts'
import type { Frame } from '../../../src/wire/channel.ts'
import { encodeFrame, packFrames } from '../../../src/wire/channel.ts'
import type { End } from '../../support/channel-pair.ts'
import { feed, greeting, makeEnd, makePair, settle, turn } from '../../support/channel-pair.ts'
import { fakeClock } from '../../support/fake-clock.ts'

const KiB = 1024
const soon = { timeoutMs: 10_000 }
const echo: Answer = async (_method, payload) => payload
const filled = (size: number) => new Uint8Array(size).fill(1)

const request = (id: number, size = 1): Frame => ({
  type: 'request',
  id,
  method: 'm',
  timeoutMs: 10_000,
  payload: filled(size)
})
const large = (id: number, sizeBytes = 9_000): Frame => ({
  type: 'large-request',
  id,
  method: 'm',
  timeoutMs: 10_000,
  sizeBytes
})
const chunk = (id: number, size: number): Frame => ({
  type: 'request-chunk',
  id,
  data: filled(size)
})

/** The end refused with one coded goodbye, and closed. */
function assertRefused(end: End, code: ErrorCode): void {
  assert.ok(end.closedBy instanceof MuttrError, 'closed with an error')
  assert.equal(end.closedBy.code, code)
  const goodbyes = end.control.frames.filter(f => f.type === 'goodbye')
  assert.equal(goodbyes.length, 1)
  assert.ok(goodbyes[0]?.type === 'goodbye' && goodbyes[0].code === code)
}

describe('a channel and a peer that breaks rules', () => {
  const broken: [string, ErrorCode, [LaneName, ...Frame[]][]][] = [
    ['asks before it greets', 'WIRE_MALFORMED', [['control', request(1)]]],
    ['greets twice', 'WIRE_MALFORMED', [['control', greeting, greeting]]],
    ['uses an id twice', 'WIRE_MALFORMED', [['control', greeting, request(1), request(1)]]],
    ['goes back in its ids', 'WIRE_MALFORMED', [['control', greeting, request(2), request(1)]]],
    [
      'uses an id on both lanes',
      'WIRE_MALFORMED',
      [
        ['control', greeting, request(5)],
        ['bulk', large(5)]
      ]
    ],
    ['puts a chunk on control', 'WIRE_MALFORMED', [['control', greeting, chunk(1, 1)]]],
    ['puts a small request on bulk', 'WIRE_MALFORMED', [['bulk', request(1)]]],
    ['sends a chunk of nothing', 'WIRE_MALFORMED', [['bulk', chunk(1, 1)]]],
    [
      'sends more than it announced',
      'WIRE_MALFORMED',
      [['bulk', large(1), chunk(1, 8_999), chunk(1, 2)]]
    ],
    ['goes on after its end', 'WIRE_MALFORMED', [['bulk', large(1), chunk(1, 9_000), chunk(1, 1)]]],
    [
      'answers what was not asked',
      'WIRE_MALFORMED',
      [['control', greeting, { type: 'answer', id: 1, payload: filled(1) }]]
    ],
    [
      'begins an answer that was not asked',
      'WIRE_MALFORMED',
      [['bulk', { type: 'large-answer', id: 1, sizeBytes: 9_000 }]]
    ],
    [
      'cancels what it never asked',
      'WIRE_MALFORMED',
      [['control', greeting, { type: 'cancel', id: 1 }]]
    ],
    [
      'gives credit for what was never sent',
      'LIMIT_EXCEEDED',
      [['control', greeting, { type: 'credit', bytes: limits.channelWindowBytesMax }]]
    ],
    [
      'begins more than it was granted',
      'LIMIT_EXCEEDED',
      [['bulk', large(1, 320 * KiB), large(2, 320 * KiB), large(3, 320 * KiB), large(4, 320 * KiB)]]
    ]
  ]
  for (const [what, code, sent] of broken)
    it(`${what}: ${code}`, async () => {
      const end = makeEnd({ clock: fakeClock() })
      end.channel.serve(() => new Promise(() => {}))
      for (const [lane, ...frames] of sent) feed(end, lane, ...frames)
      await turn()
      assertRefused(end, code)
      feed(end, 'control', request(9)) // what still arrives is of no consequence
    })

  it('a frame too long is refused by its length alone', () => {
    const end = makeEnd({ clock: fakeClock() })
    feed(end, 'control', greeting)
    end.channel.receive('control', new Uint8Array([0xff, 0xff]))
    assertRefused(end, 'WIRE_TOO_LARGE')
  })

  it('another version is named', () => {
    const end = makeEnd({ clock: fakeClock() })
    end.channel.receive('control', new Uint8Array([0, 3, 0x82, 0x00, 0x02]))
    assertRefused(end, 'WIRE_VERSION')
  })

  it('any bytes after the greeting: kept, or closed with one code; never an exception', async () => {
    const lane = fc.constantFrom<LaneName>('control', 'bulk')
    const valid = fc.constantFrom(request(1), large(2), chunk(2, 9_000), request(3, 5_000))
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 60 }),
      fc.tuple(valid, fc.nat(), fc.nat(7)).map(([frame, at, bit]) => {
        const packed = packFrames([encodeFrame(frame)])
        packed[at % packed.byteLength]! ^= 1 << bit
        return packed
      }),
      valid.map(frame => packFrames([encodeFrame(frame)]))
    )
    const property = fc.asyncProperty(
      fc.array(fc.tuple(lane, bytes), { maxLength: 12 }),
      async pieces => {
        const end = makeEnd({ clock: fakeClock() })
        end.channel.serve(echo)
        feed(end, 'control', greeting)
        for (const [where, piece] of pieces) end.channel.receive(where, piece)
        await turn()
        if (end.closedBy !== 'open')
          assert.ok(end.closedBy === undefined || end.closedBy instanceof MuttrError)
        end.channel.ended()
      }
    )
    await fc.assert(property, { numRuns: 300 })
  })
})

describe('a channel bounds what a peer costs', () => {
  it('a flood of requests: so many are held, so many run, the rest are refused', async () => {
    const end = makeEnd({ clock: fakeClock(), capacityBytes: 1 << 24 })
    let running = 0
    end.channel.serve(() => {
      running += 1
      return new Promise(() => {})
    })
    feed(end, 'control', greeting)
    for (let id = 1; id <= 500; id++) feed(end, 'control', request(id))
    await turn()
    const refused = end.control.frames.filter(f => f.type === 'failure')
    assert.equal(refused.length, 500 - channelLimits.inFlight)
    assert.ok(refused.every(f => f.type === 'failure' && f.code === 'LIMIT_EXCEEDED'))
    assert.equal(running, channelLimits.running)
    assert.equal(end.closedBy, 'open')
    end.channel.ended()
  })

  it('cancelled requests whose handlers go on count too', async () => {
    const end = makeEnd({ clock: fakeClock(), limits: { running: 1_000 } })
    let running = 0
    end.channel.serve(() => {
      running += 1
      return new Promise(() => {})
    })
    feed(end, 'control', greeting)
    for (let id = 1; id <= 500; id++) feed(end, 'control', request(id), { type: 'cancel', id })
    await turn()
    assert.ok(running <= 2 * channelLimits.inFlight, `${running} run`)
    end.channel.ended()
  })

  it('a peer that asks much and never reads is held to a few answers, then closed', async () => {
    const clock = fakeClock()
    const pair = makePair({ clock, limits: { running: 4 } })
    const { a, b } = pair
    let made = 0
    b.channel.serve(async () => {
      made += 1
      return filled(320 * KiB)
    })
    const asked = Array.from({ length: 64 }, () =>
      a.channel.request('get', filled(1), { timeoutMs: 300_000 })
    )
    const all = Promise.allSettled(asked)
    await pair.run('a')
    assert.equal(made, 4)
    assert.ok(b.bulk.heldBytes <= 2 * 65_536, `${b.bulk.heldBytes} bytes wait in the pipe`)
    for (let i = 0; i < 12; i++) {
      clock.advance(10_000)
      // It is deaf, not dead: it goes on talking.
      feed(b, 'control', { type: 'ping', nonce: i })
      await turn()
    }
    assertRefused(b, 'PEER_TIMEOUT')
    a.channel.ended()
    await all
  })

  it('who asks too much is told so late, and sends no more than its window meanwhile', async () => {
    const clock = fakeClock()
    const pair = makePair({ clock })
    let [asked, refused, others] = [0, 0, 0]
    pair.b.channel.serve(async method => {
      if (method === 'ping') return Uint8Array.of(1)
      asked += 1
      throw new MuttrError('LIMIT_EXCEEDED', 'slow down')
    })
    const soon = { timeoutMs: 60_000 }
    const flood = (): Promise<unknown> =>
      pair.a.channel.request('put', new Uint8Array(256 * 1024), soon).catch(() => {
        refused += 1
        return flood()
      })
    for (let i = 0; i < 16; i++) void flood()
    await pair.run()
    const window = Math.floor(channelLimits.windowBytes / (256 * 1024))
    assert.deepEqual([asked, refused], [window, 0])
    void pair.a.channel.request('ping', Uint8Array.of(1), soon).then(() => others++)
    await pair.run()
    assert.equal(others, 1)
    for (let second = 0; second < 2; second++) {
      clock.advance(500)
      await pair.run()
    }
    assert.deepEqual([asked, refused], [3 * window, 2 * window])
    pair.b.channel.ended()
    clock.advance(10_000)
  })

  it('many peers together get so many places, and nobody is left without', async () => {
    const slots = new Slots(10)
    const clock = fakeClock()
    const ends = Array.from({ length: 20 }, () => makeEnd({ clock, slots }))
    const running = new Map<End, (() => void)[]>()
    for (const end of ends) {
      const release: (() => void)[] = []
      running.set(end, release)
      end.channel.serve(() => new Promise(resolve => release.push(() => resolve(filled(1)))))
      feed(end, 'control', greeting)
      for (let id = 1; id <= 20; id++) feed(end, 'control', request(id))
    }
    await turn()
    const counts = () => [...running.values()].map(list => list.length)
    const total = () => counts().reduce((sum, n) => sum + n)
    assert.equal(total(), 20 * channelLimits.own + 10)
    assert.ok(counts().every(n => n >= channelLimits.own && n <= channelLimits.running))
    // Those who answer make room for those who wait, wherever they are.
    for (const release of running.get(ends[0]!)!.splice(0)) release()
    await turn()
    assert.ok(counts().some((n, i) => i > 0 && n > channelLimits.own))
    for (const end of ends) end.channel.ended()
    const fresh = makeEnd({ clock, slots })
    let started = 0
    fresh.channel.serve(() => {
      started += 1
      return new Promise(() => {})
    })
    feed(fresh, 'control', greeting)
    for (const release of [...running.values()].flat()) release()
    await turn()
    for (let id = 1; id <= 20; id++) feed(fresh, 'control', request(id))
    await turn()
    assert.equal(started, 12, 'all places came back')
    fresh.channel.ended()
  })

  it('a peer that never reads and has us write small frames for ever is closed', async () => {
    const end = makeEnd({ clock: fakeClock(), capacityBytes: 1 })
    feed(end, 'control', greeting)
    await turn()
    for (let i = 0; i < 100 && end.closedBy === 'open'; i++) {
      feed(
        end,
        'control',
        ...Array.from({ length: 1_000 }, (): Frame => ({ type: 'ping', nonce: i }))
      )
      await turn()
    }
    assert.ok(end.closedBy instanceof MuttrError)
    assert.equal(end.closedBy.code, 'LIMIT_EXCEEDED')
  })

  it('a slow handler holds one window of large requests, and the rest wait with the asker', async () => {
    const pair = makePair({ clock: fakeClock() })
    const { a, b } = pair
    const done: (() => void)[] = []
    b.channel.serve(async () => {
      await new Promise<void>(resolve => done.push(resolve))
      return filled(1)
    })
    const asked = Array.from({ length: 12 }, () =>
      a.channel.request('put', filled(256 * KiB), soon)
    )
    await pair.run()
    const begun = () => a.bulk.frames.filter(f => f.type === 'large-request').length
    assert.equal(begun(), Math.floor(channelLimits.windowBytes / (256 * KiB)))
    for (let i = 0; i < 12; i++) {
      await settle(() => done.length > i)
      done[i]!()
      await pair.run()
    }
    await Promise.all(asked)
    assert.equal(begun(), 12)
  })

  it('the asker itself is refused when too much waits for one peer', async () => {
    const end = makeEnd({ clock: fakeClock(), limits: { queued: 10, queuedBytes: 64 * KiB } })
    feed(end, 'control', greeting)
    const asked = Array.from({ length: 100 }, () => end.channel.request('x', filled(1), soon))
    await assert.rejects(asked[99]!, { code: 'LIMIT_EXCEEDED' })
    const many = end.channel.request('x', filled(64 * KiB), soon)
    await assert.rejects(many, { code: 'LIMIT_EXCEEDED' })
    const over = end.channel.request('x', filled(limits.payloadBytesMax + 1), soon)
    await assert.rejects(over, { code: 'WIRE_TOO_LARGE' })
    end.channel.ended()
    await Promise.allSettled(asked)
  })

  it('what crosses a refusal or a cancellation is ignored, and its credit comes back', async () => {
    const end = makeEnd({ clock: fakeClock() })
    feed(end, 'control', greeting)
    feed(end, 'bulk', large(1), chunk(1, 4_000))
    await turn()
    assert.ok(end.control.frames.some(f => f.type === 'failure' && f.code === 'METHOD_UNKNOWN'))
    feed(end, 'bulk', chunk(1, 5_000))
    end.channel.serve(() => new Promise(() => {}))
    feed(end, 'bulk', large(2), chunk(2, 1), { type: 'cancel', id: 2 }, chunk(2, 1))
    await turn()
    const back = end.control.frames.flatMap(f => (f.type === 'credit' ? [f.bytes] : []))
    assert.deepEqual(back, [9_000, 9_000])
    const control = new AbortController()
    const asked = end.channel.request('x', filled(1), { ...soon, signal: control.signal })
    control.abort()
    await assert.rejects(asked, { code: 'CANCELLED' })
    feed(end, 'bulk', { type: 'large-answer', id: 1, sizeBytes: 9_000 })
    feed(end, 'bulk', { type: 'answer-chunk', id: 1, data: filled(9_000) })
    feed(end, 'control', { type: 'failure', id: 1, code: 'INTERNAL', message: '' })
    await turn()
    assert.equal(end.control.frames.filter(f => f.type === 'credit').length, 3)
    assert.equal(end.closedBy, 'open')
    end.channel.ended()
  })
})
