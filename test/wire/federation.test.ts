import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { fromHex, toHex } from '../../src/base/bytes.ts'
import { limits } from '../../src/base/limits.ts'
import type { Codec } from '../../src/wire/codec.ts'
import type { QueueState } from '../../src/wire/federation.ts'
import * as wire from '../../src/wire/federation.ts'
import * as gossip from '../../src/wire/gossip.ts'
import * as ports from '../../src/wire/ports.ts'
import { bytesOf, hostile, recordOf } from '../support/hostile-frames.ts'

const hash = bytesOf(32)
const signature = bytesOf(64)
const notice = bytesOf(limits.noticeBytesMax)
const uint = fc.nat({ max: Number.MAX_SAFE_INTEGER })
const name = fc.string({ minLength: 1, maxLength: 40, unit: 'grapheme-ascii' })
const code = fc.constantFrom('POD_UNREACHABLE', 'OF_A_LATER_VERSION')
const hours = fc.integer({ min: 1, max: 10_000_000 }).map(n => n * limits.expiryStepMs)
const constant = <T extends string>(type: T) => fc.constant(type)
const state: fc.Arbitrary<QueueState> = fc.oneof(
  recordOf({
    type: constant('queued'),
    failures: fc.nat(65_535),
    nextMs: uint,
    code: fc.option(code, { nil: null })
  }),
  recordOf({ type: constant('accepted'), atMs: uint, signature, peer: name }),
  recordOf({ type: constant('refused'), code }),
  recordOf({ type: constant('expired') }),
  recordOf({ type: constant('unknown') })
)
const port = fc.integer({ min: 1, max: 65_535 })
const outcome = fc.constantFrom('open' as const, 'timeout' as const, 'certificate-name' as const)
const some = <T>(value: fc.Arbitrary<T>, minLength = 1) =>
  fc.array(value, { minLength, maxLength: 3 })

/** A codec of some value. */
interface Kind {
  codec: { encode(value: never): Uint8Array; decode(frame: Uint8Array): unknown }
  value: fc.Arbitrary<unknown>
}
const kind = <T>(codec: Codec<T>, value: fc.Arbitrary<T>): Kind => ({ codec, value })

const kinds: Record<string, Kind> = {
  queue: kind(
    wire.queueRequest,
    recordOf({ notice, hostname: name, pin: fc.option(hash, { nil: null }), expiryMs: hours })
  ),
  'queue-answer': kind(wire.queueAnswer, recordOf({ atMs: uint })),
  'queue-hashes': kind(wire.queueHashes, recordOf({ hashes: some(hash) })),
  'queue-states': kind(wire.queueStates, recordOf({ states: some(state) })),
  'queue-news': kind(wire.queueNews, recordOf({ news: some(recordOf({ hash, state })) })),
  'queue-papers': kind(wire.queuePapers, recordOf({ hostname: name })),
  summary: kind(
    gossip.podSummary,
    recordOf({
      ...{ hostname: name, pin: hash, atMs: uint, version: fc.constant('1.2.3') },
      state: fc.constantFrom('here' as const, 'leaving' as const),
      policy: fc.constantFrom('open' as const, 'approval' as const),
      federation: fc.constantFrom('open' as const, 'list' as const, 'closed' as const),
      load: fc.nat(3),
      capabilities: fc.array(fc.constantFrom('thin', 'udp'), { maxLength: 16 }),
      where: fc.array(name, { maxLength: 4 })
    })
  ),
  'signed-summary': kind(gossip.signedSummary, recordOf({ summary: hash, peer: name, signature })),
  gossip: kind(
    gossip.gossip,
    recordOf({
      summaries: fc.array(bytesOf(200), { maxLength: 3 }),
      known: fc.array(recordOf({ hostname: name, atMs: uint }), { maxLength: 3 })
    })
  ),
  'try-ports': kind(
    ports.tryPorts,
    recordOf({
      tcp: fc.option(port, { nil: null }),
      https: fc.option(name, { nil: null }),
      udp: fc.option(recordOf({ port, token: hash }), { nil: null })
    })
  ),
  'tried-ports': kind(
    ports.triedPorts,
    recordOf({
      at: fc.ipV4(),
      tcp: fc.option(outcome, { nil: null }),
      https: fc.option(recordOf({ outcome, shown: fc.option(bytesOf(20), { nil: null }) }), {
        nil: null
      }),
      udp: fc.option(fc.boolean(), { nil: null })
    })
  ),
  transfer: kind(wire.transfer, recordOf({ notices: some(notice) })),
  'transfer-answer': kind(
    wire.transferAnswer,
    recordOf({ atMs: uint, results: some(fc.oneof(signature, code)) })
  )
}

const vectors = JSON.parse(
  readFileSync(new URL('../vectors/federation.json', import.meta.url), 'utf8')
)
const bytes = (hex: string) => fromHex(hex, hex.length / 2)!

describe('notices between pods', () => {
  for (const [name, { codec, value }] of Object.entries(kinds)) {
    it(`${name} comes back as it was`, () => {
      fc.assert(
        fc.property(value, v => assert.deepEqual(codec.decode(codec.encode(v as never)), v)),
        { numRuns: 50 }
      )
    })

    it(`${name} meets any bytes with a value or a coded error`, () => {
      hostile({
        valid: value.map(v => codec.encode(v as never)),
        read: frame => codec.encode(codec.decode(frame) as never),
        codes: ['WIRE_MALFORMED', 'WIRE_TOO_LARGE'],
        numRuns: 60
      })
      const huge = new Uint8Array(limits.payloadBytesMax).fill(0x80)
      assert.throws(() => codec.decode(huge), { code: 'WIRE_TOO_LARGE' })
    })

    it(`${name} is as in the vectors`, () => {
      assert(vectors.valid[name].length > 0)
      for (const { frame } of vectors.valid[name])
        assert.equal(toHex(codec.encode(codec.decode(bytes(frame)) as never)), frame)
    })
  }

  it('that break their bounds are refused', () => {
    for (const { what, rule, frame } of vectors.invalid)
      assert.throws(() => kinds[rule]!.codec.decode(bytes(frame)), { code: 'WIRE_MALFORMED' }, what)
  })

  it('fit their largest', () => {
    const notices = Array.from({ length: limits.transferNoticesMax }, () => new Uint8Array(1_200))
    const frame = wire.transfer.encode({ notices })
    assert(frame.byteLength <= limits.payloadBytesMax && wire.transfer.decode(frame))
    const results = notices.map(() => new Uint8Array(64))
    assert(wire.transferAnswer.decode(wire.transferAnswer.encode({ atMs: 2 ** 52, results })))
    const longest: QueueState = {
      type: 'accepted',
      atMs: 2 ** 52,
      signature: new Uint8Array(64),
      peer: 'p'.repeat(limits.peerIdCharsMax)
    }
    const news = Array.from({ length: limits.queueAskMax }, () => ({
      hash: new Uint8Array(32),
      state: longest
    }))
    assert(wire.queueNews.decode(wire.queueNews.encode({ news })))
  })
})
