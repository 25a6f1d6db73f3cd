import assert from 'node:assert/strict'
import fc from 'fast-check'
import * as openpgp from 'openpgp'
import { sha256, toHex } from '../../src/base/bytes.ts'
import { codeOf } from '../../src/base/errors.ts'
import { limits } from '../../src/base/limits.ts'
import type { Certificate } from '../../src/keys/certificate.ts'
import { armorCertificate, keyOf, readCertificate } from '../../src/keys/certificate.ts'
import { packet, tags, walkPackets } from '../../src/keys/packets.ts'
import type { Person } from '../../src/keys/person.ts'
import { addAlias, exportPerson, makePerson, secretOf } from '../../src/keys/person.ts'
import { nowMs, personWith } from '../support/sealing.ts'

describe('certificate', () => {
  let alice: Person
  let certificate: Certificate
  before(async () => {
    alice = await addAlias(
      await makePerson({ name: 'Alice', email: 'a@x.test', nowMs }),
      'alice@pod.test',
      nowMs
    )
    certificate = alice.certificate
  })
  const refused = (bytes: Uint8Array, message?: RegExp) =>
    assert.rejects(readCertificate(bytes), { code: 'KEY_INVALID', ...(message && { message }) })
  const rewritten = async (change: (packets: openpgp.PacketList<openpgp.AnyPacket>) => void) => {
    const packets = (await keyOf(await readCertificate(certificate.bytes))).toPacketList()
    change(packets as openpgp.PacketList<openpgp.AnyPacket>)
    return packets.write()
  }
  const indexOf = (packets: readonly openpgp.AnyPacket[], kind: new () => openpgp.AnyPacket) =>
    packets.findIndex(p => p instanceof kind)

  it('reads back what it says, binary and armored', async () => {
    const [primary] = walkPackets(certificate.bytes, 20)
    assert.equal(certificate.pin, toHex(sha256(primary!.head)))
    assert.match(certificate.fingerprint, /^[0-9a-f]{40}$/)
    assert.deepEqual(certificate.userIds, ['Alice <a@x.test>', 'alice <alice@pod.test>'])
    assert.equal(certificate.createdMs, nowMs)
    assert.equal(certificate.expiresMs, null)
    assert.equal(certificate.revoked, false)
    assert.deepEqual(await readCertificate(certificate.bytes), certificate)
    const armored = armorCertificate(certificate)
    assert.match(armored, /^-----BEGIN PGP PUBLIC KEY BLOCK-----/)
    for (const text of [armored, `Hello,\r\nmy key:\r\n${armored.replaceAll('\n', '\r\n')}\r\nbye`])
      assert.deepEqual(await readCertificate(Buffer.from(text)), certificate)
  })

  it('says when it expires and that it is revoked', async () => {
    const brief = await personWith({ keyExpirationTime: 3600 })
    assert.equal(brief.certificate.expiresMs, nowMs + 3_600_000)
    const { publicKey } = await openpgp.revokeKey({
      key: secretOf(alice),
      date: new Date(nowMs),
      format: 'binary'
    })
    const revoked = await readCertificate(publicKey)
    assert.equal(revoked.revoked, true)
    assert.equal(revoked.fingerprint, certificate.fingerprint)
  })

  it('a copy of a certificate works as the certificate', async () => {
    assert.equal((await keyOf({ ...certificate })).getFingerprint(), certificate.fingerprint)
    const other = { ...certificate, fingerprint: '00'.repeat(20) }
    await assert.rejects(keyOf(other), { code: 'KEY_INVALID' })
  })

  it('any bytes give a certificate or KEY_INVALID, and nothing else', async () => {
    const heads = fc.constantFrom(
      [],
      [...certificate.bytes.subarray(0, 53)],
      [...Buffer.from('-----BEGIN PGP PUBLIC KEY BLOCK-----\n\n')]
    )
    await fc.assert(
      fc.asyncProperty(heads, fc.uint8Array({ maxLength: 200 }), (head, rest) =>
        refused(Uint8Array.of(...head, ...rest))
      ),
      { numRuns: 500 }
    )
  })

  it('truncated or with a bit flipped it is refused, or has lost what was hit', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.nat({ max: certificate.bytes.byteLength * 8 - 1 }),
        fc.boolean(),
        async (bit, cut) => {
          const bytes = cut ? certificate.bytes.subarray(0, bit >> 3) : certificate.bytes.slice()
          if (!cut) bytes[bit >> 3]! ^= 1 << (bit & 7)
          try {
            const read = await readCertificate(bytes)
            assert.equal(read.fingerprint, certificate.fingerprint)
            for (const userId of read.userIds) assert.ok(certificate.userIds.includes(userId))
          } catch (err) {
            assert.equal(codeOf(err), 'KEY_INVALID')
          }
        }
      ),
      { numRuns: 300 }
    )
  })

  it('refuses secret keys, key rings and what is too large', async () => {
    await refused(secretOf(alice).write(), /secret key/)
    await refused(Buffer.from(await exportPerson(alice)))
    await refused(Buffer.concat([certificate.bytes, certificate.bytes]), /more than one/)
    await refused(new Uint8Array(limits.certificateBytesMax * 3), /size/)
    const padded = Buffer.concat([
      certificate.bytes,
      packet(tags.padding, new Uint8Array(limits.certificateBytesMax))
    ])
    await refused(padded, /65536/)
    await refused(new Uint8Array())
  })

  it('refuses a flooded certificate before it verifies anything in it', async () => {
    const flood = (kind: new () => openpgp.AnyPacket, count: number) =>
      rewritten(packets => {
        const at = indexOf(packets, kind)
        packets.splice(at, 0, ...Array.from({ length: count }, () => packets[at]!))
      })
    await refused(await flood(openpgp.UserIDPacket, limits.certificateUserIdsMax), /user ids/)
    await refused(await flood(openpgp.PublicSubkeyPacket, limits.certificateSubkeysMax), /subkeys/)
    await refused(
      await flood(openpgp.SignaturePacket, limits.certificateSignaturesMax),
      /signatures/
    )
  })

  it('takes out a user id and a subkey that the key did not sign', async () => {
    const mallory = await keyOf((await makePerson({ name: 'Mallory', nowMs })).certificate)
    const bytes = await rewritten(packets => {
      const theirs = mallory.toPacketList()
      packets.splice(indexOf(packets, openpgp.PublicSubkeyPacket), 0, theirs[1]!, theirs[2]!)
      packets.push(theirs.at(-2)!, theirs.at(-1)!)
    })
    const read = await readCertificate(bytes)
    assert.deepEqual(read, certificate)
    assert.equal((await keyOf(read)).subkeys.length, 1)
  })

  it('refuses a key without user id, without a key to seal to, and of slow algorithms', async () => {
    await refused(await rewritten(packets => packets.splice(1, 4)))
    await refused(await rewritten(packets => packets.splice(-2, 2)))
    const { publicKey } = await openpgp.generateKey({
      type: 'curve448',
      userIDs: [{ name: 'Slow' }],
      format: 'binary',
      config: { v6Keys: true }
    })
    await refused(publicKey, /algorithm/)
  })

  it('counts no signature over a hash that is slow with RSA', async () => {
    const config = { preferredHashAlgorithm: openpgp.enums.hash.sha224 }
    const { publicKey } = await openpgp.generateKey({
      type: 'rsa',
      rsaBits: 2048,
      userIDs: [{ name: 'Slow' }],
      format: 'binary',
      config
    })
    await refused(publicKey)
  })

  it('leaves out a user id that its owner revoked', async () => {
    const key = new openpgp.PrivateKey(secretOf(alice).toPacketList())
    key.users[1] = await key.users[1]!.revoke(
      key.keyPacket as openpgp.SecretKeyPacket,
      undefined,
      new Date(nowMs)
    )
    const read = await readCertificate(key.toPublic().write())
    assert.deepEqual(read.userIds, ['Alice <a@x.test>'])
  })
})
