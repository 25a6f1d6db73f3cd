import assert from 'node:assert/strict'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { ReceivedLetter, Retraction, SentLetter } from '../../src/client/client.ts'
import type { VerifiedProof } from '../../src/client/verify-proof.ts'
import { refusalOf, resultsOf, runMuttr } from '../support/command.ts'
import { Testnet } from '../support/testnet.ts'

describe('release, over separate processes', () => {
  let net: Testnet
  before(async () => {
    net = await Testnet.lay({ pods: ['one.test', 'two.test'], people: ['alice', 'bob'], seeds: 6 })
    await net.startAll()
    await run('alice', 'register', 'alice@one.test')
    await run('bob', 'register', 'bob@two.test')
  })
  after(async () => {
    await net[Symbol.asyncDispose]()
  })

  const run = <T>(who: string, ...args: string[]): Promise<T[]> =>
    resultsOf([...args, '--home', net.home(who)]) as Promise<T[]>
  async function one<T>(who: string, ...args: string[]): Promise<T> {
    const [first] = await run<T>(who, ...args)
    assert(first, `${args.join(' ')} printed nothing`)
    return first
  }
  const inboxOf = async (who: string, id: string) =>
    (await run<ReceivedLetter>(who, 'inbox')).find(letter => letter.id === id)
  /** In a process without a home, and without a network. */
  const verify = (file: string) =>
    resultsOf(['proof', 'verify', file, '--home', join(net.folder, 'nowhere')])

  it('tells the sender that a letter was accepted, with the receipt, and frees its holders', async () => {
    const sent = await one<SentLetter>('alice', 'send', 'bob@two.test', 'Dear Bob', '--receipt')
    await net.event('bob', 'opened', 0, e => e.letter === sent.id)
    await net.event('bob', 'released', 0, e => e.key === sent.key)
    await net.event('alice', 'accepted', 0, e => e.letter === sent.id)
    const now = await one<SentLetter>('alice', 'sent', sent.id.slice(0, 8))
    assert.equal(now.state, 'accepted')
    assert(now.accepted?.receipt, 'no receipt')
    const [bobs] = await run<{ fingerprint: string }>('bob', 'status')
    assert.equal(now.accepted.receipt.fingerprint, bobs?.fingerprint)
    const refused = await refusalOf(['blob', 'get', sent.key!, '--home', net.home('seed-1')])
    assert.deepEqual(refused, [2, 'BLOB_RELEASED'])
    assert.equal((await one<ReceivedLetter>('bob', 'read', sent.id)).body, 'Dear Bob')
  })

  it('withdraws a letter that its reader has not fetched: later there is nothing to read', async () => {
    await net.stop('bob')
    const sent = await one<SentLetter>('alice', 'send', 'bob@two.test', 'on second thought')
    assert.equal(sent.state, 'announced')
    const { outcome, letter } = await one<Retraction>('alice', 'retract', sent.id.slice(0, 8))
    assert.deepEqual([outcome, letter.state], ['withdrawn', 'withdrawn'])
    assert(
      letter.withdrawing && letter.withdrawing.took >= 5,
      `${letter.withdrawing?.took} took it`
    )
    const from = net.events.length
    await net.start('bob')
    const { code } = await net.event('bob', 'refused', from, e => e.key === sent.key)
    assert.equal(code, 'BLOB_RELEASED')
    assert.equal(await inboxOf('bob', sent.id), undefined)
    const file = join(net.folder, 'withdrawn.proof')
    await run('alice', 'sent', sent.id, '--proof', '--out', file)
    const [proof] = (await verify(file)) as VerifiedProof[]
    assert.equal(proof?.state, 'withdrawn')
    // Who answered late is in it too.
    assert(proof.released && proof.released.by.length >= letter.withdrawing.took)
  })

  it('is too late after acceptance, and asks the reader to forget, which both see', async () => {
    const from = net.events.length
    const sent = await one<SentLetter>('alice', 'send', 'bob@two.test', 'too honest')
    await net.event('bob', 'released', from, e => e.key === sent.key)
    const { outcome, request } = await one<Retraction>('alice', 'retract', sent.id)
    assert.deepEqual([outcome, request?.retracts], ['too-late', sent.id])
    await net.event('bob', 'opened', from, e => e.letter === request!.id)
    assert.equal((await inboxOf('bob', sent.id))?.forgetAsked, request!.id)
    assert.equal((await inboxOf('bob', request!.id))?.retracts, sent.id)
    const own = await one<SentLetter>('alice', 'sent', sent.id)
    assert.deepEqual([own.state, own.forgetAsked], ['accepted', request!.id])
    const better = await one<SentLetter>(
      'alice',
      ...['send', 'bob@two.test', 'more kindly', '--corrects', sent.id.slice(0, 8)]
    )
    await net.event('bob', 'opened', from, e => e.letter === better.id)
    assert.equal((await inboxOf('bob', sent.id))?.correctedBy, better.id)
  })

  it('proves to anybody what was signed, without a home, a network or a doubt', async () => {
    const letters = await run<SentLetter>('alice', 'sent')
    const sent = letters.find(({ accepted }) => accepted?.receipt)
    assert(sent)
    const file = join(net.folder, 'accepted.proof')
    await run('alice', 'sent', sent.id, '--proof', '--out', file)
    const [proof] = (await verify(file)) as VerifiedProof[]
    assert(proof)
    assert.deepEqual([proof.state, proof.letter, proof.key], ['accepted', sent.id, sent.key])
    assert.equal(proof.receipt?.fingerprint, sent.accepted?.receipt?.fingerprint)
    assert(proof.stored.length >= 5, `${proof.stored.length} words of seeds`)
    assert(proof.announced?.fingerprint, 'the pod is not named by its certificate')
    const { stdout, status } = await runMuttr(['proof', 'verify', file])
    assert.equal(status, 0)
    for (const words of ['Stored:', 'Announced:', 'Accepted:', 'convinces', 'forged by'])
      assert(stdout.toString().includes(words), words)
    const spoiled = await readFile(file)
    spoiled[24]! ^= 1 // in the id of the letter
    await writeFile(file, spoiled)
    assert.deepEqual(await refusalOf(['proof', 'verify', file]), [2, 'PROOF_INVALID'])
  })
})
