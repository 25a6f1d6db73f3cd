import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { toHex } from '../../src/base/bytes.ts'
import { readCertificate } from '../../src/keys/certificate.ts'
import { checkCertification } from '../../src/keys/certify.ts'
import {
  makeDevice,
  verifyDevice,
  verifyDismissal,
  verifyStatement
} from '../../src/keys/device.ts'
import { hpkeOpen, makeHpkeKey } from '../../src/keys/hpke.ts'
import { importPerson } from '../../src/keys/person.ts'
import { open } from '../../src/keys/seal.ts'
import { verifyDetached } from '../../src/keys/sign.ts'
import { openVault } from '../../src/keys/vault.ts'
import { encodeStatement } from '../../src/wire/device.ts'

const hex = (text: string) => new Uint8Array(Buffer.from(text, 'hex'))
const vectors = async (name: string) =>
  JSON.parse(await readFile(new URL(`../vectors/${name}.json`, import.meta.url), 'utf8'))

/** What docs/protocol/keys.md, sealing.md and device.md promise to other implementations. */
describe('vectors of keys', () => {
  it('keys.json: certificate, certification, signature, vaults, HPKE', async () => {
    const { nowMs, certificate, certification, signature, vaults, hpke } = await vectors('keys')
    const read = await readCertificate(hex(certificate.bytes))
    assert.deepEqual({ ...read, bytes: toHex(read.bytes) }, certificate)
    const by = await readCertificate(hex(certification.by))
    const { userId: alias, untilMs } = certification
    assert.deepEqual(await checkCertification(read, { alias, by, nowMs }), { untilMs })
    await verifyDetached(
      read,
      signature.label,
      hex(signature.bytes),
      hex(signature.signature),
      nowMs
    )
    for (const { file, passphrase } of vaults)
      assert.deepEqual((await openVault(hex(file), passphrase)).certificate, read)
    const { publicKey, secret } = await makeHpkeKey(hex(hpke.ikm))
    assert.deepEqual([toHex(publicKey), toHex(secret)], [hpke.publicKey, hpke.secret])
    assert.equal(toHex(await hpkeOpen(secret, hpke.info, hex(hpke.sealed))), hpke.plaintext)
  })

  it('sealing.json: what opens, and what is refused with which code', async () => {
    const { nowMs, sender, readers, valid, invalid } = await vectors('sealing')
    const certificate = await readCertificate(hex(sender))
    const read = async ({ reader, sealed }: { reader: 'bob' | 'carol'; sealed: string }) => {
      const person = await importPerson(Buffer.from(readers[reader]))
      const opened = await open(hex(sealed), { reader: person, nowMs })
      await opened.verify(certificate)
      return toHex(opened.plaintext)
    }
    for (const vector of valid) assert.equal(await read(vector), vector.plaintext, vector.what)
    for (const vector of invalid)
      await assert.rejects(read(vector), { code: vector.code }, vector.what)
  })

  it('device.json: a device’s signature, a statement, and what is no statement', async () => {
    const { nowMs, certificate: bytes, device, valid, invalid, dismissal } = await vectors('device')
    const certificate = await readCertificate(hex(bytes))
    const made = makeDevice(hex(device.seed))
    assert.equal(toHex(made.publicKey), device.publicKey)
    assert.equal(toHex(made.sign(hex(device.bytes))), device.signature)
    assert.ok(verifyDevice(made.publicKey, hex(device.bytes), hex(device.signature)))
    const { frame, fingerprint, deviceKey, ...rest } = valid
    const statement = { ...rest, fingerprint: hex(fingerprint), deviceKey: hex(deviceKey) }
    assert.deepEqual(await verifyStatement(hex(frame), { certificate, nowMs }), statement)
    assert.ok(frame.includes(toHex(encodeStatement(statement))))
    for (const v of invalid)
      await assert.rejects(
        verifyStatement(hex(v.frame), { certificate, nowMs: v.nowMs }),
        { code: 'STATEMENT_INVALID' },
        v.what
      )
    const by = await readCertificate(hex(dismissal.certificate))
    const { pod } = dismissal
    const at = { certificate: by, pod, nowMs }
    assert.equal(await verifyDismissal(hex(dismissal.frame), at), dismissal.deviceKey)
    for (const wrong of [
      { ...at, certificate },
      { ...at, pod: 'two.example' },
      { ...at, nowMs: 0 }
    ])
      await assert.rejects(verifyDismissal(hex(dismissal.frame), wrong), {
        code: 'STATEMENT_INVALID'
      })
  })
})
