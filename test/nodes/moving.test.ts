import assert from 'node:assert/strict'
import { rm } from 'node:fs/promises'
import type { Contact, OwnMove, ReceivedLetter, SentLetter } from '../../src/client/client.ts'
import { Testnet } from '../support/testnet.ts'

/** Processes: a pod is killed for good with a letter in it, and its home is deleted. */
describe('a pod that dies', function () {
  this.timeout(600_000)
  let net: Testnet
  before(async () => {
    net = await Testnet.lay({ pods: ['one.test', 'two.test'], people: ['alice', 'bob'], seeds: 4 })
    await net.startAll()
    await ok('alice', 'register', 'alice@one.test')
    await ok('bob', 'register', 'bob@two.test')
  })
  after(() => net?.[Symbol.asyncDispose]())

  const ok = <T>(who: string, ...args: string[]): Promise<T[]> => net.json<T>(who, ...args)
  async function send(from: string, to: string, body: string): Promise<string> {
    const [letter] = await ok<SentLetter>(from, 'send', to, body)
    return letter!.id
  }
  async function arrives(who: string, id: string, since: number, body: string): Promise<void> {
    await net.event(who, 'opened', since, ({ letter }) => letter === id)
    const [read] = await ok<ReceivedLetter>(who, 'read', id)
    assert.equal(read!.body.trim(), body)
  }

  it('loses nobody and no letter: its people move by their own word, and are followed', async () => {
    const start = net.events.length
    await arrives('alice', await send('bob', 'alice@one.test', 'Hello'), start, 'Hello')
    await arrives('bob', await send('alice', 'bob@two.test', 'Hi'), start, 'Hi')
    await net.kill('alice')
    const from = net.events.length
    const taken = await send('bob', 'alice@one.test', 'the pod signs for this')
    await net.event('bob', 'announced', from, ({ letter }) => letter === taken)
    await net.kill('one.test')
    await rm(net.home('one.test'), { recursive: true })
    await net.start('alice')
    const queued = await send('bob', 'alice@one.test', 'and never hears of this')

    const [moved] = await ok<OwnMove>('alice', 'move', '--to', 'alice@two.test')
    assert.deepEqual(
      [moved!.from, moved!.to, moved!.agreed],
      ['alice@one.test', 'alice@two.test', false]
    )
    const since = net.events.length
    await send('alice', 'bob@two.test', 'I am elsewhere')
    const told = await net.event('bob', 'moved', since)
    assert.deepEqual(
      [told.alias, told.to, told.agreed],
      ['alice@one.test', 'alice@two.test', false]
    )
    await arrives('alice', taken, from, 'the pod signs for this')
    await arrives('alice', queued, from, 'and never hears of this')
    const contacts = await ok<Contact>('bob', 'contacts')
    assert.deepEqual(
      contacts.map(({ alias, moved: said }) => [alias, said?.from]),
      [['alice@two.test', 'alice@one.test']]
    )
    const [late] = await ok<SentLetter>('bob', 'send', 'alice@one.test', 'to the old name')
    assert.equal(late!.to, 'alice@two.test')
    await arrives('alice', late!.id, from, 'to the old name')
    const person = await net.muttr('bob', 'contacts')
    assert.match(person.stdout, /alice@two\.test moved from alice@one\.test/)
    const own = await net.muttr('alice', 'move')
    assert.match(own.stdout, /You moved from alice@one\.test to alice@two\.test/)
  })
})
