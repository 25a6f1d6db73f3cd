import assert from 'node:assert/strict'
import { armorCertificate } from '../../src/keys/certificate.ts'
import { certify } from '../../src/keys/certify.ts'
import type { Person } from '../../src/keys/person.ts'
import { addAlias, exportPerson, makePerson } from '../../src/keys/person.ts'
import type { OpenPgpTools } from '../support/openpgp-tools.ts'
import { openPgpTools } from '../support/openpgp-tools.ts'

const nowMs = Date.now() - 60_000
const lifeMs = 86_400_000

/** A person who trusts a pod for its domain, with GnuPG or Sequoia: a trust signature on the pod's key, depth 1, with a regular expression. */
describe('a trust signature for the domain of a pod', () => {
  let tools: OpenPgpTools
  let me: Person
  let pod: Person

  /** A key with an alias, certified by the pod of its domain, or one that claims to be. */
  async function certified(alias: string): Promise<void> {
    const { certificate } = await addAlias(
      await makePerson({ name: 'Somebody', nowMs }),
      alias,
      nowMs
    )
    const shown = await certify(pod, { certificate, alias, nowMs, lifeMs })
    await tools.gpg('--import', await tools.write(`${alias}.asc`, armorCertificate(shown)))
  }

  before(async () => {
    tools = await openPgpTools()
    pod = await makePerson({ name: 'pod.test', nowMs })
    me = await makePerson({ name: 'Me', email: 'me@example.test', nowMs })
    await tools.gpg('--import', await tools.write('me.key', await exportPerson(me)))
    await tools.gpg('--import', await tools.write('pod.asc', armorCertificate(pod.certificate)))
    await certified('alice@pod.test')
    await certified('alice@other.test')
  })
  after(() => tools[Symbol.asyncDispose]())

  const validity = async (alias: string): Promise<string> => {
    const args = ['--trust-model', 'pgp', '--with-colons', '--list-keys', `=${aliasOf(alias)}`]
    const { stdout } = await tools.gpg(...args)
    const uid = stdout
      .toString()
      .split('\n')
      .find(line => line.includes(`<${alias}>`))
    return uid?.split(':')[1] ?? 'none'
  }
  const aliasOf = (alias: string) => `alice <${alias}>`

  it('makes gpg show its aliases as valid, and no others that it certified', async () => {
    const trusted = await tools.write('trust', `${me.certificate.fingerprint.toUpperCase()}:6:\n`)
    await tools.gpg('--trust-model', 'pgp', '--import-ownertrust', trusted)
    assert.equal(await validity('alice@pod.test'), '-')
    const commands = await tools.write('commands', 'tsign\n2\n1\npod.test\ny\nsave\n')
    const { fingerprint } = pod.certificate
    const sign = ['--no-batch', '--no-tty', '--trust-model', 'pgp', '--command-file', commands]
    await tools.gpg(...sign, '--edit-key', fingerprint)
    await tools.gpg('--trust-model', 'pgp', '--check-trustdb')
    assert.equal(await validity('alice@pod.test'), 'f')
    assert.equal(await validity('alice@other.test'), '-')
  })

  it('makes sq authenticate its aliases, and no others that it certified', async () => {
    const regex = '<[^>]+[@.]pod\\.test>$'
    const { stdout } = await tools.sq(
      ...['certify', '--depth', '1', '--amount', '120', '--regex', regex],
      ...[tools.path('me.key'), tools.path('pod.asc'), 'pod.test']
    )
    const files = ['alice@pod.test.asc', 'alice@other.test.asc'].map(tools.path)
    const signed = await tools.write('signed.asc', stdout)
    await tools.sq(
      'keyring',
      'join',
      '-o',
      tools.path('ring'),
      signed,
      tools.path('me.key'),
      ...files
    )
    const authenticated = (alias: string) =>
      tools.wot(
        '--keyring',
        tools.path('ring'),
        '--trust-root',
        me.certificate.fingerprint,
        'lookup',
        '--email',
        alias
      )
    assert.match(
      (await authenticated('alice@pod.test')).stdout.toString(),
      /alice <alice@pod\.test>/
    )
    await assert.rejects(authenticated('alice@other.test'))
  })
})
