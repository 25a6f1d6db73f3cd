import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { decodePodTxt } from '../../src/wire/pod-dns.ts'
import type { NameServer } from '../support/dnsmasq.ts'
import { dnsmasq } from '../support/dnsmasq.ts'
import type { Host, Spawned } from '../support/netns.ts'
import { Lab, missingForNetns } from '../support/netns.ts'
import { temporaryFolder } from '../support/store-folder.ts'
import { testCa } from '../support/test-ca.ts'

const bin = fileURLToPath(new URL('../../bin/muttr.js', import.meta.url))

/** From an empty machine to an alias, with the commands of the guide: nothing is told to a newcomer but the pod's hostname. */
describe('a pod that is known by its hostname alone', () => {
  let lab: Lab
  let host: Host
  let folder: Awaited<ReturnType<typeof temporaryFolder>>
  let names: NameServer
  let files: string
  let env: string[]
  let pod: Spawned
  const path = (name: string) => join(folder.path, name)
  const muttr = async (...args: string[]) => {
    const out = await host.run('env', ...env, process.execPath, bin, ...args, '--json')
    return out
      .trim()
      .split('\n')
      .map(line => JSON.parse(line))
  }

  before(async () => {
    assert.deepEqual(missingForNetns(), [])
    folder = await temporaryFolder()
    const ca = await testCa(folder.path)
    const pair = await ca.issue(['one.pods'], 60)
    await writeFile(path('door.pem'), pair.certificate)
    await writeFile(path('door.key'), pair.key)
    env = [`NODE_EXTRA_CA_CERTS=${ca.file}`, `HOME=${folder.path}`]
    lab = await Lab.make()
    host = await lab.host('all', { on: await lab.switch('lan'), addresses: ['198.51.100.7/24'] })
    files = join('/etc/netns', host.namespace)
    await mkdir(files, { recursive: true })
    await writeFile(join(files, 'resolv.conf'), 'nameserver 127.0.0.1\n')
    await writeFile(path('net.json'), '{ "name": "empty" }')
  })
  after(async () => {
    await names?.[Symbol.asyncDispose]()
    await lab?.[Symbol.asyncDispose]()
    if (files) await rm(files, { recursive: true, force: true })
    await folder[Symbol.asyncDispose]()
  })

  it('is made, publishes what it was told to, and is found', async () => {
    const [made] = await muttr(
      ...['pod', 'init', '--home', path('pod'), '--hostname', 'one.pods', '--policy', 'open'],
      ...['--https', 'files', '--certificate', path('door.pem'), '--key', path('door.key')],
      ...['--network', path('net.json'), '--no-passphrase']
    )
    assert.equal(made.addressed, true)
    assert.deepEqual(made.ports, ['4420/tcp', '4420/udp', '443/tcp'])
    const value = (type: string): string =>
      made.records.find((record: { type: string }) => record.type === type)?.value
    assert.equal(value('A'), '198.51.100.7')
    assert.equal(decodePodTxt(value('TXT'))?.fingerprint, made.fingerprint)
    const [, , port, target] = value('SRV').split(' ')
    names = await dnsmasq(
      53,
      [
        `--host-record=one.pods,${value('A')}`,
        `--srv-host=_muttr._tcp.one.pods,${target},${port}`,
        `--txt-record=_muttr._tcp.one.pods,${value('TXT')}`,
        '--local=/pods/'
      ],
      ['ip', 'netns', 'exec', host.namespace]
    )
    const up = [bin, 'pod', 'up', '--home', path('pod'), '--no-passphrase', '--json']
    pod = host.spawn('env', [...env, process.execPath, ...up])
    pod.stderr.pipe(process.stderr)
    const [ready] = await once(createInterface({ input: pod.stdout }), 'line')
    assert.equal(JSON.parse(ready).role, 'pod')

    await muttr(
      'init',
      '--home',
      path('alice'),
      '--name',
      'alice',
      '--network',
      path('net.json'),
      '--no-passphrase'
    )
    const [alias] = await muttr(
      'register',
      'alice@one.pods',
      '--home',
      path('alice'),
      '--no-passphrase'
    )
    assert.equal(alias.alias, 'alice@one.pods')
    const [status] = await muttr('status', '--home', path('alice'), '--no-passphrase')
    assert.deepEqual(
      status.pods.map(({ hostname, found }: { hostname: string; found: string }) => [
        hostname,
        found
      ]),
      [['one.pods', 'https']]
    )
    assert.match(await readFile(path('alice/muttr.json'), 'utf8'), /^(?!.*one\.pods)/s)
  })

  it('is well, but for a network of one seed', async () => {
    const asked = muttr('pod', 'doctor', '--home', path('pod'))
    const { stdout } = await asked.then(
      () => assert.fail('a network of one seed is no bad finding'),
      (err: { stdout: string }) => err
    )
    const findings = stdout
      .trim()
      .split('\n')
      .map(line => JSON.parse(line))
    const bad = findings.filter(({ level }) => level === 'bad').map(({ code }) => code)
    assert.deepEqual(bad, ['NETWORK_SMALL'])
    const told = new Map(findings.map(({ what, level }) => [what, level]))
    for (const what of ['dns address', 'dns service', 'dns key', 'door', 'https'])
      assert.equal(told.get(what), 'good', what)
  })

  it('is unknown under a name that nobody published, and unreachable when no name server says', async () => {
    const refusal = async (alias: string) => {
      const asked = host.run(
        ...(['env', ...env, process.execPath, bin, 'lookup', alias] as [string, ...string[]]),
        ...['--home', path('alice'), '--no-passphrase', '--json']
      )
      const { stderr } = await asked.then(
        () => assert.fail('it was found'),
        (err: { stderr: string }) => err
      )
      return JSON.parse(stderr.trim().split('\n').at(-1)!).error.code
    }
    assert.equal(await refusal('bob@two.pods'), 'POD_UNKNOWN')
    await names[Symbol.asyncDispose]()
    assert.equal(await refusal('bob@three.pods'), 'POD_UNREACHABLE')
  })
})
