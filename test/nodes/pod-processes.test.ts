import assert from 'node:assert/strict'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { PodMember, PodMigrated } from '../../src/cli/doors.ts'
import { systemRandom } from '../../src/net/random.ts'
import { freePorts } from '../../src/nodes/free-ports.ts'
import type { Postgres } from '../support/postgres.ts'
import { startPostgres } from '../support/postgres.ts'
import { Testnet } from '../support/testnet.ts'

describe('a pod that outgrows its machine', () => {
  let net: Testnet
  let server: Postgres
  before(async () => {
    server = await startPostgres()
    net = await Testnet.lay({ pods: ['one.test'], people: ['alice', 'bob'], seeds: 5 })
    await net.startAll()
    await net.json('alice', 'register', 'alice@one.test')
    await net.json('bob', 'register', 'bob@one.test')
  })
  after(async () => {
    await net[Symbol.asyncDispose]()
    await server[Symbol.asyncDispose]()
  })

  async function letter(subject: string, from = net.events.length) {
    const [sent] = await net.json<{ id: string }>('alice', 'send', 'bob@one.test', subject)
    await net.event('bob', 'opened', from, ({ letter }) => letter === sent!.id)
  }
  /** Both have greeted the pod since. */
  const greeted = (from: number) =>
    Promise.all(['alice', 'bob'].map(name => net.event(name, 'listening', from)))

  it('moves to PostgreSQL with all that waits in it, and its former database is put aside', async () => {
    const running = await net.muttr('one.test', '--json', 'pod', 'migrate', '--to', server.url)
    assert.equal(JSON.parse(running.stderr).error.code, 'HOME_IN_USE')
    await net.stop('bob')
    const [waiting] = await net.json<{ id: string }>('alice', 'send', 'bob@one.test', 'Waiting')
    await net.stop('one.test')
    const [moved] = await net.json<PodMigrated>('one.test', 'pod', 'migrate', '--to', server.url)
    assert(moved!.entries >= 1 && moved!.rows > 10, 'the notice, and what stands around it')
    const text = await readFile(join(net.home('one.test'), 'muttr.json'), 'utf8')
    assert(text.includes(server.url))
    const databases = await readdir(join(net.home('one.test'), 'db'))
    assert(databases.some(name => /^pod\.before-\d+$/.test(name)) && !databases.includes('pod'))
    const from = net.events.length
    await net.start('one.test')
    await net.start('bob')
    await net.event('bob', 'opened', from, ({ letter }) => letter === waiting!.id)
  })

  it('is served by two processes, and by either alone when the other is killed', async function () {
    // Three times two people lose their pod and look for it at growing intervals.
    this.timeout(480_000)
    const [port] = await freePorts(1, systemRandom)
    const out = net.adopt('second', 'pod')
    const listen = `/ip4/127.0.0.1/tcp/${port}`
    const args = ['member', '--out', out, '--listen', listen]
    const [member] = await net.json<PodMember>('one.test', 'pod', ...args)
    await net.start('second')
    const processes = await net.json<{ peer: string; isThis: boolean }>(
      'second',
      'pod',
      'processes'
    )
    assert.equal(processes.find(({ isThis }) => isThis)?.peer, member!.peer)
    assert.equal(processes.length, 2)
    // People hear of the second when they next greet the pod, and find it by its record in the network.
    let from = net.events.length
    await net.stop('one.test')
    await net.start('one.test')
    await greeted(from)
    for (const gone of ['one.test', 'second', 'one.test']) {
      from = net.events.length
      await net.kill(gone)
      await letter(`While ${gone} is away`, from)
      await net.start(gone)
    }
  })

  it('loses nothing when the database is killed while letters come', async () => {
    const from = net.events.length
    const sending = net.json<{ id: string }>('alice', 'send', 'bob@one.test', 'In the middle')
    await server.stop('kill')
    await server.start()
    const [sent] = await sending
    await net.event('bob', 'opened', from, ({ letter }) => letter === sent!.id)
  })

  it('goes back into its own home, and the other process is not let in any more', async () => {
    await net.stop('second')
    const alone = await net.muttr('second', '--json', 'pod', 'migrate', '--to', 'embedded')
    assert.equal(JSON.parse(alone.stderr).error.code, 'HOME_IN_USE', 'one.test runs')
    await net.stop('one.test')
    await net.json('one.test', 'pod', 'migrate', '--to', 'embedded')
    await assert.rejects(net.start('second'), /STATE_UNFIT/)
    const from = net.events.length
    await net.start('one.test')
    await letter('Home again', from)
  })
})
