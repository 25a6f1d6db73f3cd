import assert from 'node:assert/strict'
import { missingForMiniupnpd, startMiniupnpd } from '../support/miniupnpd.ts'
import { MuttrHosts } from '../support/muttr-hosts.ts'
import type { Router, Switch } from '../support/netns.ts'
import { Lab, missingForNetns } from '../support/netns.ts'

const missing = [...missingForNetns(), ...missingForMiniupnpd()]
if (missing.length === 0) describe('behind routers, over separate processes', nat)
else
  it(`behind routers: not tried, this machine lacks ${missing.join(', ')}`, () => {
    // `npm test` works with nothing but Node; where the project is checked, the tools are there.
    assert.equal(process.env.CI, undefined)
  })

function nat(): void {
  let lab: Lab
  let internet: Switch
  let nodes: MuttrHosts | undefined

  beforeEach(async () => {
    lab = await Lab.make()
    internet = await lab.switch('internet')
  })
  afterEach(async () => {
    await nodes?.[Symbol.asyncDispose]()
    nodes = undefined
    await lab[Symbol.asyncDispose]()
  })

  const router = (name: string, address: string): Promise<Router> =>
    lab.router(name, {
      outside: { on: internet, addresses: [`${address}/8`] },
      inside: ['192.168.1.1/24'],
      does: 'masquerade'
    })
  const laptop = (name: string, { lan }: Router) =>
    lab.host(name, {
      on: lan,
      addresses: ['192.168.1.10/24'],
      gateways: ['192.168.1.1']
    })

  it('two laptops behind two routers write to each other, and can be dialled through the pod', async () => {
    const pod = await lab.host('pod', { on: internet, addresses: ['1.2.3.4/8'] })
    const [one, two] = [await router('one', '1.3.0.1'), await router('two', '1.4.0.1')]
    nodes = await MuttrHosts.lay([
      { name: 'pod.test', host: pod, pod: '1.2.3.4' },
      { name: 'alice', host: await laptop('alice', one) },
      { name: 'bob', host: await laptop('bob', two) }
    ])
    await nodes.start('pod.test')
    await Promise.all([nodes.start('alice'), nodes.start('bob')])
    await Promise.all([
      nodes.run('alice', 'register', 'alice@pod.test'),
      nodes.run('bob', 'register', 'bob@pod.test')
    ])
    await nodes.exchange('alice', 'bob', 'bob@pod.test', 'over two routers')
    await nodes.exchange('bob', 'alice', 'alice@pod.test', 'and back')
    for (const name of ['alice', 'bob']) {
      const status = await nodes.status(name, ({ node }) => node.reach.how === 'relayed')
      assert.match(status.node.reach.reason, /^nobody could dial us/)
      assert.match(status.addresses[0], /^\/ip4\/1\.2\.3\.4\/tcp\/4420\/p2p\/\w+\/p2p-circuit$/)
    }
    const [status] = await nodes.run('pod.test', 'status')
    assert.deepEqual(status.node.relaying, { reservations: 2, connections: 0 })
    assert.equal(status.known, 0, 'nobody keeps in its table who cannot be dialled')
  }).timeout(300_000)

  for (const [by, speaks] of [
    ['NAT-PMP', { natpmp: true, upnp: false }],
    ['UPnP', { natpmp: false, upnp: true }]
  ] as const)
    it(`a router with ${by} gives a port, and the seed becomes a server`, async () => {
      const pod = await lab.host('pod', { on: internet, addresses: ['1.2.3.4/8'] })
      const one = await router('one', '1.3.0.1')
      await using miniupnpd = await startMiniupnpd(one, '192.168.1.1', speaks)
      nodes = await MuttrHosts.lay([
        { name: 'pod.test', host: pod, pod: '1.2.3.4' },
        { name: 'alice', host: await laptop('alice', one) }
      ])
      await nodes.start('pod.test')
      await nodes.start('alice')
      const status = await nodes.status('alice', ({ node }) => node.reach.how === 'mapped')
      assert.equal(
        status.node.reach.reason,
        `the router passes on /ip4/1.3.0.1/tcp/4420 (${by})`,
        miniupnpd.log()
      )
      assert.equal(status.addresses[0], '/ip4/1.3.0.1/tcp/4420')
      await nodes.status('pod.test', ({ known }) => known === 1)
      await nodes.stop('alice')
      assert.deepEqual(await miniupnpd.mappings(), [], 'the port is given back')
    }).timeout(300_000)

  it('a forwarded port is found out, and a laptop that moves away from it steps back', async () => {
    const pod = await lab.host('pod', { on: internet, addresses: ['1.2.3.4/8'] })
    const one = await router('one', '1.3.0.1')
    const [outer] = one.cables
    const forward = ['-t', 'nat', '-A', 'PREROUTING', '-i', outer!.device, '-p', 'tcp']
    const to = ['--dport', '4420', '-j', 'DNAT', '--to-destination', '192.168.1.10']
    await one.run('iptables', ...forward, ...to)
    const host = await laptop('alice', one)
    nodes = await MuttrHosts.lay([
      { name: 'pod.test', host: pod, pod: '1.2.3.4' },
      { name: 'alice', host }
    ])
    await nodes.start('pod.test')
    await nodes.start('alice')
    const { node, addresses } = await nodes.status('alice', s => s.node.reach.how === 'mapped')
    assert.equal(
      node.reach.reason,
      'peers have dialled /ip4/1.3.0.1/tcp/4420, a port passed on to us'
    )
    assert.equal(addresses[0], '/ip4/1.3.0.1/tcp/4420')
    await nodes.status('pod.test', ({ known }) => known === 1)
    await host.move('192.168.1.10/24', '192.168.1.11/24')
    await nodes.status('alice', s => s.node.reach.how === 'relayed')
    await nodes.status('pod.test', ({ known }) => known === 0)
  }).timeout(300_000)

  it('hosts with IPv6 alone write to each other, one behind a firewall', async () => {
    const pod = await lab.host('pod', { on: internet, addresses: ['2a00:1::4/32'] })
    const fence = await lab.router('fence', {
      outside: { on: internet, addresses: ['2a00:1::1/32'] },
      inside: ['2a00:2::1/64'],
      does: 'firewall'
    })
    const via = ['route', 'add', '2a00:2::/64', 'via', '2a00:1::1']
    const alice = await lab.host('alice', {
      on: fence.lan,
      addresses: ['2a00:2::10/64'],
      gateways: ['2a00:2::1']
    })
    const bob = await lab.host('bob', { on: internet, addresses: ['2a00:1::6/32'] })
    for (const host of [pod, bob]) await host.run('ip', '-6', ...via)
    nodes = await MuttrHosts.lay([
      { name: 'pod.test', host: pod, pod: '2a00:1::4' },
      { name: 'alice', host: alice },
      { name: 'bob', host: bob }
    ])
    await nodes.start('pod.test')
    await Promise.all([nodes.start('alice'), nodes.start('bob')])
    await Promise.all([
      nodes.run('alice', 'register', 'alice@pod.test'),
      nodes.run('bob', 'register', 'bob@pod.test')
    ])
    await nodes.exchange('alice', 'bob', 'bob@pod.test', 'over six')
    await nodes.exchange('bob', 'alice', 'alice@pod.test', 'and back')
    const open = await nodes.status('bob', ({ node }) => node.reach.reason.includes('have dialled'))
    assert.deepEqual(open.node.reach, {
      how: 'direct',
      reason: 'peers have dialled /ip6/2a00:1::6/tcp/4420'
    })
    await nodes.status('alice', ({ node }) => node.reach.how === 'relayed')
    await nodes.status('pod.test', ({ known }) => known === 1)
  }).timeout(300_000)
}
