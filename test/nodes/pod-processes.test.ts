import assert from 'node:assert/strict'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { PodMember, PodMigrated } from '../../src/cli/doors.ts'
import { systemRandom } from '../../src/net/random.ts'
import { freePorts } from '../../src/nodes/free-ports.ts'
import { loginLink, openLink } from '../support/pod-login.ts'
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
    await net.json('one.test', 'pod', 'admin', 'add', 'mona')
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
    assert.equal((await openLink(await loginLink(net, 'one.test', 'mona'))).operator, 'mona')
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
    // What lets an operator in at one lets them in at the other.
    const [first, second] = [await loginLink(net, 'one.test'), await loginLink(net, 'second')]
    const at = first.local!.split('#')[0]
    const { operator, get } = await openLink(second, at)
    const here = await get<{ operator: { name: string } }>('session', second.local!.split('#')[0])
    assert.equal(here.operator.name, operator)
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

  it('sends its people to the other process before it ends, and loses nothing of what comes meanwhile', async () => {
    const lines = async (name: string, ...args: string[]) =>
      (await net.json<{ state?: string; peer?: string }>(name, 'pod', ...args))[0]!
    // Wherever they are: who is at the second is sent to the first, and then all of them back.
    for (const [leaves, stays] of [
      ['second', 'one.test'],
      ['one.test', 'second']
    ] as const) {
      const from = net.events.length
      const ids: string[] = []
      const sending = (async () => {
        for (let i = 0; i < 3; i++) {
          const [sent] = await net.json<{ id: string }>('alice', 'send', 'bob@one.test', `${i}`)
          ids.push(sent!.id)
        }
      })()
      const drained = await lines(leaves, 'drain')
      assert.equal(drained.state, 'drained')
      await sending
      await Promise.all(
        ids.map(id => net.event('bob', 'opened', from, ({ letter }) => letter === id))
      )
      const child = net.child(leaves)
      process.kill(child.pid, 'SIGTERM')
      await assert.rejects(child.ended, / ended with 0: /)
      await letter(`With ${stays} alone`, from)
      await net.stop(leaves)
      await net.start(leaves)
    }
    const left = await lines('second', 'drain', '--leave')
    assert.equal(left.state, 'drained')
    assert.equal((await net.json('one.test', 'pod', 'processes')).length, 1)
    const again = await net.muttr('one.test', 'pod', 'drain', '--leave', '--json')
    assert.equal(JSON.parse(again.stderr).error.code, 'USAGE', 'it is the last one')
    const from = net.events.length
    await net.stop('second')
    await letter('Of the one that is left', from)
    await net.start('second')
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
    await assert.rejects(net.start('second'), /STATE_UNFIT[\s\S]*was left by the pod/)
    const from = net.events.length
    await net.start('one.test')
    await letter('Home again', from)
  })
})
