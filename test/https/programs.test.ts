import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { readCertificate } from '../../src/keys/certificate.ts'
import type { NameServer } from '../support/dnsmasq.ts'
import { dnsmasq } from '../support/dnsmasq.ts'
import type { Host, Switch } from '../support/netns.ts'
import { Lab, missingForNetns } from '../support/netns.ts'
import type { OpenPgpTools } from '../support/openpgp-tools.ts'
import { missingTools, openPgpTools } from '../support/openpgp-tools.ts'
import { temporaryFolder } from '../support/store-folder.ts'
import { testCa } from '../support/test-ca.ts'

const program = fileURLToPath(new URL('../support/door-process.ts', import.meta.url))

/** A machine of its own, whose names are ours, since programs ask a Web Key Directory at port 443 of a domain and nowhere else. */
describe('GnuPG and Sequoia at the door of a pod', () => {
  let lab: Lab
  let host: Host
  let folder: Awaited<ReturnType<typeof temporaryFolder>>
  let tools: OpenPgpTools
  let files: string
  let pod: string
  let fingerprints: { alice: string; bob: string }
  let names: NameServer

  before(async () => {
    assert.deepEqual([...missingForNetns(), ...missingTools()], [])
    folder = await temporaryFolder()
    const path = (name: string) => join(folder.path, name)
    const ca = await testCa(folder.path)
    const pair = await ca.issue(['one.test'])
    await writeFile(path('door.pem'), pair.certificate)
    await writeFile(path('door.key'), pair.key)
    lab = await Lab.make()
    const lan: Switch = await lab.switch('lan')
    host = await lab.host('pod', { on: lan, addresses: ['192.0.2.7/24'] })
    files = join('/etc/netns', host.namespace)
    // GnuTLS trusts for a Web Key Directory what the system does.
    await mkdir(join(files, 'ssl', 'certs'), { recursive: true })
    await writeFile(join(files, 'ssl', 'certs', 'ca-certificates.crt'), ca.certificate)
    await writeFile(join(files, 'resolv.conf'), 'nameserver 127.0.0.1\n')
    const through = ['ip', 'netns', 'exec', host.namespace]
    names = await dnsmasq(53, ['--host-record=one.test,192.0.2.7'], through)
    const door = host.spawn(process.execPath, [program, path('door.pem'), path('door.key')])
    door.stderr.pipe(process.stderr)
    const [line] = await once(createInterface({ input: door.stdout }), 'line')
    ;({ pod, fingerprints } = JSON.parse(line))
    tools = await openPgpTools({
      through,
      env: { SSL_CERT_FILE: ca.file }
    })
    await tools.write('dirmngr.conf', `standard-resolver\nhkp-cacert ${ca.file}\n`)
  })
  after(async () => {
    await tools?.[Symbol.asyncDispose]()
    await names?.[Symbol.asyncDispose]()
    await lab?.[Symbol.asyncDispose]()
    if (files) await rm(files, { recursive: true, force: true })
    await folder?.[Symbol.asyncDispose]()
  })
  const signatures = async () => {
    const { stdout } = await tools.gpg('--with-colons', '--check-sigs', 'alice@one.test')
    const good = stdout
      .toString()
      .split('\n')
      .filter(line => line.startsWith('sig:!'))
    return good.map(line => line.split(':')[9])
  }

  it('gpg --locate-keys finds an alias, with the pod’s word for it', async () => {
    await tools.gpg('--import', await tools.write('pod.asc', pod))
    const locate = ['--auto-key-locate', 'clear,nodefault,wkd', '--locate-keys']
    await tools.gpg(...locate, 'alice@one.test')
    assert.ok((await signatures()).includes('one.test'))
    await assert.rejects(tools.gpg(...locate, 'nobody@one.test'))
  })

  it('gpg --recv-keys takes a key by its fingerprint, and --check-sigs shows the pod’s word as good', async () => {
    const server = ['--keyserver', 'hkps://one.test']
    const keep = ['--keyserver-options', 'no-self-sigs-only,no-import-clean']
    await tools.gpg(...server, ...keep, '--recv-keys', fingerprints.bob)
    const { stdout } = await tools.gpg('--with-colons', '--check-sigs', 'bob@one.test')
    assert.match(stdout.toString(), /^sig:!:.*:one\.test:10x/m)
    await assert.rejects(tools.gpg(...server, '--recv-keys', 'ab'.repeat(20)))
  })

  it('gpg --send-keys brings a key that has an alias, and no other', async () => {
    const send = ['--keyserver', 'hkps://one.test', '--send-keys']
    await tools.gpg(...send, fingerprints.bob)
    const { stdout } = await tools.gpg('--with-colons', '--list-keys', 'one.test')
    const pod = /^fpr:+([0-9A-F]+):/m.exec(stdout.toString())?.[1]
    await assert.rejects(tools.gpg(...send, pod!))
  })

  it('sq finds an alias in the directory, and a key on the server', async () => {
    const located = (await tools.sq('wkd', 'get', 'alice@one.test')).stdout
    assert.equal((await readCertificate(new Uint8Array(located))).fingerprint, fingerprints.alice)
    const server = ['keyserver', '--server', 'hkps://one.test', 'get']
    const got = (await tools.sq(...server, fingerprints.alice)).stdout
    assert.equal((await readCertificate(new Uint8Array(got))).fingerprint, fingerprints.alice)
    await assert.rejects(tools.sq('wkd', 'get', 'nobody@one.test'))
  })
})
