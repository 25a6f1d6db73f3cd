import assert from 'node:assert/strict'
import { limits } from '../../src/base/limits.ts'
import { readCertificate } from '../../src/keys/certificate.ts'
import { certify, checkCertification } from '../../src/keys/certify.ts'
import type { Person } from '../../src/keys/person.ts'
import { addAlias, exportPerson, importPerson, makePerson } from '../../src/keys/person.ts'
import { open, seal } from '../../src/keys/seal.ts'
import { addSubkey, dropSubkeys } from '../../src/keys/subkeys.ts'
import { openVault, sealVault } from '../../src/keys/vault.ts'
import { nowMs, personWith } from '../support/sealing.ts'

const dayMs = 86_400_000
const monthMs = 30 * dayMs

describe('subkeys', () => {
  let alice: Person
  let bob: Person
  before(async () => {
    alice = await makePerson({ name: 'Alice', nowMs })
    bob = await makePerson({ name: 'Bob', nowMs })
  })
  const sealed = (to: Person, atMs: number) =>
    seal(Uint8Array.of(7), {
      from: bob,
      to: to.certificate,
      sizes: limits.sealedSizes,
      nowMs: atMs
    })
  const reads = async (reader: Person, bytes: Uint8Array, atMs: number) =>
    (await open(bytes, { reader, nowMs: atMs })).plaintext

  it('are told of newest first, and the newest is what is sealed to', async () => {
    const old = await sealed(alice, nowMs)
    const later = await addSubkey(alice, nowMs + monthMs)
    assert.equal(later.certificate.fingerprint, alice.certificate.fingerprint)
    assert.equal(later.certificate.pin, alice.certificate.pin)
    const [newest, first] = later.certificate.subkeys
    assert.deepEqual(first, alice.certificate.subkeys[0])
    assert.equal(newest!.createdMs, nowMs + monthMs)
    const fresh = await sealed(later, nowMs + monthMs)
    assert.deepEqual(await reads(later, fresh, nowMs + monthMs), Uint8Array.of(7))
    assert.deepEqual(await reads(later, old, nowMs + monthMs), Uint8Array.of(7))
    await assert.rejects(reads(alice, fresh, nowMs + monthMs), { code: 'SEAL_REFUSED' })
    assert.deepEqual(await readCertificate(later.certificate.bytes), later.certificate)
  })

  it('that were dropped open nothing, in the vault neither', async () => {
    const old = await sealed(alice, nowMs)
    const later = await addSubkey(alice, nowMs + monthMs)
    const gone = new Set([alice.certificate.subkeys[0]!.fingerprint])
    const dropped = await dropSubkeys(later, gone)
    const kept = await openVault(await sealVault(dropped, null), null)
    for (const reader of [dropped, kept]) {
      await assert.rejects(reads(reader, old, nowMs + monthMs), { code: 'SEAL_REFUSED' })
      const fresh = await sealed(reader, nowMs + monthMs)
      assert.deepEqual(await reads(reader, fresh, nowMs + monthMs), Uint8Array.of(7))
    }
    assert.deepEqual(await reads(later, old, nowMs + monthMs), Uint8Array.of(7))
    const all = new Set(dropped.certificate.subkeys.map(s => s.fingerprint))
    await assert.rejects(dropSubkeys(dropped, all), { code: 'KEY_INVALID' })
  })

  it('made twice within a second are still one after the other', async () => {
    const twice = await addSubkey(await addSubkey(alice, nowMs), nowMs)
    const times = twice.certificate.subkeys.map(({ createdMs }) => createdMs)
    assert.deepEqual(times, [nowMs + 2000, nowMs + 1000, nowMs])
  })

  it('leave what a pod certified as it is, and go out with the secret key', async () => {
    const pod = await makePerson({ name: 'pod.test', nowMs })
    const alias = 'alice@pod.test'
    const named = await addAlias(alice, alias, nowMs)
    const later = await addSubkey(named, nowMs + monthMs)
    const certified = await certify(pod, {
      certificate: later.certificate,
      alias,
      nowMs,
      lifeMs: monthMs
    })
    assert.deepEqual(certified.subkeys, later.certificate.subkeys)
    await checkCertification(certified, { alias, by: pod.certificate, nowMs })
    const back = await importPerson(Buffer.from(await exportPerson(later)))
    assert.deepEqual(back.certificate, later.certificate)
  })

  it('are of Curve25519 under RSA too, and those that sign stay', async () => {
    const rsa = await personWith({ type: 'rsa', rsaBits: 2048, subkeys: [{ sign: true }, {}] })
    assert.equal(rsa.certificate.subkeys.length, 1)
    const later = await addSubkey(rsa, nowMs + monthMs)
    const gone = new Set(rsa.certificate.subkeys.map(s => s.fingerprint))
    const dropped = await dropSubkeys(later, gone)
    assert.equal(dropped.certificate.subkeys.length, 1)
    const fresh = await sealed(dropped, nowMs + monthMs)
    assert.deepEqual(await reads(dropped, fresh, nowMs + monthMs), Uint8Array.of(7))
    await assert.rejects(addSubkey(alice, nowMs - dayMs), { code: 'CLOCK_WRONG' })
  })
})
