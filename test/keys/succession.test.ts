import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { fromHex } from '../../src/base/bytes.ts'
import { readCertificate } from '../../src/keys/certificate.ts'
import type { Person } from '../../src/keys/person.ts'
import { makePerson, withFormer } from '../../src/keys/person.ts'
import { revoke } from '../../src/keys/revoke.ts'
import { open, seal } from '../../src/keys/seal.ts'
import { addSubkey } from '../../src/keys/subkeys.ts'
import { makeSuccession, mayBeFollowed, verifySuccession } from '../../src/keys/succession.ts'
import { openVault, sealVault } from '../../src/keys/vault.ts'

const nowMs = Date.UTC(2026, 0, 1)
const pod = 'one.test'
const hex = (text: string) => fromHex(text, text.length / 2)!

describe('a succession', () => {
  let old: Person
  let next: Person
  before(async () => {
    old = await makePerson({ name: 'alice', nowMs: nowMs - 86_400_000 })
    next = await makePerson({ name: 'alice', nowMs })
  })
  const shown = () => ({ old: old.certificate, next: next.certificate, pod, nowMs })

  it('holds for both keys, also when the old one was revoked as superseded since', async () => {
    const frame = await makeSuccession({ old, next }, { pod, nowMs })
    const said = await verifySuccession(frame, shown())
    assert.deepEqual([said.old.pin, said.next.pin], [old.certificate.pin, next.certificate.pin])
    const superseded = await revoke(old, 'superseded', nowMs)
    await verifySuccession(frame, { ...shown(), old: superseded })
    for (const reason of ['compromised', 'retired'] as const) {
      const gone = await revoke(old, reason, nowMs)
      assert.equal(await mayBeFollowed(gone, nowMs), false)
      await assert.rejects(verifySuccession(frame, { ...shown(), old: gone }), {
        code: 'SUCCESSION_INVALID'
      })
    }
    const revoked = await revoke(next, 'compromised', nowMs)
    await assert.rejects(verifySuccession(frame, { ...shown(), next: revoked }), {
      code: 'SUCCESSION_INVALID'
    })
  })

  it('does not hold once the old key has expired: a signature can be dated back', async () => {
    const frame = await makeSuccession({ old, next }, { pod, nowMs })
    const expiresMs = nowMs + 1_000
    const ending = { ...shown(), old: { ...old.certificate, expiresMs } }
    await verifySuccession(frame, ending)
    await assert.rejects(verifySuccession(frame, { ...ending, nowMs: expiresMs }), {
      code: 'SUCCESSION_INVALID'
    })
  })

  it('is not made for a key that succeeds itself', async () => {
    await assert.rejects(makeSuccession({ old, next: old }, { pod, nowMs }), {
      code: 'SUCCESSION_INVALID'
    })
  })

  it('leaves the old key to read with, in memory and in the vault', async () => {
    const person = withFormer(next, [old])
    const sizes = [1_024]
    const sealed = await seal(Buffer.from('to the old key'), {
      ...{ from: next, to: old.certificate, sizes, nowMs }
    })
    await assert.rejects(open(sealed, { reader: next, nowMs }), { code: 'SEAL_REFUSED' })
    const kept = await openVault(await sealVault(person, 'secret'), 'secret')
    const rotated = await addSubkey(kept, nowMs + 1_000)
    for (const reader of [person, kept, rotated]) {
      assert.equal(reader.certificate.pin, next.certificate.pin)
      assert.deepEqual(
        reader.former.map(({ certificate }) => certificate.pin),
        [old.certificate.pin]
      )
      const { plaintext } = await open(sealed, { reader, nowMs })
      assert.equal(Buffer.from(plaintext).toString(), 'to the old key')
    }
  })

  it('keeps the vectors', async () => {
    const url = new URL('../vectors/succession.json', import.meta.url)
    const vectors = JSON.parse(readFileSync(url, 'utf8'))
    const keys = {
      old: await readCertificate(hex(vectors.old)),
      next: await readCertificate(hex(vectors.next)),
      pod: vectors.pod
    }
    const { frame, ...said } = vectors.valid
    const found = await verifySuccession(hex(frame), { ...keys, nowMs: vectors.nowMs })
    assert.deepEqual(found, { pod: vectors.pod, ...said })
    for (const { what, frame, nowMs = vectors.nowMs, code } of vectors.invalid)
      await assert.rejects(
        verifySuccession(hex(frame), { ...keys, nowMs }),
        { code: code ?? 'SUCCESSION_INVALID' },
        what
      )
    for (const [reason, bytes] of Object.entries<string>(vectors.revoked)) {
      const revoked = { ...keys, old: await readCertificate(hex(bytes)), nowMs: vectors.nowMs }
      if (reason === 'superseded') await verifySuccession(hex(frame), revoked)
      else
        await assert.rejects(verifySuccession(hex(frame), revoked), { code: 'SUCCESSION_INVALID' })
    }
  })
})
