import assert from 'node:assert/strict'
import { copyFile, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type {
  Contact,
  NetworkBackup,
  ReceivedLetter,
  SentLetter,
  Status
} from '../../src/client/client.ts'
import type { Ran } from '../support/testnet.ts'
import { Testnet } from '../support/testnet.ts'

describe('a home of which nothing is left but twelve words', () => {
  let net: Testnet
  before(async () => {
    net = await Testnet.lay({ pods: ['one.test'], people: ['alice', 'bob'], seeds: 5 })
    await net.startAll()
    for (const name of ['alice', 'bob']) await ok(name, 'register', `${name}@one.test`)
  })
  after(() => net?.[Symbol.asyncDispose]())

  const run = (who: string, ...args: string[]): Promise<Ran> => net.muttr(who, '--json', ...args)
  const ok = <T>(who: string, ...args: string[]): Promise<T[]> => net.json<T>(who, ...args)

  it('comes back out of the network: identity, contacts and letters, and gets new ones', async () => {
    const [wordsFile, others] = [join(net.folder, 'words'), join(net.folder, 'others')]
    const network = join(net.folder, 'network.json')
    const [before] = await ok<SentLetter>('alice', 'send', 'bob@one.test', 'before the loss')
    await net.event('bob', 'opened', 0, ({ letter }) => letter === before!.id)
    await ok('bob', 'send', 'alice@one.test', 'I have it')
    await net.event('alice', 'opened')
    const [{ words } = { words: [] as string[] }] = await ok<{ words: string[] }>('bob', 'recovery')
    await writeFile(wordsFile, words.join(' '))
    const [strange] = await ok<{ words: string[] }>('alice', 'recovery')
    await writeFile(others, strange!.words.join(' '))
    const [made] = await ok<NetworkBackup>('bob', 'backup', '--network')
    assert(made!.last && made!.making === null && made!.problem === null)
    const [{ fingerprint, peer, networkBackup } = {} as Status] = await ok<Status>('bob', 'status')
    assert.deepEqual(networkBackup.last, made!.last)
    assert.deepEqual(await ok('bob', 'attachments'), [], 'it is no file of a letter')

    await copyFile(join(net.home('bob'), 'network.json'), network)
    await net.kill('bob')
    await rm(net.home('bob'), { recursive: true })
    const [lost] = await ok<SentLetter>('alice', 'send', 'bob@one.test', 'while he had nothing')

    const args = ['restore', '--from-network', '--network', network, '--no-passphrase']
    const wrong = await run('bob', ...args, '--words-file', others)
    assert.match(wrong.stderr, /RECORD_UNKNOWN/)
    await assert.rejects(stat(join(net.home('bob'), 'muttr.json')), { code: 'ENOENT' })
    const [back] = await ok<{ fingerprint: string; madeMs: number }>(
      'bob',
      ...[...args, '--words-file', wordsFile]
    )
    assert.equal(back!.fingerprint, fingerprint)
    assert(back!.madeMs >= made!.last.madeMs)
    await assert.rejects(stat(`${net.home('bob')}.fetching`), { code: 'ENOENT' })

    const from = net.events.length
    await net.start('bob')
    await net.event('bob', 'opened', from, ({ letter }) => letter === lost!.id)
    const [status] = await ok<Status>('bob', 'status')
    assert.equal(status!.fingerprint, fingerprint)
    assert.notEqual(status!.peer, peer, 'it is another device')
    for (const [id, body] of [
      [before!.id, 'before the loss'],
      [lost!.id, 'while he had nothing']
    ] as const) {
      const [read] = await ok<ReceivedLetter>('bob', 'read', id)
      assert.equal(read!.body.trim(), body)
    }
    const [contact] = await ok<Contact>('bob', 'contacts')
    assert.equal(contact!.alias, 'alice@one.test')
    const [after] = await ok<SentLetter>('alice', 'send', 'bob@one.test', 'good')
    await net.event('bob', 'opened', from, ({ letter }) => letter === after!.id)
  }).timeout(240_000)
})
