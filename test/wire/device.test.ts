import assert from 'node:assert/strict'
import fc from 'fast-check'
import { codeOf } from '../../src/base/errors.ts'
import { limits } from '../../src/base/limits.ts'
import { encodeCbor } from '../../src/wire/cbor.ts'
import {
  decodeSignedStatement,
  encodeSignedStatement,
  encodeStatement
} from '../../src/wire/device.ts'

const bytesOf = (length: number) => fc.uint8Array({ minLength: length, maxLength: length })
const statements = fc.record({
  fingerprint: fc.oneof(bytesOf(20), bytesOf(32)),
  deviceKey: bytesOf(32),
  peer: fc.string({ unit: 'grapheme-ascii', minLength: 1, maxLength: limits.peerIdCharsMax }),
  pod: fc.domain(),
  issuedMs: fc.nat({ max: 2 ** 31 }),
  lifeMs: fc.integer({ min: 1, max: limits.deviceLifeMsMax })
})
const signatures = fc.uint8Array({ minLength: 1, maxLength: limits.signatureBytesMax })

describe('device statement on the wire', () => {
  const refused = (frame: Uint8Array) =>
    assert.throws(() => decodeSignedStatement(frame), { code: 'STATEMENT_INVALID' })

  it('reads what was written, with the exact bytes that were signed', () => {
    fc.assert(
      fc.property(statements, signatures, ({ lifeMs, ...rest }, signature) => {
        const statement = { ...rest, untilMs: rest.issuedMs + lifeMs }
        const statementBytes = new Uint8Array(encodeStatement(statement))
        const frame = new Uint8Array(encodeSignedStatement(statementBytes, signature))
        const read = decodeSignedStatement(frame)
        assert.deepEqual(read, { statement, statementBytes, signature })
      })
    )
  })

  it('any bytes give a statement or one of two codes', () => {
    const example = encodeSignedStatement(Uint8Array.of(1), Uint8Array.of(2))
    const frames = fc.oneof(
      fc.uint8Array({ maxLength: 120 }),
      fc
        .uint8Array({ maxLength: 20 })
        .map(rest => Uint8Array.of(...example.subarray(0, 3), ...rest)),
      fc.constant(new Uint8Array(limits.deviceStatementBytesMax + 1))
    )
    fc.assert(
      fc.property(frames, frame => {
        try {
          decodeSignedStatement(frame)
        } catch (err) {
          assert.ok(['STATEMENT_INVALID', 'WIRE_TOO_LARGE'].includes(codeOf(err)!))
        }
      }),
      { numRuns: 3000 }
    )
  })

  it('refuses another version, another length of fingerprint, an empty name and a life over 90 days', () => {
    const good = [1, new Uint8Array(20), new Uint8Array(32), 'peer', 'pod', 1000, 2000]
    const signed = (...fields: unknown[]) =>
      encodeSignedStatement(encodeCbor(fields), Uint8Array.of(1))
    assert.equal(decodeSignedStatement(signed(...good)).statement.untilMs, 2000)
    refused(signed(...good.with(0, 2)))
    refused(signed(...good.with(1, new Uint8Array(21))))
    refused(signed(...good.with(2, new Uint8Array(31))))
    refused(signed(...good.with(3, '')))
    refused(signed(...good.with(4, 'x'.repeat(254))))
    refused(signed(...good.with(6, 1000)))
    refused(signed(...good.with(6, 1001 + limits.deviceLifeMsMax)))
    refused(signed(...good, null))
    refused(encodeCbor([2, encodeCbor(good), Uint8Array.of(1)]))
  })
})
