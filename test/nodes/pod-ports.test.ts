import assert from 'node:assert/strict'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Printed } from '../support/command.ts'
import { MuttrHosts } from '../support/muttr-hosts.ts'
import type { Host } from '../support/netns.ts'
import { Lab, missingForNetns } from '../support/netns.ts'
import type { TestCa } from '../support/test-ca.ts'
import { testCa } from '../support/test-ca.ts'

const missing = missingForNetns()
if (missing.length === 0)
  describe('ports of a pod, seen by another across a firewall', acrossFirewall)
else
  it(`ports across a firewall: not tried, this machine lacks ${missing.join(', ')}`, () => {
    assert.equal(process.env.CI, undefined)
  })

function acrossFirewall(): void {
  const names = { 'pod.test': '1.2.3.4', 'helper.test': '1.2.3.5' }
  let folder: string
  let ca: TestCa
  let lab: Lab
  let nodes: MuttrHosts
  let pod: Host
  const hostFiles: string[] = []

  /** What the resolver of a host reads beside its name servers, as everywhere. */
  async function nameHosts({ namespace }: Host): Promise<void> {
    const etc = `/etc/netns/${namespace}`
    hostFiles.push(etc)
    await mkdir(etc, { recursive: true })
    const lines = Object.entries(names).map(([name, address]) => `${address} ${name}\n`)
    await writeFile(join(etc, 'hosts'), lines.join(''))
  }
  async function certify(...hostnames: string[]): Promise<void> {
    const { certificate, key } = await ca.issue(hostnames)
    await writeFile(join(folder, 'door.pem'), certificate)
    await writeFile(join(folder, 'door.key'), key)
  }

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'muttr-ports-'))
    ca = await testCa(folder)
    lab = await Lab.make()
    const internet = await lab.switch('internet')
    pod = await lab.host('pod', { on: internet, addresses: ['1.2.3.4/8'] })
    const helper = await lab.host('helper', { on: internet, addresses: ['1.2.3.5/8'] })
    for (const host of [pod, helper]) await nameHosts(host)
    nodes = await MuttrHosts.lay([
      { name: 'pod.test', host: pod, pod: '1.2.3.4' },
      { name: 'helper.test', host: helper, pod: '1.2.3.5' }
    ])
    await certify('pod.test')
    const files = { certificate: join(folder, 'door.pem'), key: join(folder, 'door.key') }
    await nodes.say('pod.test', ['pod', 'https'], { mode: 'files', port: 443, ...files })
    await nodes.say('pod.test', ['pod', 'udp'], { port: 4420 })
    await nodes.start('helper.test', { NODE_EXTRA_CA_CERTS: ca.file })
    await nodes.start('pod.test')
  })
  after(async () => {
    await nodes[Symbol.asyncDispose]()
    await lab[Symbol.asyncDispose]()
    for (const etc of hostFiles) await rm(etc, { recursive: true, force: true })
    await rm(folder, { recursive: true, force: true })
  })

  async function look(): Promise<Map<string, Printed>> {
    const findings = await nodes.findings('pod.test', 'pod', 'doctor')
    return new Map(
      findings
        .filter(({ what }) => what.startsWith('port'))
        .map(({ what, ...finding }) => [what, finding])
    )
  }
  const firewall = (...rule: string[]) => pod.run('iptables', ...rule)
  const outcomes = (seen: ReadonlyMap<string, Printed>) =>
    Object.fromEntries(
      [...seen].map(([what, { level, seen }]) => [what, [level, seen?.[0]?.outcome]])
    )

  it('says of each which pod saw what, and what to do', async () => {
    const open = await look()
    assert.deepEqual(outcomes(open), {
      'port 4420/tcp': ['good', 'open'],
      'port 443/tcp': ['good', 'open'],
      'port 4420/udp': ['good', 'open']
    })
    assert.equal(open.get('port 443/tcp')!.detail, 'open, as helper.test sees it at 1.2.3.4')
    const dropped = ['INPUT', '-p', 'tcp', '--dport', '4420', '--syn', '-j', 'DROP']
    await firewall('-A', ...dropped)
    const shut = await look()
    assert.deepEqual(outcomes(shut), {
      'port 4420/tcp': ['bad', 'timeout'],
      'port 443/tcp': ['good', 'open'],
      'port 4420/udp': ['good', 'open']
    })
    const { code, detail, hint, seen } = shut.get('port 4420/tcp')!
    assert.equal(code, 'PORT_CLOSED')
    assert.equal(detail, 'no answer, as helper.test sees it at 1.2.3.4')
    assert.match(hint, /ufw allow 4420\/tcp/)
    assert.deepEqual(seen, [{ pod: 'helper.test', at: '1.2.3.4', outcome: 'timeout' }])
    await firewall('-D', ...dropped)
    const reset = ['--dport', '443', '--syn', '-j', 'REJECT', '--reject-with', 'tcp-reset']
    await firewall('-A', 'INPUT', '-p', 'tcp', ...reset)
    await firewall('-A', 'INPUT', '-p', 'udp', '--dport', '4420', '-j', 'DROP')
    assert.deepEqual(outcomes(await look()), {
      'port 4420/tcp': ['good', 'open'],
      'port 443/tcp': ['bad', 'refused'],
      'port 4420/udp': ['bad', 'timeout']
    })
    await firewall('-F', 'INPUT')
  }).timeout(240_000)

  it('tells a certificate for another name from a port that is shut', async () => {
    await nodes.stop('pod.test')
    await certify('elsewhere.test')
    await nodes.start('pod.test')
    const seen = await look()
    assert.deepEqual(outcomes(seen)['port 443/tcp'], ['bad', 'certificate-name'])
    assert.match(seen.get('port 443/tcp')!.hint, /for the hostname/)
  }).timeout(240_000)
}
