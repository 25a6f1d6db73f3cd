import assert from 'node:assert/strict'
import type { MuttrEvent } from '../../src/base/events.ts'
import type { Contact, ReceivedLetter, SentLetter } from '../../src/client/client.ts'
import { Testnet } from '../support/testnet.ts'

const jsonLines = (text: string) =>
  text
    .trim()
    .split('\n')
    .filter(Boolean)
    .map(line => JSON.parse(line))

describe('the twelve steps, over separate processes', () => {
  let net: Testnet
  before(async () => {
    net = await Testnet.lay({ pods: ['one.test', 'two.test'], people: ['alice', 'bob'], seeds: 6 })
    await net.startAll()
  })
  after(async () => {
    await net[Symbol.asyncDispose]()
  })

  async function run<T>(who: string, ...args: string[]): Promise<T[]> {
    const { status, stdout, stderr } = await net.muttr(who, '--json', ...args)
    assert.equal(status, 0, `${args.join(' ')}: ${stderr}`)
    return jsonLines(stdout) as T[]
  }

  async function one<T>(who: string, ...args: string[]): Promise<T> {
    const [first] = await run<T>(who, ...args)
    assert(first, `${args.join(' ')} printed nothing`)
    return first
  }

  /** Sends and waits until bob has opened it. */
  async function deliver(to: string, body: string): Promise<SentLetter> {
    const from = net.events.length
    const sent = await one<SentLetter>('alice', 'send', to, body)
    await net.event('bob', 'opened', from, e => e.letter === sent.id)
    return sent
  }

  it('carries a letter from alice to bob at one pod, step by step', async () => {
    await run('alice', 'register', 'alice@one.test')
    await run('bob', 'register', 'bob@one.test')
    const sent = await deliver('bob@one.test', 'Dear Bob')
    const types = (who: string): MuttrEvent['type'][] =>
      net.events.filter(e => e.who === who).map(e => e.event.type)
    const happened = (who: string, wanted: MuttrEvent['type'][]) => {
      const seen = types(who)
      let at = -1
      for (const type of wanted) {
        at = seen.indexOf(type, at + 1)
        assert.notEqual(at, -1, `${who}: no ${type} in order in ${seen}`)
      }
    }
    const join = ['seeds-asked', 'seeds-received', 'identified', 'registered', 'listening'] as const
    happened('alice', [...join, 'looked-up', 'sealed', 'stored', 'announced'])
    happened('bob', [...join, 'notified', 'fetched', 'opened'])
    assert.equal(sent.state, 'announced')
    assert(sent.copies.length >= 5, `${sent.copies.length} copies`)
    const letter = await one<ReceivedLetter>('bob', 'read', sent.id)
    assert.equal(letter.body, 'Dear Bob')
    assert.deepEqual(
      [letter.from.alias, letter.from.certifiedByPod, letter.to],
      ['alice@one.test', true, 'bob@one.test']
    )
    const pinned = await one<Contact>('alice', 'contacts')
    assert.equal(pinned.alias, 'bob@one.test')
  })

  it('carries a letter between two pods', async () => {
    await run('bob', 'register', 'bob@two.test')
    const sent = await deliver('bob@two.test', 'to another pod')
    assert.equal(sent.announced?.pod, 'two.test')
    const letter = await one<ReceivedLetter>('bob', 'read', sent.id)
    assert.deepEqual([letter.body, letter.to], ['to another pod', 'bob@two.test'])
  })

  it('plays back what came while bob was off', async () => {
    await net.stop('bob')
    const [sent] = (await run('alice', 'send', 'bob@one.test', 'while you were away')) as [
      SentLetter
    ]
    assert.equal(sent.state, 'announced')
    const from = net.events.length
    await net.start('bob')
    await net.event('bob', 'opened', from, e => e.letter === sent.id)
    const notified = await net.event('bob', 'notified', from)
    assert.deepEqual([notified.how, notified.key], ['playback', sent.key])
  })

  it('delivers although both pods are killed between the notice and the notification', async () => {
    await net.stop('bob')
    const sent = await one<SentLetter>('alice', 'send', 'bob@two.test', 'through the crash')
    assert.equal(sent.state, 'announced')
    await Promise.all([net.kill('one.test'), net.kill('two.test')])
    const from = net.events.length
    await net.start('one.test', 'two.test')
    await net.start('bob')
    await net.event('bob', 'opened', from, e => e.letter === sent.id)
  })

  it('keeps the letter and delays only the notice while the pod is down', async () => {
    await deliver('bob@two.test', 'so that the key is known')
    await net.kill('two.test')
    const from = net.events.length
    const sent = await one<SentLetter>('alice', 'send', 'bob@two.test', 'pod is down')
    assert.equal(sent.state, 'stored')
    assert(sent.copies.length >= 5)
    assert.equal(sent.handed?.pod, 'one.test')
    assert.equal(sent.announced, null)
    await net.start('two.test')
    await net.event('bob', 'opened', from, e => e.letter === sent.id)
    const now = (await run<SentLetter>('alice', 'sent')).find(l => l.id === sent.id)
    assert.equal(now?.announced?.pod, 'two.test')
  })

  it('keeps letters over a kill of both people', async () => {
    const before = await run<ReceivedLetter>('bob', 'inbox')
    await Promise.all([net.kill('alice'), net.kill('bob')])
    await net.start('alice', 'bob')
    assert.deepEqual(
      (await run<ReceivedLetter>('bob', 'inbox')).map(l => l.id),
      before.map(l => l.id)
    )
    await deliver('bob@one.test', 'still here')
  })
})
