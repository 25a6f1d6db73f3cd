import assert from 'node:assert/strict'
import * as openpgp from 'openpgp'
import { utf8 } from '../../src/base/bytes.ts'
import { aliasUserId } from '../../src/keys/alias-user-id.ts'
import type { Certificate } from '../../src/keys/certificate.ts'
import { keyOf, readCertificate } from '../../src/keys/certificate.ts'
import { certify, checkCertification, sequenceNotation } from '../../src/keys/certify.ts'
import { makeSignature } from '../../src/keys/openpgp.ts'
import type { Person } from '../../src/keys/person.ts'
import { addAlias, makePerson, secretOf } from '../../src/keys/person.ts'
import { nowMs } from '../support/sealing.ts'

describe('certification of a user id', () => {
  const alias = 'alice@pod.test'
  const lifeMs = 30 * 86_400_000
  let pod: Person
  let other: Person
  let certificate: Certificate
  let certified: Certificate
  before(async () => {
    pod = await makePerson({ name: 'pod.test', nowMs: nowMs - 3_600_000 })
    other = await makePerson({ name: 'other.test', nowMs })
    certificate = (await addAlias(await makePerson({ name: 'Alice', nowMs }), alias, nowMs))
      .certificate
    certified = await certify(pod, { certificate, alias, nowMs, lifeMs })
  })
  const check = (c: Certificate, change: Partial<Parameters<typeof checkCertification>[1]> = {}) =>
    checkCertification(c, { alias, by: pod.certificate, nowMs, ...change })
  const certificationsOf = async (c: Certificate) =>
    (await keyOf(c)).users.find(user => user.userID?.userID === aliasUserId(alias))!
      .otherCertifications

  it('holds until it expires, also for who reads the certificate from bytes', async () => {
    for (const c of [certified, await readCertificate(certified.bytes)])
      assert.deepEqual(await check(c), { untilMs: nowMs + lifeMs })
    await check(certified, { nowMs: nowMs + lifeMs - 1000 })
    await assert.rejects(check(certified, { nowMs: nowMs + lifeMs }), { code: 'SIGNATURE_INVALID' })
  })

  it('is by the pod, of this user id, of this key, and not from the future', async () => {
    const refused = { code: 'SIGNATURE_INVALID' }
    await assert.rejects(check(certificate), refused)
    await assert.rejects(check(certified, { by: other.certificate }), refused)
    await assert.rejects(check(certified, { alias: 'Alice' }), refused)
    await assert.rejects(check(certified, { alias: 'nobody' }), refused)
    await assert.rejects(check(certified, { nowMs: nowMs - 600_000 }), { code: 'CLOCK_WRONG' })
    await check(certified, { nowMs: nowMs - 200_000 })
    const [signature] = await certificationsOf(certified)
    const mallory = await addAlias(await makePerson({ name: 'Mallory', nowMs }), alias, nowMs)
    const key = new openpgp.PublicKey((await keyOf(mallory.certificate)).toPacketList())
    key.users[1]!.otherCertifications = [signature!]
    await assert.rejects(check(await readCertificate(key.write())), refused)
  })

  it('is not by a revoked pod', async () => {
    const { publicKey } = await openpgp.revokeKey({
      key: secretOf(pod),
      date: new Date(nowMs),
      format: 'binary'
    })
    await assert.rejects(check(certified, { by: await readCertificate(publicKey) }), {
      code: 'SIGNATURE_INVALID'
    })
  })

  it('replaces the pod’s former one with a higher sequence, and leaves those of others', async () => {
    const both = await certify(other, { certificate: certified, alias, nowMs, lifeMs })
    const again = await certify(pod, {
      certificate: both,
      alias,
      nowMs: nowMs - 5000,
      lifeMs: 1000_000
    })
    const certifications = await certificationsOf(again)
    assert.equal(certifications.length, 2)
    assert.deepEqual(await check(again), { untilMs: nowMs - 5000 + 1000_000 })
    await check(again, { by: other.certificate })
    const sequence = certifications
      .at(-1)!
      .rawNotations.find(({ name }) => name === sequenceNotation)
    assert.deepEqual(sequence?.value, utf8(String(nowMs + 1)))
  })

  it('of several the highest sequence counts, whatever the order', async () => {
    const short = await certify(pod, { certificate: certified, alias, nowMs, lifeMs: 5000_000 })
    const signatures = [...(await certificationsOf(certified)), ...(await certificationsOf(short))]
    for (const order of [signatures, signatures.toReversed()]) {
      const key = new openpgp.PublicKey((await keyOf(certificate)).toPacketList())
      key.users[1]!.otherCertifications = order
      assert.deepEqual(await check(await readCertificate(key.write())), {
        untilMs: nowMs + 5000_000
      })
    }
  })

  it('does not count on from a sequence that somebody else wrote in its name', async () => {
    const key = new openpgp.PublicKey((await keyOf(certified)).toPacketList())
    const user = key.users[1]!
    const real = secretOf(pod).keyPacket
    const keyPacket = Object.create(secretOf(other).keyPacket, {
      getFingerprintBytes: { value: () => real.getFingerprintBytes() },
      getKeyID: { value: () => real.getKeyID() }
    })
    const mallory = { keyPacket } as openpgp.PrivateKey
    const data = { userID: user.userID, key: key.keyPacket }
    const { certGeneric } = openpgp.enums.signature
    const value = utf8('999999999999999')
    const rawNotations = [{ name: sequenceNotation, value, humanReadable: true, critical: false }]
    user.otherCertifications.push(
      await makeSignature(mallory, certGeneric, data, new Date(nowMs), { rawNotations })
    )
    const forged = await readCertificate(key.write())
    assert.equal((await certificationsOf(forged)).length, 2)
    assert.deepEqual(await check(forged), { untilMs: nowMs + lifeMs })
    const again = await certify(pod, { certificate: forged, alias, nowMs, lifeMs })
    const [only, ...rest] = await certificationsOf(again)
    assert.equal(rest.length, 0)
    const written = only!.rawNotations.find(({ name }) => name === sequenceNotation)
    assert.deepEqual(written?.value, utf8(String(nowMs + 1)))
  })

  it('is taken back by a revocation of the pod, until it certifies anew', async () => {
    const key = new openpgp.PublicKey((await keyOf(certified)).toPacketList())
    const user = key.users[1]!
    const data = { userID: user.userID, key: key.keyPacket }
    const { certRevocation } = openpgp.enums.signature
    const date = new Date(nowMs + 1000)
    user.revocationSignatures.push(await makeSignature(secretOf(pod), certRevocation, data, date))
    const revoked = await readCertificate(key.write())
    assert.ok(revoked.userIds.includes(aliasUserId(alias))) // only its owner takes a user id away
    await assert.rejects(check(revoked), { code: 'SIGNATURE_INVALID' })
    const anew = await certify(pod, { certificate: revoked, alias, nowMs: nowMs + 5000, lifeMs })
    await check(anew, { nowMs: nowMs + 5000 })
  })

  it('is not given for a name the key does not give itself, nor for the pod’s own key', async () => {
    const refused = { code: 'KEY_INVALID' }
    await assert.rejects(
      certify(pod, { certificate, alias: 'bob@pod.test', nowMs, lifeMs }),
      refused
    )
    const own = { certificate: pod.certificate, alias: 'pod.test', nowMs, lifeMs }
    await assert.rejects(certify(pod, own), refused)
  })
})
