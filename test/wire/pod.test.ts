import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import fc from 'fast-check'
import { fromHex, toHex } from '../../src/base/bytes.ts'
import { limits } from '../../src/base/limits.ts'
import { along, alongBytesMax, pushAlong } from '../../src/wire/along.ts'
import { leaving } from '../../src/wire/leaving.ts'
import * as wire from '../../src/wire/pod.ts'
import type { PodStanding } from '../../src/wire/pod-standing.ts'
import { standing } from '../../src/wire/pod-standing.ts'
import type { Proof } from '../../src/wire/proof.ts'
import { decodeProof, encodeProof } from '../../src/wire/proof.ts'
import { report, reportKinds } from '../../src/wire/report.ts'
import { bytesOf, hostile, recordOf } from '../support/hostile-frames.ts'

const hash = bytesOf(32)
const some = (max: number): fc.Arbitrary<Uint8Array> =>
  fc.uint8Array({ minLength: 1, maxLength: Math.min(max, 300) })
const text = (max: number): fc.Arbitrary<string> =>
  fc.string({ minLength: 3, maxLength: Math.min(max, 40) })
const uint = fc.nat({ max: Number.MAX_SAFE_INTEGER })
const entries = fc
  .uniqueArray(fc.integer({ min: 1, max: 1_000_000 }), { maxLength: 8 })
  .chain(sequences =>
    fc.tuple(
      ...sequences
        .sort((a, b) => a - b)
        .map(sequence => some(60).map(frame => ({ sequence, frame })))
    )
  )

/** A codec of some value. */
interface Codec {
  encode(value: never): Uint8Array
  decode(frame: Uint8Array): unknown
}
const kinds: { name: string; codec: Codec; value: fc.Arbitrary<unknown> }[] = []
const kind = <T>(
  name: string,
  codec: { encode(value: T): Uint8Array; decode(frame: Uint8Array): T },
  value: fc.Arbitrary<T>
): void => void kinds.push({ name, codec, value })

kind('nothing', wire.nothing, fc.constant(undefined))
kind(
  'podRecord',
  wire.podRecord,
  recordOf({
    hostname: text(limits.hostnameCharsMax),
    peers: fc.array(text(limits.peerIdCharsMax), { minLength: 1, maxLength: wire.podPeersMax }),
    hpkeKey: hash,
    policy: fc.constantFrom(
      'open' as const,
      'invite' as const,
      'approval' as const,
      'closed' as const
    ),
    escrow: fc.boolean(),
    udp: fc.option(fc.integer({ min: 1, max: 65_535 })),
    former: fc.array(text(limits.hostnameCharsMax), { maxLength: wire.formerNamesMax }),
    sequence: uint,
    issuedMs: uint
  })
)
kind(
  'helloAnswer',
  wire.helloAnswer,
  recordOf({ record: some(1_024), signature: some(1_024), certificate: some(65_536) })
)
kind('challengeAnswer', wire.challengeAnswer, recordOf({ nonce: hash }))
kind(
  'identify',
  wire.identify,
  recordOf({ certificate: some(65_536), statement: some(2_000), timeMs: uint, answer: bytesOf(64) })
)
const standingOf = recordOf({
  suspended: fc.option(recordOf({ reason: text(100), untilMs: fc.option(uint) })),
  application: fc.option(
    recordOf({
      name: text(64),
      state: fc.constantFrom('waiting' as const, 'approved' as const, 'refused' as const),
      reason: text(100),
      untilMs: uint
    })
  )
})
kind(
  'identifyAnswer',
  wire.identifyAnswer,
  recordOf({ names: fc.array(text(64), { maxLength: 8 }), standing: standingOf })
)
kind(
  'report',
  report,
  recordOf({
    name: text(64),
    kind: fc.constantFrom(...reportKinds),
    text: text(100),
    letter: fc.option(hash)
  })
)
kind('standing', standing, standingOf)
kind('leaving', leaving, recordOf({ peers: fc.array(text(64), { maxLength: 16 }) }))
kind(
  'register',
  wire.register,
  recordOf({
    name: text(64),
    note: fc.option(text(100)),
    certificate: some(65_536),
    invite: fc.option(text(64), { nil: null })
  })
)
kind('registerAnswer', wire.registerAnswer, recordOf({ certificate: some(65_536), untilMs: uint }))
kind('aliasRequest', wire.aliasRequest, recordOf({ name: text(64) }))
kind(
  'directoryAnswer',
  wire.directoryAnswer,
  recordOf({
    alias: text(318),
    certificate: some(65_536),
    intro: hash,
    hpkeKey: hash,
    issuedMs: uint,
    validUntilMs: uint
  })
)
kind('lookupAnswer', wire.lookupAnswer, recordOf({ answer: some(300), signature: some(300) }))
kind('submit', wire.submit, recordOf({ notice: bytesOf(limits.noticeBytesMax) }))
kind('submitAnswer', wire.submitAnswer, recordOf({ atMs: uint, signature: bytesOf(64) }))
kind('cursor', wire.cursor, recordOf({ sequence: uint }))
kind('listenAnswer', wire.listenAnswer, recordOf({ from: uint, head: uint }))
kind(
  'playback',
  wire.playback,
  recordOf({ after: uint, limit: fc.integer({ min: 1, max: limits.playbackPageMax }) })
)
kind('page', wire.page, recordOf({ entries, through: uint }))
kind('push', wire.push, recordOf({ entries }))
kind('along', along, recordOf({ bytes: fc.nat({ max: limits.alongBlobBytesMax }) }))
kind(
  'pushAlong',
  pushAlong,
  recordOf({
    entries,
    blobs: fc.array(recordOf({ headerBytes: some(256), sealed: some(300) }), { maxLength: 64 })
  })
)

describe('/muttr/pod/1', () => {
  for (const { name, codec, value } of kinds) {
    const frames = value.map(v => codec.encode(v as never))
    it(`${name} comes back as it was`, () => {
      fc.assert(
        fc.property(value, v => assert.deepEqual(codec.decode(codec.encode(v as never)), v)),
        { numRuns: 50 }
      )
    })
    it(`${name} meets any bytes with a value or a coded error`, () => {
      hostile({
        valid: frames,
        read: bytes => codec.encode(codec.decode(bytes) as never),
        codes: ['WIRE_MALFORMED', 'WIRE_TOO_LARGE'],
        numRuns: 60
      })
      const huge = new Uint8Array(limits.payloadBytesMax).fill(0x80)
      assert.throws(() => codec.decode(huge), { code: 'WIRE_TOO_LARGE' })
    })
  }

  it('takes every field at its longest, within the largest payload', () => {
    const certificate = new Uint8Array(limits.certificateBytesMax)
    const frames: [Codec, unknown][] = [
      [
        wire.register,
        { name: 'x'.repeat(64), certificate, invite: 'x'.repeat(64), note: 'x'.repeat(1_000) }
      ],
      [
        wire.identify,
        { certificate, statement: new Uint8Array(8_192), timeMs: 1, answer: new Uint8Array(64) }
      ],
      [
        wire.directoryAnswer,
        {
          alias: 'x'.repeat(limits.fullAliasCharsMax),
          certificate,
          intro: new Uint8Array(32),
          hpkeKey: new Uint8Array(32),
          issuedMs: Number.MAX_SAFE_INTEGER,
          validUntilMs: Number.MAX_SAFE_INTEGER
        }
      ],
      [
        wire.page,
        {
          entries: Array.from({ length: limits.playbackPageMax }, (_, i) => ({
            sequence: Number.MAX_SAFE_INTEGER - 200 + i,
            frame: new Uint8Array(1_200)
          })),
          through: Number.MAX_SAFE_INTEGER
        }
      ]
    ]
    for (const [codec, value] of frames) {
      const frame = codec.encode(value as never)
      assert.ok(frame.byteLength <= limits.payloadBytesMax)
      assert.deepEqual(codec.decode(frame), value)
    }
    const oversized = {
      name: 'x',
      certificate: new Uint8Array(limits.certificateBytesMax + 1),
      invite: null,
      note: null
    }
    assert.throws(() => wire.register.decode(wire.register.encode(oversized)), {
      code: 'WIRE_MALFORMED'
    })
  })
})

describe('the pod vectors', () => {
  interface Vectors {
    record: {
      hostname: string
      peers: string[]
      hpkeKey: string
      policy: 'open'
      escrow: boolean
      udp: number | null
      sequence: number
      issuedMs: number
      frame: string
    }
    renamed: { hostname: string; former: string[]; frame: string }
    standing: PodStanding & { frame: string }
    leaving: { peers: string[]; frame: string }
    along: { bytes: number; frame: string }
    pushAlong: {
      entries: { sequence: number; notice: string }[]
      blobs: { header: string; sealed: string }[]
      frame: string
    }
    identify: {
      hostname: string
      pod: string
      self: string
      nonce: string
      timeMs: number
      statement: string
      signed: string
    }
    directory: {
      alias: string
      certificate: string
      intro: string
      hpkeKey: string
      issuedMs: number
      validUntilMs: number
      frame: string
    }
    invalid: { what: string; why: string; frame: string }[]
  }
  const raw = (hex: string): Uint8Array => fromHex(hex, hex.length / 2)!
  let vectors: Vectors

  before(async () => {
    const file = new URL('../vectors/pod.json', import.meta.url)
    vectors = JSON.parse(await readFile(file, 'utf8')) as Vectors
  })

  it('hold', () => {
    const { record, identify, directory } = vectors
    assert.equal(
      toHex(wire.podRecord.encode({ ...record, former: [], hpkeKey: raw(record.hpkeKey) })),
      record.frame
    )
    const { renamed } = vectors
    const renamedRecord = { ...record, ...renamed, hpkeKey: raw(record.hpkeKey) }
    assert.equal(toHex(wire.podRecord.encode(renamedRecord)), renamed.frame)
    assert.deepEqual(wire.podRecord.decode(raw(renamed.frame)).former, renamed.former)
    assert.equal(toHex(standing.encode(vectors.standing)), vectors.standing.frame)
    assert.equal(toHex(leaving.encode(vectors.leaving)), vectors.leaving.frame)
    assert.equal(toHex(along.encode(vectors.along)), vectors.along.frame)
    const pushed = {
      entries: vectors.pushAlong.entries.map(e => ({
        sequence: e.sequence,
        frame: raw(e.notice)
      })),
      blobs: vectors.pushAlong.blobs.map(b => ({
        headerBytes: raw(b.header),
        sealed: raw(b.sealed)
      }))
    }
    assert.equal(toHex(pushAlong.encode(pushed)), vectors.pushAlong.frame)
    const o = { ...identify, nonce: raw(identify.nonce), statement: raw(identify.statement) }
    assert.equal(toHex(wire.identifyBytes(o)), identify.signed)
    const answer = {
      ...directory,
      certificate: raw(directory.certificate),
      intro: raw(directory.intro),
      hpkeKey: raw(directory.hpkeKey)
    }
    assert.equal(toHex(wire.directoryAnswer.encode(answer)), directory.frame)
    for (const { what, why, frame } of vectors.invalid) {
      const { codec } = kinds.find(k => k.name === what)!
      assert.throws(() => codec.decode(raw(frame)), { code: 'WIRE_MALFORMED' }, why)
    }
  })
})

describe('a pod record', () => {
  it('of as many processes as there may be is kept as evidence', () => {
    const hostname = 'x'.repeat(limits.hostnameCharsMax)
    const record = wire.podRecord.encode({
      ...{ hostname, peers: Array.from({ length: wire.podPeersMax }, () => 'p'.repeat(64)) },
      ...{ hpkeKey: new Uint8Array(32), policy: 'approval', escrow: true, udp: 65_535 },
      former: Array.from({ length: wire.formerNamesMax }, () => hostname),
      ...{ sequence: Number.MAX_SAFE_INTEGER, issuedMs: Number.MAX_SAFE_INTEGER }
    })
    const signed = { signature: new Uint8Array(64), certificate: new Uint8Array(600) }
    const announced = {
      ...{ pod: hostname, peer: new Uint8Array(32), notice: new Uint8Array(32), atMs: 1 },
      ...{ signature: new Uint8Array(64), papers: { record, ...signed } }
    }
    const proof: Proof = {
      ...{ letter: new Uint8Array(32), to: 'a@b', fingerprint: null },
      ...{ header: new Uint8Array(100), copies: [], announced, tombstone: null },
      ...{ released: [], accepted: null, asked: null }
    }
    assert.deepEqual(decodeProof(encodeProof(proof)).announced?.papers?.record, record)
  })
})

describe('blobs along with a push', () => {
  const headerBytes = Uint8Array.of(1)
  const of = (...sizes: number[]) =>
    pushAlong.encode({
      entries: [],
      blobs: sizes.map(size => ({ headerBytes, sealed: new Uint8Array(size) }))
    })
  const largest = limits.alongBlobBytesMax

  it('are so many bytes together and no more', () => {
    assert.equal(alongBytesMax, 4 * largest)
    assert.equal(pushAlong.decode(of(largest, largest, largest, largest)).blobs.length, 4)
    for (const sizes of [[largest + 1], [largest, largest, largest, largest, 1]])
      assert.throws(() => pushAlong.decode(of(...sizes)), { code: 'WIRE_MALFORMED' })
  })
})
