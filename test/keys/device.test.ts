import assert from 'node:assert/strict'
import { limits } from '../../src/base/limits.ts'
import { makeDevice, makeStatement, verifyDevice, verifyStatement } from '../../src/keys/device.ts'
import type { Person } from '../../src/keys/person.ts'
import { makePerson } from '../../src/keys/person.ts'
import { signDetached } from '../../src/keys/sign.ts'
import { encodeSignedStatement, encodeStatement, statementLabel } from '../../src/wire/device.ts'
import { nowMs, personWith } from '../support/sealing.ts'

describe('device', () => {
  const device = makeDevice(new Uint8Array(32).fill(7))
  const bytes = Uint8Array.of(1, 2, 3)

  it('is made by its seed, signs, and is verified', () => {
    const again = makeDevice(new Uint8Array(32).fill(7))
    assert.deepEqual(again.publicKey, device.publicKey)
    assert.deepEqual(again.sign(bytes), device.sign(bytes))
    assert.equal(device.publicKey.byteLength, 32)
    assert.equal(device.sign(bytes).byteLength, 64)
    assert.ok(verifyDevice(device.publicKey, bytes, again.sign(bytes)))
    assert.throws(() => makeDevice(new Uint8Array(31)))
  })

  it('verifies nothing else, and never throws', () => {
    const signature = device.sign(bytes)
    const other = makeDevice(new Uint8Array(32).fill(8))
    assert.ok(!verifyDevice(other.publicKey, bytes, signature))
    assert.ok(!verifyDevice(device.publicKey, bytes.subarray(1), signature))
    for (const junk of [
      new Uint8Array(),
      new Uint8Array(32),
      new Uint8Array(64),
      new Uint8Array(64).fill(255)
    ]) {
      assert.ok(!verifyDevice(device.publicKey, bytes, junk))
      assert.ok(!verifyDevice(junk, bytes, signature))
    }
  })
})

describe('device statement', () => {
  const { publicKey: deviceKey } = makeDevice(new Uint8Array(32).fill(7))
  const peer = '12D3KooWGRUUmbAVDxrLqGMjZbcEu3jVGYhMBxT2n2CZ1H7Rcnjp'
  const untilMs = nowMs + limits.deviceLifeMsMax
  const about = { deviceKey, peer, pod: 'pod.test', nowMs, untilMs }
  const refused = { code: 'STATEMENT_INVALID' }
  let alice: Person
  let frame: Uint8Array
  before(async () => {
    alice = await makePerson({ name: 'Alice', nowMs })
    frame = await makeStatement(alice, about)
  })
  const verify = (at = nowMs, person = alice, bytes = frame) =>
    verifyStatement(bytes, { certificate: person.certificate, nowMs: at })

  it('says what it says until it ends', async () => {
    const { fingerprint, ...rest } = await verify()
    assert.equal(Buffer.from(fingerprint).toString('hex'), alice.certificate.fingerprint)
    assert.deepEqual(rest, { deviceKey, peer, pod: 'pod.test', issuedMs: nowMs, untilMs })
    await verify(untilMs - 1)
    await verify(nowMs - limits.clockSkewMs)
    await assert.rejects(verify(untilMs), refused)
    await assert.rejects(verify(nowMs - limits.clockSkewMs - 1000), refused)
  })

  it('lives at most 90 days', async () => {
    await assert.rejects(makeStatement(alice, { ...about, untilMs: untilMs + 1 }), refused)
    await assert.rejects(makeStatement(alice, { ...about, untilMs: nowMs }), refused)
    const fingerprint = Buffer.from(alice.certificate.fingerprint, 'hex')
    const long = encodeStatement({ ...about, fingerprint, issuedMs: nowMs, untilMs: untilMs + 1 })
    const signature = await signDetached(alice, statementLabel, long, nowMs)
    await assert.rejects(verify(nowMs, alice, encodeSignedStatement(long, signature)), refused)
  })

  it('is by the person it names', async () => {
    const mallory = await makePerson({ name: 'Mallory', nowMs })
    await assert.rejects(verify(nowMs, mallory), refused)
    const fingerprint = Buffer.from(alice.certificate.fingerprint, 'hex')
    const bytes = encodeStatement({ ...about, fingerprint, issuedMs: nowMs })
    for (const [by, label] of [
      [mallory, statementLabel],
      [alice, 'muttr other 1']
    ] as const) {
      const signature = await signDetached(by, label, bytes, nowMs)
      await assert.rejects(verify(nowMs, alice, encodeSignedStatement(bytes, signature)), refused)
    }
  })

  it('of a version 6 key names its longer fingerprint', async () => {
    const modern = await personWith({ type: 'curve25519' }, { v6Keys: true, aeadProtect: true })
    const made = await makeStatement(modern, about)
    assert.equal((await verify(nowMs, modern, made)).fingerprint.byteLength, 32)
  })

  it('is refused as anything else, with no other error', async () => {
    for (const junk of [
      new Uint8Array(),
      new Uint8Array(5000),
      frame.subarray(1),
      frame.subarray(0, -1)
    ])
      await assert.rejects(verify(nowMs, alice, junk), refused)
  })
})
