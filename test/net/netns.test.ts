import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { once } from 'node:events'
import type { Host } from '../support/netns.ts'
import { Lab, missingForNetns } from '../support/netns.ts'

/** Says where it listens, and answers who came. */
const server = `
  const server = require('node:net').createServer(socket => {
    socket.on('error', () => {}).end(socket.remoteAddress)
  })
  server.listen(4420, '::', () => console.log('ready'))`

/** Prints what the server said, or the code of the failure. */
/** A cable just plugged in may lose what is sent in the first second. */
const asking = (address: string) => `
  const socket = require('node:net').connect({ port: 4420, host: '${address}', timeout: 4000 })
  socket.on('timeout', () => socket.destroy(new Error('ETIMEDOUT')))
  socket.on('error', err => console.log(err.code ?? err.message)).on('data', data => console.log(String(data)))`

async function serving(host: Host): Promise<void> {
  await once(host.spawn(process.execPath, ['-e', server]).stdout, 'data')
}

const ask = async (host: Host, address: string): Promise<string> =>
  (await host.run(process.execPath, '-e', asking(address))).trim()

const missing = missingForNetns()
if (missing.length === 0) describe('a network of namespaces', netns)
else
  it(`a network of namespaces: not tried, this machine lacks ${missing.join(', ')}`, () => {
    assert.equal(process.env.CI, undefined)
  })

function netns(): void {
  let lab: Lab
  beforeEach(async () => {
    lab = await Lab.make()
  })
  afterEach(async () => {
    await lab[Symbol.asyncDispose]()
    const { stdout } = spawnSync('ip', ['netns', 'list'])
    assert(!String(stdout).includes(`muttr-${process.pid}-`), 'all is gone')
  })

  it('has routers that translate addresses, and let in nothing unasked', async () => {
    const on = await lab.switch('internet')
    const far = await lab.host('far', { on, addresses: ['1.2.3.4/24', '2a00:1::4/64'] })
    const router = await lab.router('router', {
      outside: { on, addresses: ['1.2.3.5/24', '2a00:1::5/64'] },
      inside: ['192.168.1.1/24', '2a00:2::1/64'],
      does: 'masquerade'
    })
    const laptop = await lab.host('laptop', {
      on: router.lan,
      addresses: ['192.168.1.10/24', '2a00:2::10/64'],
      gateways: ['192.168.1.1', '2a00:2::1']
    })
    await far.run('ip', '-6', 'route', 'add', '2a00:2::/64', 'via', '2a00:1::5')
    await far.run('ip', 'route', 'add', '192.168.1.0/24', 'via', '1.2.3.5')
    await serving(far)
    await serving(laptop)
    assert.equal(await ask(laptop, '1.2.3.4'), '::ffff:1.2.3.5')
    assert.equal(await ask(laptop, '2a00:1::4'), '2a00:2::10')
    assert.equal(await ask(far, '192.168.1.10'), 'ETIMEDOUT')
    assert.equal(await ask(far, '2a00:2::10'), 'ETIMEDOUT')
  })

  it('has cables that can be pulled, and hosts that move', async () => {
    const on = await lab.switch('internet')
    const far = await lab.host('far', { on, addresses: ['1.2.3.4/24'] })
    const laptop = await lab.host('laptop', { on, addresses: ['1.2.3.6/24'] })
    await serving(far)
    await laptop.cables[0]!.plug(false)
    assert.match(await ask(laptop, '1.2.3.4'), /ETIMEDOUT|EHOSTUNREACH/)
    await laptop.cables[0]!.plug(true)
    await laptop.move('1.2.3.6/24', '1.2.3.7/24')
    assert.equal(await ask(laptop, '1.2.3.4'), '::ffff:1.2.3.7')
  })
}
