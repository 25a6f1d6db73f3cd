import assert from 'node:assert/strict'
import { readCertificate } from '../../src/keys/certificate.ts'
import { makePerson } from '../../src/keys/person.ts'
import {
  beforeRevocation,
  revocationCertificate,
  revocationOf,
  revoke,
  withRevocation
} from '../../src/keys/revoke.ts'
import { seal } from '../../src/keys/seal.ts'
import { openVault, sealVault } from '../../src/keys/vault.ts'

const nowMs = Date.UTC(2026, 0, 2)

describe('a revocation', () => {
  const made = makePerson({ name: 'alice', nowMs: nowMs - 86_400_000 })

  for (const reason of ['superseded', 'compromised', 'retired'] as const)
    it(`says that the key is ${reason}, and is read back`, async () => {
      const revoked = await readCertificate((await revoke(await made, reason, nowMs)).bytes)
      assert.equal(revoked.revoked, true)
      assert.equal(revoked.pin, (await made).certificate.pin)
      assert.deepEqual(await revocationOf(revoked), { reason, atMs: nowMs })
      assert.equal(await revocationOf((await made).certificate), null)
      const back = await beforeRevocation(revoked)
      assert.deepEqual(back.bytes, (await made).certificate.bytes)
    })

  it('leaves a key to which nothing is sealed', async () => {
    const to = await revoke(await made, 'retired', nowMs)
    const how = { from: await made, to, sizes: [1024], nowMs: nowMs + 60_000 }
    await assert.rejects(seal(new Uint8Array(10), how), { code: 'KEY_INVALID' })
  })

  it('can be made beforehand, and revokes this key alone', async () => {
    const armored = Buffer.from(await revocationCertificate(await made, nowMs))
    const person = await openVault(await sealVault(await made, null), null)
    const revoked = await withRevocation(person.certificate, armored)
    assert.deepEqual(await revocationOf(revoked), { reason: null, atMs: nowMs })
    const other = await makePerson({ name: 'alice', nowMs })
    await assert.rejects(withRevocation(other.certificate, armored), { code: 'KEY_INVALID' })
    for (const junk of ['', 'no armor', (await made).certificate.bytes])
      await assert.rejects(withRevocation(person.certificate, Buffer.from(junk)), {
        code: 'KEY_INVALID'
      })
  })

  it('counts as compromised when any of several says so', async () => {
    const first = await revoke(await made, 'retired', nowMs)
    const second = await revoke(await made, 'compromised', nowMs + 60_000)
    const revoked = await withRevocation(first, second.bytes)
    assert.equal((await revocationOf(revoked))?.reason, 'compromised')
  })
})
