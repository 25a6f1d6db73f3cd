import assert from 'node:assert/strict'
import { readFile, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Contact, ReceivedLetter, SentLetter } from '../../src/client/client.ts'
import type { Ran } from '../support/testnet.ts'
import { Testnet } from '../support/testnet.ts'

describe('a home that was destroyed', () => {
  let net: Testnet
  before(async () => {
    net = await Testnet.lay({ pods: ['one.test'], people: ['alice', 'bob'], seeds: 5 })
    await net.startAll()
    for (const name of ['alice', 'bob']) await ok(name, 'register', `${name}@one.test`)
  })
  after(() => net?.[Symbol.asyncDispose]())

  const run = (who: string, ...args: string[]): Promise<Ran> => net.muttr(who, '--json', ...args)
  const ok = <T>(who: string, ...args: string[]): Promise<T[]> => net.json<T>(who, ...args)

  it('comes back from its backup: identity, contacts and letters, and gets new ones', async () => {
    const file = join(net.folder, 'bob.backup')
    const wordsFile = join(net.folder, 'words')
    const [before] = await ok<SentLetter>('alice', 'send', 'bob@one.test', 'before the loss')
    await net.event('bob', 'opened', 0, ({ letter }) => letter === before!.id)
    await ok('bob', 'send', 'alice@one.test', 'I have it')
    await net.event('alice', 'opened')
    const page = join(net.folder, 'page.html')
    const [{ words } = { words: [] as string[] }] = await ok<{ words: string[] }>(
      'bob',
      ...['recovery', '--page', page]
    )
    assert.match(await readFile(page, 'utf8'), new RegExp(`>${words[0]}<[\\s\\S]*<svg`))
    await writeFile(wordsFile, `${words.slice(0, 6).join(' ')}\n${words.slice(6).join(' ')}\n`)
    await ok('bob', 'backup', file)
    assert.equal((await stat(file)).mode & 0o777, 0o600)
    assert.equal((await run('bob', 'backup', file)).status, 2, 'a backup is not written over')
    const [{ fingerprint, peer } = { fingerprint: '', peer: '' }] = await ok<{
      fingerprint: string
      peer: string
    }>('bob', 'status')

    await net.kill('bob')
    await rm(net.home('bob'), { recursive: true })
    const [lost] = await ok<SentLetter>('alice', 'send', 'bob@one.test', 'while he had nothing')

    const others = join(net.folder, 'others')
    await writeFile(others, words.toReversed().join(' '))
    const wrong = await run('bob', 'restore', file, '--words-file', others, '--no-passphrase')
    assert.match(wrong.stderr, /RECOVERY_WRONG/)
    const half = join(net.folder, 'half.backup')
    await writeFile(half, (await readFile(file)).subarray(0, 10_000))
    const cut = await run('bob', 'restore', half, '--words-file', wordsFile, '--no-passphrase')
    assert.match(cut.stderr, /BACKUP_INVALID/)
    await assert.rejects(stat(join(net.home('bob'), 'muttr.json')), { code: 'ENOENT' })
    const args = ['restore', file, '--words-file', wordsFile, '--no-passphrase']
    const [made] = await ok<{ fingerprint: string; held: number }>('bob', ...args)
    assert.deepEqual([made!.fingerprint, made!.held], [fingerprint, 0])
    assert.match((await run('bob', ...args)).stderr, /HOME_EXISTS/)

    const from = net.events.length
    await net.start('bob')
    await net.event('bob', 'rotated', from)
    await net.event('bob', 'opened', from, ({ letter }) => letter === lost!.id)
    const [status] = await ok<{ fingerprint: string; peer: string }>('bob', 'status')
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
    const [answer] = await ok<SentLetter>('bob', 'send', 'alice@one.test', 'I am back')
    await net.event('alice', 'opened', from, ({ letter }) => letter === answer!.id)
    const [after] = await ok<SentLetter>('alice', 'send', 'bob@one.test', 'good')
    await net.event('bob', 'opened', from, ({ letter }) => letter === after!.id)
  }).timeout(180_000)

  it('cannot be brought back by who has the file alone', async () => {
    const stolen = await readFile(join(net.folder, 'bob.backup'))
    for (const text of ['alice@one.test', 'muttr.json', 'BEGIN PGP', 'before the loss'])
      assert(!stolen.includes(text), text)
  })
})
