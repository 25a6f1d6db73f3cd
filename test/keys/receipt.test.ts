import assert from 'node:assert/strict'
import { limits } from '../../src/base/limits.ts'
import { openReceipt, sealReceipt } from '../../src/keys/receipt.ts'
import { seal } from '../../src/keys/seal.ts'
import { verifyDetached } from '../../src/keys/sign.ts'
import { encodeAcceptance, receiptLabel } from '../../src/wire/receipt.ts'
import { dice, person } from '../support/client-world.ts'

const nowMs = Date.UTC(2026, 0, 1)
const acceptance = { key: dice.bytes(32), letter: dice.bytes(32), atMs: nowMs }

describe('a receipt', () => {
  const made = async () => {
    const [alice, bob] = [await person('alice'), await person('bob')]
    const sealed = await sealReceipt(acceptance, { from: bob, to: alice.certificate, nowMs })
    return { alice, bob, sealed }
  }

  it('is exactly 1 KiB, for its sender alone, and its signature holds by itself', async () => {
    const { alice, bob, sealed } = await made()
    assert.equal(sealed.byteLength, limits.receiptBytesMax)
    const { signature, verify, ...said } = await openReceipt(sealed, { reader: alice, nowMs })
    assert.deepEqual(said, acceptance)
    await verify(bob.certificate)
    const signed = encodeAcceptance(acceptance)
    await verifyDetached(bob.certificate, receiptLabel, signed, signature, nowMs)
    await assert.rejects(verify(alice.certificate), { code: 'SIGNATURE_INVALID' })
    const later = encodeAcceptance({ ...acceptance, atMs: nowMs + 1 })
    const forged = verifyDetached(bob.certificate, receiptLabel, later, signature, nowMs)
    await assert.rejects(forged, { code: 'SIGNATURE_INVALID' })
    await assert.rejects(openReceipt(sealed, { reader: bob, nowMs }), { code: 'SEAL_REFUSED' })
  })

  it('is not anything else that the reader signed and sealed', async () => {
    const { alice, bob } = await made()
    const options = { from: bob, to: alice.certificate, sizes: [1_024], nowMs }
    for (const plaintext of [encodeAcceptance(acceptance), new Uint8Array(), dice.bytes(80)]) {
      const sealed = await seal(plaintext, options)
      const opened = openReceipt(sealed, { reader: alice, nowMs })
      await assert.rejects(opened, { code: 'SIGNATURE_INVALID' })
    }
  })

  it('that is spoiled meets a named code', async () => {
    const { alice, sealed } = await made()
    for (let at = 0; at < sealed.byteLength; at += 37) {
      const spoiled = sealed.slice()
      spoiled[at]! ^= 1
      await assert.rejects(openReceipt(spoiled, { reader: alice, nowMs }), { code: 'SEAL_REFUSED' })
    }
  })
})
