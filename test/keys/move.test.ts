import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { fromHex } from '../../src/base/bytes.ts'
import type { Certificate } from '../../src/keys/certificate.ts'
import { openPgp } from '../../src/keys/crypto.ts'
import {
  countersign,
  makeMove,
  openMove,
  sealMove,
  verifyCountersigned,
  verifyMove
} from '../../src/keys/move.ts'
import { primaryFingerprint } from '../../src/keys/packets.ts'
import { makePerson } from '../../src/keys/person.ts'
import { revoke } from '../../src/keys/revoke.ts'
import { decodeSignedMove, movedAnswer } from '../../src/wire/move.ts'

const bytes = (text: string): Uint8Array => fromHex(text, text.length / 2)!

describe('a move', () => {
  const nowMs = Date.UTC(2026, 0, 2)
  const where = {
    fingerprint: 'ab'.repeat(20),
    peer: '12D3KooWDmL4wgAqCvVk2bPRq7oNWFezTLrgDsx1SKLewRxcBe4N',
    addresses: []
  }
  const about = { from: 'alice@one.test', to: 'alice@two.test', pod: where, sequence: 7, nowMs }

  it('holds as its key signed it, and after that key was superseded; not when it was lost or has another pin', async () => {
    const alice = await makePerson({ name: 'alice', nowMs: nowMs - 3_600_000 })
    const bob = await makePerson({ name: 'bob', nowMs: nowMs - 3_600_000 })
    const frame = await makeMove(alice, about)
    const key = alice.certificate
    const said = await verifyMove(frame, { key, nowMs })
    assert.deepEqual(
      [said.from, said.to, said.sequence, said.issuedMs],
      [about.from, about.to, 7, nowMs]
    )
    const superseded = await revoke(alice, 'superseded', nowMs)
    await verifyMove(frame, { key: superseded, nowMs })
    const invalid = { code: 'MOVE_INVALID' }
    const compromised = await revoke(alice, 'compromised', nowMs)
    const refused = (one: Certificate, shown = frame, atMs = nowMs) =>
      assert.rejects(verifyMove(shown, { key: one, nowMs: atMs }), invalid)
    await refused(compromised)
    await refused(bob.certificate)
    await refused({ ...key, pin: bob.certificate.pin })
    await refused(key, frame.with(frame.length - 1, frame.at(-1)! ^ 1))
    await assert.rejects(verifyMove(frame, { key, nowMs: nowMs - 3_600_000 }), {
      code: 'CLOCK_WRONG'
    })
    await assert.rejects(makeMove(alice, { ...about, to: about.from }), invalid)
    const signature = await countersign(bob, frame, nowMs)
    await verifyCountersigned(bob.certificate, { move: frame, signature, nowMs })
    await assert.rejects(verifyCountersigned(key, { move: frame, signature, nowMs }), {
      code: 'SIGNATURE_INVALID'
    })
  })

  it('is read in a record by who knows the key by the alias that it left, and by nobody else', () => {
    const frame = new Uint8Array(500).fill(7)
    const pin = 'cd'.repeat(32)
    const sealed = sealMove(frame, { pin, from: about.from })
    assert.deepEqual(openMove(sealed, { pin, from: about.from }), frame)
    assert.deepEqual(sealMove(frame, { pin, from: about.from }), sealed)
    assert.equal(openMove(sealed, { pin, from: about.to }), undefined)
    assert.equal(openMove(sealed, { pin: 'ab'.repeat(32), from: about.from }), undefined)
    for (const length of [0, 28, sealed.length - 1])
      assert.equal(openMove(sealed.slice(0, length), { pin, from: about.from }), undefined)
  })

  it('is as the vectors of docs/protocol/moving.md say', async () => {
    const url = new URL('../vectors/move.json', import.meta.url)
    const v = JSON.parse(await readFile(url, 'utf8'))
    const key = await openPgp.readCertificate(bytes(v.key))
    const pod = await openPgp.readCertificate(bytes(v.pod))
    const { frame, from, to, where, sequence, issuedMs, signature, sealed, answer } = v.valid
    const named = { fingerprint: key.fingerprint, pin: key.pin }
    const said = { key: named, from, to, pod: where, sequence, issuedMs }
    assert.deepEqual(decodeSignedMove(bytes(frame)).move, said)
    assert.deepEqual(await verifyMove(bytes(frame), { key, nowMs: v.nowMs }), said)
    const countersigned = { move: bytes(frame), signature: bytes(signature), nowMs: v.nowMs }
    await verifyCountersigned(pod, countersigned)
    assert.deepEqual(
      Buffer.from(sealMove(bytes(frame), { pin: key.pin, from })).toString('hex'),
      sealed
    )
    const shown = movedAnswer.decode(bytes(answer))
    assert.deepEqual([shown?.move, shown?.signature], [bytes(frame), bytes(signature)])
    for (const { frame, why, code = 'MOVE_INVALID' } of v.invalid)
      await assert.rejects(verifyMove(bytes(frame), { key, nowMs: v.nowMs }), { code }, why)
    assert.equal(primaryFingerprint(key.bytes), key.fingerprint)
  })
})
