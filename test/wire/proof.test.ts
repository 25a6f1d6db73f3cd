import assert from 'node:assert/strict'
import fc from 'fast-check'
import { equalBytes } from '../../src/base/bytes.ts'
import { limits } from '../../src/base/limits.ts'
import type { AnnouncedWord, PodPapers, Proof } from '../../src/wire/proof.ts'
import { decodeProof, encodeProof } from '../../src/wire/proof.ts'
import { decodeAcceptance, encodeAcceptance } from '../../src/wire/receipt.ts'
import { bytesOf, hostile, recordOf } from '../support/hostile-frames.ts'

const some = (maxLength: number) => fc.uint8Array({ minLength: 1, maxLength })
const time = fc.maxSafeNat()
const small = fc.nat({ max: 255 })
const stored = { holder: bytesOf(32), atMs: time, signature: bytesOf(64) }

const whole: fc.Arbitrary<Proof> = recordOf<Proof>({
  letter: bytesOf(32),
  to: fc.string({ minLength: 3, maxLength: 40 }),
  fingerprint: fc.oneof(bytesOf(20), bytesOf(32)),
  header: some(256),
  copies: fc.array(recordOf(stored), { maxLength: 3 }),
  announced: fc.option(
    recordOf<AnnouncedWord>({
      pod: fc.string({ minLength: 1, maxLength: 40 }),
      peer: bytesOf(32),
      notice: bytesOf(32),
      atMs: time,
      signature: bytesOf(64),
      papers: fc.option(
        recordOf<PodPapers>({ record: some(90), signature: some(90), certificate: some(200) })
      )
    })
  ),
  tombstone: fc.option(some(200)),
  released: fc.array(recordOf({ ...stored, retract: fc.boolean(), accept: fc.boolean() }), {
    maxLength: 3
  }),
  accepted: fc.option(recordOf({ atMs: time, signature: some(90), certificate: some(200) })),
  asked: fc.option(recordOf({ atMs: time, answered: small, wanted: small, holders: small }))
})
const unsealed: Proof = {
  letter: new Uint8Array(32),
  to: 'bob@one.test',
  fingerprint: null,
  header: null,
  copies: [],
  announced: null,
  tombstone: null,
  released: [],
  accepted: null,
  asked: null
}

const refused = (p: Proof) =>
  assert.throws(() => decodeProof(encodeProof(p)), { code: 'PROOF_INVALID' })

describe('a proof', () => {
  it('comes back, in the one encoding of what it holds', () => {
    fc.assert(
      fc.property(whole, proof => {
        const file = encodeProof(proof)
        const read = decodeProof(file)
        assert.deepEqual(encodeProof(read), file)
        assert.deepEqual(read.announced, proof.announced)
        assert.deepEqual(read.accepted, proof.accepted)
        const shuffled = { ...proof, copies: proof.copies.toReversed() }
        assert.ok(equalBytes(encodeProof(shuffled), file))
      }),
      { numRuns: 60 }
    )
  })

  it('meets any bytes with a value or a named code', () => {
    hostile({
      valid: whole.map(encodeProof),
      read: bytes => encodeProof(decodeProof(bytes)),
      codes: ['PROOF_INVALID', 'WIRE_TOO_LARGE'],
      maxBytes: limits.proofBytesMax
    })
  })

  it('of a letter that was never sealed holds no evidence', () => {
    decodeProof(encodeProof(unsealed))
    const tombstone = new Uint8Array(5)
    refused({ ...unsealed, tombstone })
    refused({ ...unsealed, asked: { atMs: 1, answered: 1, wanted: 1, holders: 1 } })
  })

  it('names each holder once, and a reader where there is a receipt', () => {
    const copy = { holder: new Uint8Array(32), atMs: 1, signature: new Uint8Array(64) }
    refused({ ...unsealed, header: new Uint8Array(9), copies: [copy, copy] })
    const accepted = { atMs: 1, signature: new Uint8Array(9), certificate: new Uint8Array(9) }
    refused({ ...unsealed, header: new Uint8Array(9), accepted })
  })
})

describe('what a receipt signs', () => {
  it('meets any bytes with a value or a named code', () => {
    hostile({
      valid: recordOf({ key: bytesOf(32), letter: bytesOf(32), atMs: time }).map(encodeAcceptance),
      read: bytes => encodeAcceptance(decodeAcceptance(bytes)),
      codes: ['WIRE_MALFORMED', 'WIRE_TOO_LARGE'],
      maxBytes: 128
    })
  })
})
