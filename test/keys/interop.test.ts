import assert from 'node:assert/strict'
import { limits } from '../../src/base/limits.ts'
import { aliasUserId } from '../../src/keys/alias-user-id.ts'
import type { Certificate } from '../../src/keys/certificate.ts'
import { armorCertificate, readCertificate } from '../../src/keys/certificate.ts'
import { certify, checkCertification } from '../../src/keys/certify.ts'
import type { Person } from '../../src/keys/person.ts'
import { addAlias, exportPerson, importPerson, makePerson } from '../../src/keys/person.ts'
import { revocationCertificate } from '../../src/keys/revoke.ts'
import { open, seal } from '../../src/keys/seal.ts'
import { signDetached } from '../../src/keys/sign.ts'
import { withdraw, withdrawalOf } from '../../src/keys/withdraw.ts'
import type { OpenPgpTools } from '../support/openpgp-tools.ts'
import { missingTools, openPgpTools } from '../support/openpgp-tools.ts'

/** GnuPG 2.2 and Sequoia 0.27 as Debian ships them: what people already have. */
function interop(): void {
  const alias = 'alice@pod.test'
  const plain = new TextEncoder().encode('Meet me at the old mill.\n'.repeat(60))
  const nowMs = Date.now()
  let tools: OpenPgpTools
  let pod: Person
  let alice: Person
  let gpgs: Certificate
  let sqs: Certificate

  before(async () => {
    tools = await openPgpTools()
    const madeMs = nowMs - 60_000
    pod = await makePerson({ name: 'pod.test', nowMs: madeMs })
    alice = await addAlias(await makePerson({ name: 'Alice', nowMs: madeMs }), alias, madeMs)
    const { certificate } = alice
    const certified = await certify(pod, { certificate, alias, nowMs, lifeMs: 86_400_000 })
    await tools.write('alice.pgp', certified.bytes)
    await tools.write('alice.asc', armorCertificate(certified))
    await tools.write('pod.asc', armorCertificate(pod.certificate))
    await tools.write('plain', plain)
    await tools.gpg('--import', tools.path('alice.asc'), tools.path('pod.asc'))
    await tools.gpg('--quick-gen-key', 'Gpg <gpg@x.test>', 'default', 'default', 'never')
    gpgs = await readCertificate((await tools.gpg('--export', 'gpg@x.test')).stdout)
    await tools.sq('key', 'generate', '--userid', '<sq@x.test>', '--export', tools.path('sq.key'))
    await tools.sq('key', 'extract-cert', '--output', tools.path('sq.cert'), tools.path('sq.key'))
    sqs = await readCertificate(await tools.read('sq.cert'))
  })
  after(() => tools[Symbol.asyncDispose]())

  const opens = async (file: string, reader: Person, sender: Certificate) => {
    const opened = await open(await tools.read(file), { reader, nowMs: Date.now() })
    await opened.verify(sender)
    assert.deepEqual(opened.plaintext, plain)
  }
  const sealedTo = async (to: Certificate) => {
    const sealed = await seal(plain, { from: alice, to, sizes: limits.sealedSizes, nowMs })
    assert.equal(sealed.byteLength, 4096)
    return await tools.write('sealed', sealed)
  }

  it('GnuPG takes our revocation certificate', async () => {
    const dora = await makePerson({ name: 'Dora', nowMs: nowMs - 60_000 })
    await tools.write('dora.asc', armorCertificate(dora.certificate))
    await tools.write('dora-revoked.asc', await revocationCertificate(dora, nowMs))
    await tools.gpg('--import', tools.path('dora.asc'))
    await tools.gpg('--import', tools.path('dora-revoked.asc'))
    const { fingerprint } = dora.certificate
    const { stdout } = await tools.gpg('--with-colons', '--list-keys', fingerprint)
    assert.match(stdout.toString(), /^pub:r:/m)
    const shown = await readCertificate((await tools.gpg('--export', fingerprint)).stdout)
    assert.equal(shown.revoked, true)
  })

  it('gpg shows the pod’s certification as good, and finds the key by its alias', async () => {
    const { stdout } = await tools.gpg('--with-colons', '--check-sigs', alias)
    const podId = pod.certificate.fingerprint.slice(-16).toUpperCase()
    const certification = stdout
      .toString()
      .split('\n')
      .find(line => line.startsWith('sig') && line.includes(podId))
    assert.match(certification ?? '', /^sig:!:/)
    assert.match(stdout.toString(), new RegExp(`uid:.*:${aliasUserId(alias)}:`))
  })

  it('gpg shows that the pod has taken its word back, and why', async () => {
    const after = nowMs + 2_000
    const certificate = await readCertificate((await tools.gpg('--export', alias)).stdout)
    const about = { certificate, alias, reason: 'not who they say', nowMs: after }
    const withdrawn = await withdraw(pod, about)
    const by = pod.certificate
    await assert.rejects(checkCertification(withdrawn, { alias, by, nowMs: after }), {
      code: 'SIGNATURE_INVALID'
    })
    assert.equal((await withdrawalOf(withdrawn, { alias, by }))?.reason, about.reason)
    await using others = await openPgpTools()
    const file = await others.write('revoked.asc', armorCertificate(withdrawn))
    await others.gpg('--import', await others.write('pod.asc', armorCertificate(by)), file)
    const clock = ['--faked-system-time', String(Math.floor(after / 1_000) + 60)]
    const { stdout } = await others.gpg(...clock, '--with-colons', '--check-sigs', alias)
    const podId = by.fingerprint.slice(-16).toUpperCase()
    const lines = stdout.toString().split('\n')
    const revocation = lines.find(line => line.startsWith('rev:') && line.includes(podId))
    assert.match(revocation ?? stdout.toString(), /^rev:!:/)
    const shown = await others.gpg(...clock, '--check-sigs', '--verbose', alias)
    assert.match(shown.stdout.toString(), /not who they say/)

    const lifeMs = 86_400_000
    const again = await certify(pod, {
      ...about,
      certificate: withdrawn,
      nowMs: after + 2_000,
      lifeMs
    })
    await checkCertification(again, { alias, by, nowMs: after + 2_000 })
    assert.equal(await withdrawalOf(again, { alias, by }), null)
  })

  it('gpg shows a certification by a key that has a signing subkey as good too', async () => {
    const sqPod = await importPerson(await tools.read('sq.key'))
    const { certificate } = alice
    const certified = await certify(sqPod, {
      certificate,
      alias,
      nowMs,
      lifeMs: 86_400_000
    })
    await checkCertification(certified, { alias, by: sqs, nowMs })
    await tools.gpg(
      '--import',
      await tools.write('by-sq.asc', armorCertificate(certified)),
      tools.path('sq.cert')
    )
    const { stdout } = await tools.gpg('--with-colons', '--check-sigs', alias)
    const certification = stdout
      .toString()
      .split('\n')
      .find(line => line.startsWith('sig') && line.includes('sq@x.test'))
    assert.match(certification ?? '', /^sig:!:/)
  })

  for (const [name, ...options] of [
    ['as gpg does unless told'],
    ['to a hidden recipient, uncompressed', '--throw-keyids', '--compress-algo', 'none'],
    ['compressed with ZLIB', '--compress-algo', 'zlib'],
    ['compressed with ZIP', '--compress-algo', 'zip']
  ] as const)
    it(`opens what gpg signs and encrypts ${name}`, async () => {
      const to = ['--local-user', 'gpg@x.test', '--recipient', alias]
      await tools.gpg(
        ...options,
        ...to,
        '--output',
        tools.path('in'),
        '--sign',
        '--encrypt',
        tools.path('plain')
      )
      await opens('in', alice, gpgs)
    })

  for (const compression of ['none', 'zip', 'zlib'])
    it(`opens what sq signs and encrypts with compression ${compression}`, async () => {
      const keys = [
        '--signer-key',
        tools.path('sq.key'),
        '--recipient-cert',
        tools.path('alice.pgp')
      ]
      const files = ['--output', tools.path('in'), tools.path('plain')]
      await tools.sq('encrypt', '--binary', '--compression', compression, ...keys, ...files)
      await opens('in', alice, sqs)
    })

  it('seals to a key made by gpg: padded, hidden, and gpg decrypts and verifies', async () => {
    const { stdout, stderr } = await tools.gpg('--decrypt', await sealedTo(gpgs))
    assert.deepEqual(new Uint8Array(stdout), plain)
    assert.match(stderr, /Good signature from "Alice"/)
    assert.match(stderr, /anonymous recipient/)
  })

  it('seals to a key made by sq: padded, and sq decrypts and verifies', async () => {
    const keys = ['--recipient-key', tools.path('sq.key'), '--signer-cert', tools.path('alice.pgp')]
    const { stdout, stderr } = await tools.sq('decrypt', ...keys, await sealedTo(sqs))
    assert.deepEqual(new Uint8Array(stdout), plain)
    assert.match(stderr, /Good signature/)
  })

  it('exports a secret key that gpg takes, signs with and opens with; and imports it back', async () => {
    await tools.gpg(
      '--import',
      await tools.write('alice.key', await exportPerson(alice, tools.passphrase))
    )
    await tools.gpg(
      '--local-user',
      alias,
      '--recipient',
      alias,
      '--output',
      tools.path('self'),
      '-se',
      tools.path('plain')
    )
    assert.deepEqual(
      new Uint8Array((await tools.gpg('--decrypt', tools.path('self'))).stdout),
      plain
    )
    const { stdout } = await tools.gpg('--armor', '--export-secret-keys', alias)
    const back = await importPerson(stdout, tools.passphrase)
    assert.equal(back.certificate.fingerprint, alice.certificate.fingerprint)
    assert.deepEqual(back.certificate.userIds, alice.certificate.userIds)
    await opens('self', back, alice.certificate)
  })

  it('imports an RSA key of gpg, which then opens, signs, and gets an alias', async () => {
    const { stdout } = await tools.gpg('--export-secret-keys', 'gpg@x.test')
    await assert.rejects(importPerson(stdout), { code: 'PASSPHRASE_MISSING' })
    await assert.rejects(importPerson(stdout, 'wrong'), { code: 'PASSPHRASE_WRONG' })
    const imported = await addAlias(
      await importPerson(stdout, tools.passphrase),
      'gpg@pod.test',
      Date.now()
    )
    const sizes = limits.sealedSizes
    const sealed = await seal(plain, {
      from: imported,
      to: alice.certificate,
      sizes,
      nowMs: Date.now()
    })
    await (await open(sealed, { reader: alice, nowMs: Date.now() })).verify(imported.certificate)
    await tools.write(
      'to-gpg',
      await seal(plain, { from: alice, to: imported.certificate, sizes, nowMs })
    )
    await opens('to-gpg', imported, alice.certificate)
    await tools.gpg(
      '--import',
      await tools.write('alias.asc', armorCertificate(imported.certificate))
    )
    assert.match((await tools.gpg('--check-sigs', 'gpg@pod.test')).stdout.toString(), /sig!/)
  })

  it('imports a key of sq, which signs with a subkey', async () => {
    const imported = await importPerson(await tools.read('sq.key'))
    const options = {
      from: imported,
      to: alice.certificate,
      sizes: limits.sealedSizes,
      nowMs: Date.now()
    }
    const opened = await open(await seal(plain, options), { reader: alice, nowMs: Date.now() })
    await opened.verify(sqs)
    assert.notEqual(opened.issuer, sqs.fingerprint)
  })

  it('gpg verifies a detached signature over the label, a zero octet and the bytes', async () => {
    const signature = await signDetached(alice, 'muttr test 1', plain, nowMs)
    const signed = Buffer.concat([Buffer.from('muttr test 1\0'), plain])
    const files = [
      await tools.write('detached.sig', signature),
      await tools.write('detached', signed)
    ]
    assert.match((await tools.gpg('--verify', ...files)).stderr, /Good signature from "Alice"/)
  })

  it('refuses what gpg encrypts without signing', async () => {
    await tools.gpg(
      '--recipient',
      alias,
      '--output',
      tools.path('in'),
      '--encrypt',
      tools.path('plain')
    )
    await assert.rejects(open(await tools.read('in'), { reader: alice, nowMs }), {
      code: 'SEAL_REFUSED'
    })
  })

  it('refuses what two keys of gpg signed', async () => {
    const signers = ['--local-user', 'gpg@x.test', '--local-user', 'second@x.test']
    await tools.gpg('--quick-gen-key', 'second@x.test', 'ed25519', 'default', 'never')
    await tools.gpg(
      ...signers,
      '--recipient',
      alias,
      '--output',
      tools.path('in'),
      '-se',
      tools.path('plain')
    )
    await assert.rejects(open(await tools.read('in'), { reader: alice, nowMs }), {
      code: 'SEAL_REFUSED'
    })
  })
}

const missing = missingTools()
if (missing.length === 0) describe('keys beside gpg and sq', interop)
else
  it(`keys beside gpg and sq: not tried, this machine lacks ${missing.join(', ')}`, () => {
    // `npm test` works with nothing but Node; where the project is checked, the tools are installed.
    assert.equal(process.env.CI, undefined)
  })
