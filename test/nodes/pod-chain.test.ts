import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Contact } from '../../src/client/client.ts'
import { Testnet } from '../support/testnet.ts'

const [above, below] = ['one.test', 'eu.one.test']

/** Processes, and commands as two operators type them. */
describe('the pod of a domain and that of a subdomain', function () {
  this.timeout(120_000)
  let net: Testnet
  before(async () => {
    net = await Testnet.lay({ pods: [above, below], people: ['alice', 'bob'], seeds: 3 })
    await net.startAll()
    await net.json('alice', 'register', `alice@${above}`)
    await net.json('bob', 'register', `bob@${below}`)
  })
  after(() => net?.[Symbol.asyncDispose]())

  const file = (name: string) => join(net.folder, name)
  const trust = async () => {
    const [contact] = await net.json<Contact>('alice', 'lookup', `bob@${below}`)
    return contact!.podTrust
  }

  it('hand the word of the one to the other, and correspondents see it, until it is taken out', async () => {
    assert.equal(await trust(), 'file')
    const { stdout: key } = await net.muttr(below, 'key', 'export')
    await writeFile(file('eu.asc'), key)
    const refused = await net.muttr(below, '--json', 'pod', 'parent', file('eu.asc'))
    assert.equal(refused.status, 2, 'nobody has certified it yet')
    const upwards = await net.muttr(below, '--json', 'pod', 'certify', file('eu.asc'))
    assert.equal(upwards.status, 2, 'nobody vouches for themselves')
    const [made] = await net.json<{ certificates: string; hostname: string }>(
      above,
      ...['pod', 'certify', file('eu.asc')]
    )
    assert.equal(made!.hostname, below)
    await writeFile(file('certified.asc'), made!.certificates)
    await net.json(below, 'pod', 'parent', file('certified.asc'))
    // It stands in the state, and is shown by whoever runs after a crash.
    await net.kill(below)
    await net.start(below)
    const from = net.events.length
    await net.json('bob', 'send', `alice@${above}`, 'From below')
    await net.event('alice', 'opened', from)
    assert.equal(await trust(), 'chain')

    await net.json(below, 'pod', 'parent', '--remove')
    await net.stop('alice')
    await net.start('alice')
    assert.equal(await trust(), 'file')
  })
})
