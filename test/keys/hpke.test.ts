import assert from 'node:assert/strict'
import fc from 'fast-check'
import { hpkeOpen, hpkeOverheadBytes, hpkeSeal, makeHpkeKey } from '../../src/keys/hpke.ts'

describe('hpke', () => {
  const ikm = new Uint8Array(32).fill(1)
  const info = 'muttr notice 1'
  const refused = { code: 'NOTICE_INVALID' }

  it('makes the key of RFC 9180, A.1.1, from its key material', async () => {
    const rfc = Buffer.from(
      '6db9df30aa07dd42ee5e8181afdb977e538f5e1fec8a06223f33f7013e525037',
      'hex'
    )
    const { publicKey, secret } = await makeHpkeKey(rfc)
    assert.equal(
      Buffer.from(publicKey).toString('hex'),
      '3948cfe0ad1ddb695d780e59077195da6c56506b027329794ab02bca80815c4d'
    )
    assert.equal(
      Buffer.from(secret).toString('hex'),
      '4612c550263fc8ad58375df3f557aac531d26850903e55a9f23f21d8534e8ac8'
    )
  })

  it('opens what was sealed, for the same key and purpose only', async () => {
    const { publicKey, secret } = await makeHpkeKey(ikm)
    const other = await makeHpkeKey(new Uint8Array(32).fill(2))
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 1200 }), async plaintext => {
        const sealed = await hpkeSeal(publicKey, info, plaintext)
        assert.equal(sealed.byteLength, plaintext.byteLength + hpkeOverheadBytes)
        assert.deepEqual(await hpkeOpen(secret, info, sealed), plaintext)
        await assert.rejects(hpkeOpen(other.secret, info, sealed), refused)
        await assert.rejects(hpkeOpen(secret, 'muttr notice 2', sealed), refused)
      }),
      { numRuns: 50 }
    )
  })

  it('refuses any other bytes, and nothing else happens', async () => {
    const { publicKey, secret } = await makeHpkeKey(ikm)
    const sealed = await hpkeSeal(publicKey, info, new Uint8Array(20))
    await fc.assert(
      fc.asyncProperty(fc.nat({ max: sealed.byteLength * 8 - 1 }), async bit => {
        const flipped = sealed.slice()
        flipped[bit >> 3]! ^= 1 << (bit & 7)
        // X25519 ignores the top bit of a public key, HPKE does not.
        await assert.rejects(hpkeOpen(secret, info, flipped), refused)
        await assert.rejects(hpkeOpen(secret, info, sealed.subarray(0, bit >> 3)), refused)
      }),
      { numRuns: 100 }
    )
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 200 }), bytes =>
        assert.rejects(hpkeOpen(secret, info, bytes), refused)
      ),
      { numRuns: 100 }
    )
  })

  it('seals to no public key that is none', async () => {
    for (const bad of [new Uint8Array(31), new Uint8Array(33), new Uint8Array(32)])
      await assert.rejects(hpkeSeal(bad, info, ikm), { code: 'KEY_INVALID' })
    await assert.rejects(makeHpkeKey(new Uint8Array(31)))
  })
})
