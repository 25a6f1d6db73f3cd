import assert from 'node:assert/strict'
import * as openpgp from 'openpgp'
import { limits } from '../../src/base/limits.ts'
import { aliasUserId } from '../../src/keys/alias-user-id.ts'
import type { Certificate } from '../../src/keys/certificate.ts'
import { readCertificate } from '../../src/keys/certificate.ts'
import { certify, checkCertification } from '../../src/keys/certify.ts'
import type { Person } from '../../src/keys/person.ts'
import {
  addAlias,
  exportPerson,
  importPerson,
  makePerson,
  secretOf,
  withCertificate
} from '../../src/keys/person.ts'
import { open, seal } from '../../src/keys/seal.ts'
import { nowMs, personWith } from '../support/sealing.ts'

describe('person', () => {
  const alias = 'alice@pod.test'
  const lifeMs = 86_400_000
  let pod: Person
  let alice: Person
  before(async () => {
    pod = await makePerson({ name: 'pod.test', nowMs })
    alice = await makePerson({ name: 'Alice', nowMs })
  })
  const works = async (person: Person) => {
    const options = { from: person, to: person.certificate, sizes: limits.sealedSizes, nowMs }
    const opened = await open(await seal(new Uint8Array(3), options), { reader: person, nowMs })
    await opened.verify(person.certificate)
  }

  it('is made with a name people can read', async () => {
    for (const name of ['', ' a', 'a\nb', 'A <a@x.test>', 'x'.repeat(201), '\ud800'])
      await assert.rejects(makePerson({ name, nowMs }), { code: 'USAGE' })
    await assert.rejects(makePerson({ name: 'A', email: 'not one', nowMs }), { code: 'USAGE' })
    assert.deepEqual((await makePerson({ name: 'Ålice 🐢', nowMs })).certificate.userIds, [
      'Ålice 🐢'
    ])
  })

  it('goes out and comes back, with and without a passphrase', async () => {
    const open = await importPerson(Buffer.from(await exportPerson(alice)))
    assert.deepEqual(open.certificate, alice.certificate)
    const locked = Buffer.from(await exportPerson(alice, 'pass'))
    await assert.rejects(importPerson(locked), { code: 'PASSPHRASE_MISSING' })
    await assert.rejects(importPerson(locked, 'word'), { code: 'PASSPHRASE_WRONG' })
    await works(await importPerson(locked, 'pass'))
    await works(alice) // locking a copy has not locked the original
  })

  it('refuses what holds no secret key, or one that is not of the public key', async () => {
    const other = await makePerson({ name: 'Other', nowMs })
    for (const bytes of [
      alice.certificate.bytes,
      new Uint8Array(),
      Buffer.from('no key'),
      new Uint8Array(200_000)
    ])
      await assert.rejects(importPerson(bytes), { code: 'KEY_INVALID' })
    const mixed = await openpgp.readPrivateKey({ binaryKey: secretOf(alice).write() })
    const theirs = secretOf(other).keyPacket as openpgp.SecretKeyPacket
    ;(mixed.keyPacket as openpgp.SecretKeyPacket).privateParams = theirs.privateParams
    await assert.rejects(importPerson(mixed.write()), { code: 'KEY_INVALID' })
  })

  it('refuses a key whose primary secret is kept elsewhere', async () => {
    const key = await openpgp.readPrivateKey({ binaryKey: secretOf(alice).write() })
    ;(key.keyPacket as openpgp.SecretKeyPacket).makeDummy()
    await assert.rejects(importPerson(key.write()), { code: 'KEY_INVALID' })
  })

  it('gets an alias as a user id of its own, once', async () => {
    const named = await addAlias(alice, alias, nowMs)
    assert.deepEqual(named.certificate.userIds, ['Alice', aliasUserId(alias)])
    assert.equal(await addAlias(named, alias, nowMs), named)
    assert.deepEqual(await readCertificate(named.certificate.bytes), named.certificate)
    await works(named)
    for (const bad of ['alice', 'a@b@c', '@pod', 'a b@c', 'A <a@b>', ''])
      await assert.rejects(addAlias(alice, bad, nowMs), { code: 'ALIAS_INVALID' })
  })

  it('says the same of a key under its alias as under its name', async () => {
    const brief = await addAlias(await personWith({ keyExpirationTime: 3600 }), alias, nowMs + 1000)
    assert.equal(brief.certificate.expiresMs, nowMs + 3_600_000)
  })

  it('signs with a key that a machine made whose clock is ahead', async () => {
    const ahead = await makePerson({ name: 'Ahead', nowMs: nowMs + limits.clockSkewMs - 1000 })
    await works(await addAlias(ahead, alias, nowMs))
  })

  it('takes the newest certification of each pod over, and keeps it through export', async () => {
    let person = await addAlias(alice, alias, nowMs)
    for (const atMs of [nowMs, nowMs + 5000]) {
      const { certificate } = person
      const certified = await certify(pod, { certificate, alias, nowMs: atMs, lifeMs })
      person = await withCertificate(person, await readCertificate(certified.bytes))
    }
    const check = { alias, by: pod.certificate, nowMs }
    assert.deepEqual(await checkCertification(person.certificate, check), {
      untilMs: nowMs + 5000 + lifeMs
    })
    assert.equal(secretOf(person).users[1]!.otherCertifications.length, 1)
    const back = await importPerson(Buffer.from(await exportPerson(person)))
    await checkCertification(back.certificate, check)
    await works(person)
    await assert.rejects(withCertificate(person, pod.certificate), { code: 'KEY_INVALID' })
  })

  it('lets a pod speak for itself alone', async () => {
    const other = await makePerson({ name: 'other.test', nowMs })
    const named = await addAlias(alice, alias, nowMs)
    const certifiedBy = async (by: Person, certificate: Certificate, atMs: number) =>
      certify(by, { certificate, alias, nowMs: atMs, lifeMs })
    const first = await certifiedBy(other, named.certificate, nowMs)
    const person = await withCertificate(named, first, other.certificate)
    await checkCertification(person.certificate, { alias, by: other.certificate, nowMs })

    // The pod hands out the certificate with words of others, newer than those we have, or made up.
    const stranger = await makePerson({ name: 'stranger.test', nowMs })
    const newer = await certifiedBy(other, person.certificate, nowMs + 60_000)
    const strange = await certifiedBy(stranger, newer, nowMs)
    const shown = await certifiedBy(pod, strange, nowMs)
    const merged = await withCertificate(person, shown, pod.certificate)
    const words = secretOf(merged).users.find(user => user.userID?.userID === aliasUserId(alias))!
    assert.equal(words.otherCertifications.length, 2)
    await checkCertification(merged.certificate, { alias, by: pod.certificate, nowMs })
    const theirs = { alias, by: other.certificate, nowMs }
    assert.equal((await checkCertification(merged.certificate, theirs)).untilMs, nowMs + lifeMs)
    const none = { alias, by: stranger.certificate, nowMs }
    await assert.rejects(checkCertification(merged.certificate, none), {
      code: 'SIGNATURE_INVALID'
    })
  })
})
