import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { toHex } from '../../src/base/bytes.ts'
import { limits } from '../../src/base/limits.ts'
import { sealSlip } from '../../src/client/compose.ts'
import { openSlip } from '../../src/client/open-letter.ts'
import { nowMs, personWith } from '../support/sealing.ts'

const alias = `${'a'.repeat(14)}@some-pod.example.org`

async function between(bits: number) {
  const options = { type: 'rsa', rsaBits: bits } as const
  const [from, reader] = await Promise.all([personWith(options), personWith(options)])
  const [letter, key] = [randomBytes(32), randomBytes(32)]
  const slip = await sealSlip({ from, alias, to: reader.certificate, letter, key, nowMs })
  return { from, reader, letter, key, slip }
}

describe('a slip', () => {
  it('fits between two RSA keys of 3,072 bits, which GnuPG made for years', async () => {
    const { from, reader, letter, key, slip } = await between(3_072)
    assert.equal(slip.byteLength, limits.slipBytes)
    const opened = await openSlip({ slip, key, address: null }, { reader, nowMs })
    assert.deepEqual([opened.alias, toHex(opened.letter)], [alias, toHex(letter)])
    await opened.signedBy(from.certificate)
    await assert.rejects(opened.signedBy(reader.certificate), { code: 'LETTER_FORGED' })
  })

  it('says so where two RSA keys are too large for it', async () => {
    await assert.rejects(between(4_096), { code: 'LETTER_TOO_LARGE', message: /RSA/ })
  })
})
