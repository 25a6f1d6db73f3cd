import assert from 'node:assert/strict'
import fc from 'fast-check'
import { codeOf } from '../../src/base/errors.ts'
import { limits } from '../../src/base/limits.ts'
import type { Person } from '../../src/keys/person.ts'
import { makePerson } from '../../src/keys/person.ts'
import { offersIn, signDetached, verifyDetached } from '../../src/keys/sign.ts'
import { nowMs, personWith } from '../support/sealing.ts'

describe('detached signature', () => {
  const label = 'muttr test 1'
  const bytes = Uint8Array.of(1, 2, 3)
  let alice: Person
  let signature: Uint8Array
  before(async () => {
    alice = await makePerson({ name: 'Alice', nowMs })
    signature = await signDetached(alice, label, bytes, nowMs)
  })
  const verify = (change: {
    label?: string
    bytes?: Uint8Array
    signature?: Uint8Array
    nowMs?: number
    by?: Person
  }) => {
    const { by = alice } = change
    const a = { label, bytes, signature, nowMs, ...change }
    return verifyDetached(by.certificate, a.label, a.bytes, a.signature, a.nowMs)
  }
  const refused = { code: 'SIGNATURE_INVALID' }

  it('holds for these bytes under this label by this key, from then on', async () => {
    await verify({})
    await verify({ nowMs: nowMs + 86_400_000 })
    await verify({ nowMs: nowMs - limits.clockSkewMs })
    await assert.rejects(verify({ label: 'muttr test' }), refused)
    await assert.rejects(
      verify({ label: 'muttr test 1\0\x01', bytes: Uint8Array.of(2, 3) }),
      refused
    )
    await assert.rejects(verify({ bytes: Uint8Array.of(1, 2) }), refused)
    const early = { nowMs: nowMs - limits.clockSkewMs - 1000 }
    await assert.rejects(verify(early), { code: 'CLOCK_WRONG' })
    await assert.rejects(verify({ ...early, bytes: Uint8Array.of(1, 2) }), refused)
    await assert.rejects(verify({ by: await makePerson({ name: 'Bob', nowMs }) }), refused)
  })

  it('says what its signer offers, signed, to who looks, and holds for who does not', async () => {
    const offers = ['ports', 'thin']
    const offering = await signDetached(alice, label, bytes, nowMs, offers)
    await verify({ signature: offering })
    assert.deepEqual(await offersIn(offering), offers)
    assert.deepEqual(await offersIn(signature), [])
    const other = Buffer.from(offering)
    other[other.indexOf('thin')] = 'T'.charCodeAt(0)
    await assert.rejects(verify({ signature: other }), refused)
    const many = Array.from({ length: 20 }, (_, at) => `n${at}`)
    const odd = ['Thin', '', 'thin', 'thin', 'a'.repeat(17), ...many]
    const read = await offersIn(await signDetached(alice, label, bytes, nowMs, odd))
    assert.deepEqual(read, ['thin', ...many.slice(0, 15)])
  })

  it('is one, and no larger than it may be', async () => {
    await assert.rejects(verify({ signature: Buffer.concat([signature, signature]) }), refused)
    await assert.rejects(
      verify({ signature: new Uint8Array(limits.signatureBytesMax + 1) }),
      refused
    )
    const rsa = await personWith({ type: 'rsa', rsaBits: 4096 })
    await verify({ by: rsa, signature: await signDetached(rsa, label, bytes, nowMs) })
  })

  it('is refused as anything else, with no other error', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(0, 30, signature.byteLength),
        fc.uint8Array({ maxLength: 100 }),
        async (kept, rest) => {
          fc.pre(kept < signature.byteLength || rest.byteLength > 0)
          await assert.rejects(
            verify({ signature: Uint8Array.of(...signature.subarray(0, kept), ...rest) }),
            refused
          )
        }
      ),
      { numRuns: 300 }
    )
    await fc.assert(
      fc.asyncProperty(fc.nat({ max: signature.byteLength * 8 - 1 }), async bit => {
        const flipped = signature.slice()
        flipped[bit >> 3]! ^= 1 << (bit & 7)
        // What is not hashed (the lengths of numbers) may change; what was signed may not.
        await verify({ signature: flipped }).catch(err =>
          assert.equal(codeOf(err), 'SIGNATURE_INVALID')
        )
      }),
      { numRuns: 200 }
    )
  })

  it('is not made by a key that has expired', async () => {
    const brief = await personWith({ keyExpirationTime: 3600 })
    const made = await signDetached(brief, label, bytes, nowMs)
    await assert.rejects(signDetached(brief, label, bytes, nowMs + 7_200_000), {
      code: 'KEY_INVALID'
    })
    await verify({ by: brief, signature: made, nowMs: nowMs + 7_200_000 }) // made while the key was valid
  })
})
