import assert from 'node:assert/strict'
import fc from 'fast-check'
import { sha256, toHex, utf8 } from '../../src/base/bytes.ts'
import { createLooks } from '../../src/client/requests/look.ts'
import type { PolicyRow, RequestRow } from '../../src/client/requests/rows.ts'
import {
  decodePolicy,
  decodeRequest,
  encodePolicy,
  encodeRequest
} from '../../src/client/requests/rows.ts'
import { Senders } from '../../src/client/requests/senders.ts'
import { bytesOf, hostile, recordOf } from '../support/hostile-frames.ts'

const print = fc.oneof(bytesOf(20), bytesOf(32)).map(toHex)
const name = fc.string({ minLength: 3, maxLength: 60 })
const some = (maxLength: number) => fc.uint8Array({ minLength: 1, maxLength })

const request: fc.Arbitrary<RequestRow> = recordOf({
  notice: recordOf({
    pod: name,
    key: bytesOf(32),
    sizeBytes: fc.integer({ min: 1, max: 262_144 }),
    expiryMs: fc.maxSafeNat(),
    slip: some(1_024),
    address: fc.option(bytesOf(32)),
    failures: fc.constant(0)
  }),
  alias: name,
  fingerprint: print,
  atMs: fc.maxSafeNat(),
  word: fc.constantFrom('unasked' as const, 'certified', 'unsaid'),
  certificate: fc.option(some(300)),
  accepted: fc.boolean()
})
const policy: fc.Arbitrary<PolicyRow> = recordOf({
  alias: name,
  policy: fc.constantFrom('pull' as const, 'ask', 'ignore'),
  fingerprint: fc.option(print),
  sinceMs: fc.maxSafeNat()
})

describe('requests on the disk', () => {
  it('come back, and meet any bytes with a value or HOME_DAMAGED', () => {
    fc.assert(
      fc.property(request, policy, (row, chosen) => {
        assert.deepEqual(decodeRequest(encodeRequest(row)), row)
        assert.deepEqual(decodePolicy(encodePolicy(chosen)), chosen)
      })
    )
    const codes = ['HOME_DAMAGED', 'WIRE_TOO_LARGE'] as const
    hostile({
      valid: request.map(row => new Uint8Array(encodeRequest(row))),
      read: bytes => new Uint8Array(encodeRequest(decodeRequest(bytes))),
      codes: [...codes]
    })
    hostile({
      valid: policy.map(row => new Uint8Array(encodePolicy(row))),
      read: bytes => new Uint8Array(encodePolicy(decodePolicy(bytes))),
      codes: [...codes]
    })
  })
})

describe('crowds of senders', () => {
  let made = 0
  const row = (alias: string, word: RequestRow['word']): RequestRow => ({
    notice: {
      ...{ pod: 'one.test', sizeBytes: 4_096, expiryMs: 1e12, address: null, failures: 0 },
      key: sha256(utf8(`key ${made}`)),
      slip: utf8(`slip ${made++}`)
    },
    ...{ alias, fingerprint: '00'.repeat(20), atMs: made, word, certificate: null, accepted: false }
  })
  /** Adds, and lets the crowd make room as the requests do. */
  function add(senders: Senders, alias: string, word: RequestRow['word']): void {
    senders.add(row(alias, word), false)
    for (let out = senders.surplus; out; out = senders.surplus) senders.remove(out)
  }
  const has = (senders: Senders, alias: string) => senders.ofAlias(alias).length > 0

  it('push out their own, and nobody for whom another pod vouches', () => {
    const senders = new Senders()
    add(senders, 'carol@three.test', 'certified')
    add(senders, 'dave@loud.test', 'unasked')
    for (let i = 0; i < 9_000; i++) add(senders, `a${i}@loud.test`, 'certified')
    for (let i = 0; i < 3_000; i++) add(senders, `b${i}@loud.test`, 'unasked')
    assert.equal(senders.size, 10_000)
    assert.ok(has(senders, 'carol@three.test'))
    assert.ok(has(senders, 'dave@loud.test'), 'a claim alone puts nobody into that crowd')
    assert.ok(!has(senders, 'a0@loud.test'), 'the oldest of the loudest goes first')
    assert.ok(has(senders, 'a8999@loud.test'))
    const [dave] = senders.ofAlias('dave@loud.test')
    senders.said(dave!, 'certified')
    for (let i = 0; i < 6_000; i++) add(senders, `c${i}@loud.test`, 'unasked')
    assert.equal(senders.size, 10_000)
    assert.ok(has(senders, 'carol@three.test'))
    assert.ok(has(senders, 'c5999@loud.test'))
  })
})

describe('looks', () => {
  const looksLike = createLooks(['alice@one.test', 'bob.m@two.example'])

  it('see through letters and digits of one shape, in name and hostname', () => {
    const alike = {
      'a1ice@one.test': 'alice@one.test',
      'aiice@0ne.test': 'alice@one.test',
      'alice@one.te5t': 'alice@one.test',
      'bobrn@two.example': 'bob.m@two.example',
      'bobm@tvvo.example': 'bob.m@two.example'
    }
    for (const [alias, known] of Object.entries(alike)) assert.equal(looksLike(alias), known, alias)
  })

  it('find nothing in the known ones, in other names, and in other pods of the same name', () => {
    for (const alias of ['alice@one.test', 'alicia@one.test', 'alice@two.test', 'alice@o.netest'])
      assert.equal(looksLike(alias), null, alias)
  })
})
