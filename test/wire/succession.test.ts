import assert from 'node:assert/strict'
import fc from 'fast-check'
import { toHex } from '../../src/base/bytes.ts'
import { codeOf } from '../../src/base/errors.ts'
import { limits } from '../../src/base/limits.ts'
import { encodeCbor } from '../../src/wire/cbor.ts'
import {
  decodeSignedSuccession,
  encodeSignedSuccession,
  encodeSuccession,
  succeed,
  succeedAnswer,
  successionAnswer,
  successionRequest
} from '../../src/wire/succession.ts'
import { bytesOf, recordOf } from '../support/hostile-frames.ts'

const keyName = recordOf({
  fingerprint: fc.oneof(bytesOf(20), bytesOf(32)).map(toHex),
  pin: bytesOf(32).map(toHex)
})
const successions = recordOf({
  pod: fc.domain(),
  old: keyName,
  next: keyName,
  issuedMs: fc.maxSafeNat()
}).filter(({ old, next }) => old.pin !== next.pin)
const signatures = fc.uint8Array({ minLength: 1, maxLength: limits.signatureBytesMax })
const certificates = fc.uint8Array({ minLength: 1, maxLength: 200 })

describe('a succession on the wire', () => {
  it('reads what was written, with the exact bytes that were signed', () => {
    fc.assert(
      fc.property(successions, signatures, signatures, (succession, byOld, byNext) => {
        const successionBytes = new Uint8Array(encodeSuccession(succession))
        const frame = new Uint8Array(encodeSignedSuccession(successionBytes, byOld, byNext))
        assert.deepEqual(decodeSignedSuccession(frame), {
          ...{ succession, successionBytes, byOld, byNext }
        })
      })
    )
  })

  it('any bytes give a succession or one of two codes', () => {
    const example = encodeSignedSuccession(Uint8Array.of(1), Uint8Array.of(2), Uint8Array.of(3))
    const frames = fc.oneof(
      fc.uint8Array({ maxLength: 120 }),
      fc
        .uint8Array({ maxLength: 20 })
        .map(rest => Uint8Array.of(...example.subarray(0, 3), ...rest)),
      fc.constant(new Uint8Array(limits.signedSuccessionBytesMax + 1))
    )
    fc.assert(
      fc.property(frames, frame => {
        try {
          decodeSignedSuccession(frame)
        } catch (err) {
          assert.ok(['SUCCESSION_INVALID', 'WIRE_TOO_LARGE'].includes(codeOf(err)!))
        }
      }),
      { numRuns: 3000 }
    )
  })

  it('refuses another version, an empty pod, one key twice, and fields of other lengths', () => {
    const [key, other] = [new Uint8Array(32), new Uint8Array(32).fill(1)]
    const good = [1, 'pod', [new Uint8Array(20), key], [new Uint8Array(20), other], 1_000]
    const signed = (...fields: unknown[]) =>
      encodeSignedSuccession(encodeCbor(fields), Uint8Array.of(1), Uint8Array.of(2))
    const refused = (frame: Uint8Array) =>
      assert.throws(() => decodeSignedSuccession(frame), { code: 'SUCCESSION_INVALID' })
    assert.equal(decodeSignedSuccession(signed(...good)).succession.issuedMs, 1_000)
    refused(signed(...good.with(0, 2)))
    refused(signed(...good.with(1, '')))
    refused(signed(...good.with(1, 'x'.repeat(254))))
    refused(signed(...good.with(2, [new Uint8Array(21), key])))
    refused(signed(...good.with(2, [new Uint8Array(20), new Uint8Array(31)])))
    refused(signed(...good.with(3, [new Uint8Array(20), key])))
    refused(signed(...good, null))
    refused(encodeCbor([2, encodeCbor(good), Uint8Array.of(1), Uint8Array.of(2)]))
    refused(encodeCbor([1, encodeCbor(good), Uint8Array.of(1)]))
    const long = new Uint8Array(limits.signatureBytesMax + 1)
    refused(encodeCbor([1, encodeCbor(good), long, Uint8Array.of(2)]))
  })

  it('is asked for and answered as it was written', () => {
    fc.assert(
      fc.property(certificates, certificates, (certificate, succession) => {
        const both = { certificate, succession }
        for (const others of [[], [new Uint8Array(32), new Uint8Array(32).fill(1)]])
          assert.deepEqual(succeed.decode(succeed.encode({ ...both, others })), { ...both, others })
        assert.deepEqual(successionAnswer.decode(successionAnswer.encode(both)), both)
        const given = { names: ['alice', 'bob'], certificate, untilMs: 7 }
        assert.deepEqual(succeedAnswer.decode(succeedAnswer.encode(given)), given)
      })
    )
    assert.equal(successionAnswer.decode(successionAnswer.encode(null)), null)
    const asked = { name: 'alice', fingerprint: 'ab'.repeat(20) }
    assert.deepEqual(successionRequest.decode(successionRequest.encode(asked)), asked)
  })
})
