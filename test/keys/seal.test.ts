import assert from 'node:assert/strict'
import fc from 'fast-check'
import * as openpgp from 'openpgp'
import { limits } from '../../src/base/limits.ts'
import { keyOf, readCertificate } from '../../src/keys/certificate.ts'
import { walkPackets } from '../../src/keys/packets.ts'
import type { Person } from '../../src/keys/person.ts'
import { importPerson, makePerson, secretOf } from '../../src/keys/person.ts'
import { open, seal } from '../../src/keys/seal.ts'
import { nowMs, oldPerson, personWith } from '../support/sealing.ts'

const sizes = limits.sealedSizes
const hourMs = 3_600_000

describe('seal and open', () => {
  let alice: Person
  let bob: Person
  let old: Person
  before(async () => {
    alice = await makePerson({ name: 'Alice', nowMs })
    bob = await makePerson({ name: 'Bob', nowMs })
    old = await oldPerson()
  })

  it('brings any plaintext to exactly the smallest size that fits, and back', async () => {
    const lengths = fc.oneof(fc.integer({ min: 0, max: 1100 }), fc.integer({ min: 0, max: 20_000 }))
    await fc.assert(
      fc.asyncProperty(lengths, fc.boolean(), async (length, isOld) => {
        const reader = isOld ? old : bob
        const plaintext = new Uint8Array(length).fill(length)
        const from = { from: alice, to: reader.certificate, nowMs }
        const sealed = await seal(plaintext, { ...from, sizes })
        const index = sizes.indexOf(sealed.byteLength as (typeof sizes)[number])
        assert.ok(index >= 0)
        if (index > 0)
          await assert.rejects(seal(plaintext, { ...from, sizes: sizes.slice(0, index) }), {
            code: 'LETTER_TOO_LARGE'
          })
        const opened = await open(sealed, { reader, nowMs })
        assert.deepEqual(opened.plaintext, plaintext)
        assert.equal(opened.issuer, alice.certificate.fingerprint)
        await opened.verify(alice.certificate)
      }),
      { numRuns: 120 }
    )
  })

  it('fills every size up to the last byte', async () => {
    for (const reader of [bob, old])
      for (let size = 700; size < 720; size++) {
        const sealed = await seal(new Uint8Array(100), {
          from: alice,
          to: reader.certificate,
          sizes: [size],
          nowMs
        })
        assert.equal(sealed.byteLength, size)
        await (await open(sealed, { reader, nowMs })).verify(alice.certificate)
      }
  })

  it('pads by more than a hundred thousand bytes', async () => {
    for (const reader of [bob, old])
      for (const length of [1, 70_000, 150_000]) {
        const plaintext = new Uint8Array(length)
        const options = { from: alice, to: reader.certificate, sizes: [256 * 1024], nowMs }
        const opened = await open(await seal(plaintext, options), { reader, nowMs })
        await opened.verify(alice.certificate)
        assert.deepEqual(opened.plaintext, plaintext)
      }
  })

  it('says what does not fit', async () => {
    const options = { from: alice, to: bob.certificate, sizes, nowMs }
    await assert.rejects(seal(new Uint8Array(256 * 1024 - 300), options), {
      code: 'LETTER_TOO_LARGE'
    })
    assert.equal((await seal(new Uint8Array(255 * 1024), options)).byteLength, 256 * 1024)
  })

  it('names nobody outside, and uses AES-256 in GCM between ourselves', async () => {
    const sealed = await seal(new Uint8Array(10), {
      from: alice,
      to: bob.certificate,
      sizes,
      nowMs
    })
    const [key, body] = walkPackets(sealed, 2)
    assert.deepEqual([...key!.head.subarray(0, 2)], [6, 0]) // version 6, no fingerprint
    assert.deepEqual([...body!.head.subarray(0, 3)], [2, 9, 3])
    for (const { certificate } of [alice, bob]) {
      const keys = (await keyOf(certificate)).getKeys()
      for (const k of keys)
        assert.ok(!Buffer.from(sealed).includes(Buffer.from(k.getKeyID().toHex(), 'hex')))
    }
  })

  it('opens nothing for another reader', async () => {
    const sealed = await seal(new Uint8Array(10), {
      from: alice,
      to: bob.certificate,
      sizes,
      nowMs
    })
    for (const reader of [alice, old])
      await assert.rejects(open(sealed, { reader, nowMs }), { code: 'SEAL_REFUSED' })
  })

  it('verifies nobody but who signed', async () => {
    const sealed = await seal(new Uint8Array(10), {
      from: alice,
      to: bob.certificate,
      sizes,
      nowMs
    })
    const opened = await open(sealed, { reader: bob, nowMs })
    for (const { certificate } of [bob, old])
      await assert.rejects(opened.verify(certificate), { code: 'SIGNATURE_INVALID' })
    await opened.verify(await readCertificate(alice.certificate.bytes))
  })

  it('allows clocks to differ by five minutes, not by more', async () => {
    const sealAt = (atMs: number) =>
      seal(new Uint8Array(10), { from: alice, to: bob.certificate, sizes, nowMs: atMs })
    const near = await open(await sealAt(nowMs + limits.clockSkewMs - 1000), { reader: bob, nowMs })
    await near.verify(alice.certificate)
    const far = await open(await sealAt(nowMs + limits.clockSkewMs + 2000), { reader: bob, nowMs })
    await assert.rejects(far.verify(alice.certificate), { code: 'CLOCK_WRONG' })
    await assert.rejects(far.verify(bob.certificate), { code: 'SIGNATURE_INVALID' })
    const { certificate } = await makePerson({
      name: 'Ahead',
      nowMs: nowMs + limits.clockSkewMs - 1000
    })
    await seal(new Uint8Array(10), { from: alice, to: certificate, sizes, nowMs })
  })

  it('opens and seals by a clock that is behind the keys, and signs by none such', async () => {
    const behindMs = nowMs - 10 * hourMs
    const to = bob.certificate
    const sealed = await seal(new Uint8Array(10), { from: alice, to, sizes, nowMs })
    const opened = await open(sealed, { reader: bob, nowMs: behindMs })
    assert.deepEqual(opened.plaintext, new Uint8Array(10))
    const young = await makePerson({ name: 'Young', nowMs: nowMs + 10 * hourMs })
    await seal(new Uint8Array(10), { from: alice, to: young.certificate, sizes, nowMs })
    await assert.rejects(seal(new Uint8Array(10), { from: young, to, sizes, nowMs }), {
      code: 'CLOCK_WRONG'
    })
  })

  it('does not seal to an expired or revoked key', async () => {
    const brief = await personWith({ keyExpirationTime: 3600 })
    const options = { from: alice, sizes }
    await seal(new Uint8Array(1), { ...options, to: brief.certificate, nowMs })
    await assert.rejects(
      seal(new Uint8Array(1), { ...options, to: brief.certificate, nowMs: nowMs + 2 * hourMs }),
      { code: 'KEY_INVALID' }
    )
    const { publicKey } = await openpgp.revokeKey({
      key: secretOf(brief),
      date: new Date(nowMs),
      format: 'binary'
    })
    const revoked = await readCertificate(publicKey)
    assert.equal(revoked.revoked, true)
    await assert.rejects(seal(new Uint8Array(1), { ...options, to: revoked, nowMs }), {
      code: 'KEY_INVALID'
    })
  })

  it('believes no key that was stolen, and an older letter of one that was superseded', async () => {
    const sealed = await seal(new Uint8Array(1), {
      from: alice,
      to: bob.certificate,
      sizes,
      nowMs: nowMs + hourMs
    })
    const revokedFor = async (flag: openpgp.enums.reasonForRevocation) => {
      const date = new Date(nowMs + 2 * hourMs)
      const reasonForRevocation = { flag, string: '' }
      const key = secretOf(alice)
      const options = { key, date, reasonForRevocation, format: 'binary' as const }
      return await readCertificate((await openpgp.revokeKey(options)).publicKey)
    }
    const opened = await open(sealed, { reader: bob, nowMs: nowMs + 3 * hourMs })
    const { keyCompromised, keySuperseded } = openpgp.enums.reasonForRevocation
    await assert.rejects(opened.verify(await revokedFor(keyCompromised)), {
      code: 'SIGNATURE_INVALID'
    })
    await opened.verify(await revokedFor(keySuperseded))
  })

  it('opens what was sealed to any of its subkeys, also after they expired', async () => {
    const subkeys = [{ keyExpirationTime: 3600 }, {}, { keyExpirationTime: 7200 }]
    const reader = await personWith({ subkeys }, { aeadProtect: true })
    const key = await keyOf(reader.certificate)
    for (const subkey of key.subkeys) {
      const message = await openpgp.createMessage({ binary: new Uint8Array(5) })
      const sealed = (await openpgp.encrypt({
        message,
        encryptionKeys: key,
        signingKeys: secretOf(alice),
        encryptionKeyIDs: subkey.getKeyID(),
        wildcard: true,
        format: 'binary',
        date: new Date(nowMs)
      })) as Uint8Array
      const opened = await open(sealed, { reader, nowMs: nowMs + 3 * hourMs })
      await opened.verify(alice.certificate)
    }
  })

  it('works with version 6 keys', async () => {
    const modern = await personWith({ type: 'curve25519' }, { v6Keys: true, aeadProtect: true })
    assert.equal(modern.certificate.fingerprint.length, 64)
    const sealed = await seal(new Uint8Array(10), {
      from: modern,
      to: modern.certificate,
      sizes,
      nowMs
    })
    assert.equal(sealed.byteLength, 1024)
    const opened = await open(sealed, { reader: modern, nowMs })
    assert.equal(opened.issuer, modern.certificate.fingerprint)
    await opened.verify(modern.certificate)
  })

  it('seals from and to RSA keys, whose packets vary in length', async () => {
    const rsa = await personWith({ type: 'rsa', rsaBits: 2048 })
    for (let i = 0; i < 8; i++) {
      const sealed = await seal(new Uint8Array(100), {
        from: rsa,
        to: rsa.certificate,
        sizes,
        nowMs
      })
      assert.equal(sealed.byteLength, 1024)
      await (await open(sealed, { reader: rsa, nowMs })).verify(rsa.certificate)
    }
    assert.ok(await importPerson(secretOf(rsa).write()))
  })
})
