import assert from 'node:assert/strict'
import { MuttrHosts } from '../support/muttr-hosts.ts'
import { Lab, missingForNetns } from '../support/netns.ts'

const missing = missingForNetns()
if (missing.length === 0) describe('a machine that moves, over separate processes', moving)
else
  it(`a machine that moves: not tried, this machine lacks ${missing.join(', ')}`, () => {
    assert.equal(process.env.CI, undefined)
  })

function moving(): void {
  it('is found at its new address, and its letters with it', async () => {
    await using lab = await Lab.make()
    const on = await lab.switch('internet')
    const at = (name: string, address: string) =>
      lab.host(name, { on, addresses: [`${address}/8`] })
    const alice = await at('alice', '1.5.0.1')
    await using nodes = await MuttrHosts.lay([
      { name: 'pod.test', host: await at('pod', '1.2.3.4'), pod: '1.2.3.4' },
      { name: 'alice', host: alice },
      { name: 'bob', host: await at('bob', '1.6.0.1') }
    ])
    await nodes.start('pod.test')
    await Promise.all([nodes.start('alice'), nodes.start('bob')])
    await Promise.all([
      nodes.run('alice', 'register', 'alice@pod.test'),
      nodes.run('bob', 'register', 'bob@pod.test')
    ])
    await nodes.exchange('bob', 'alice', 'alice@pod.test', 'at home')
    await nodes.status('alice', ({ addresses }) => addresses.includes('/ip4/1.5.0.1/tcp/4420'))
    // A laptop in another network: its connections are dead, and nobody was told.
    await alice.move('1.5.0.1/8', '1.7.0.1/8')
    await nodes.exchange('bob', 'alice', 'alice@pod.test', 'on the way')
    await nodes.exchange('alice', 'bob', 'bob@pod.test', 'and back')
    const moved = await nodes.status(
      'alice',
      ({ addresses, neighbours }) => addresses.includes('/ip4/1.7.0.1/tcp/4420') && neighbours >= 2
    )
    assert(!moved.addresses.includes('/ip4/1.5.0.1/tcp/4420'))
  }).timeout(150_000)
}
