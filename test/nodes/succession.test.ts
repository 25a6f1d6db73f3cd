import assert from 'node:assert/strict'
import { readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Contact, OwnSuccession, ReceivedLetter, SentLetter } from '../../src/client/client.ts'
import { exportPerson } from '../../src/keys/person.ts'
import { openVault } from '../../src/keys/vault.ts'
import { missingTools, openPgpTools } from '../support/openpgp-tools.ts'
import type { Ran } from '../support/testnet.ts'
import { Testnet } from '../support/testnet.ts'

/** Processes with two pods, of which one is away while alice takes her new key, and her own node is killed in between. */
describe('a new key over two pods', function () {
  this.timeout(600_000)
  let net: Testnet
  before(async () => {
    net = await Testnet.lay({ pods: ['one.test', 'two.test'], people: ['alice', 'bob'], seeds: 4 })
    await net.startAll()
    await ok('alice', 'register', 'alice@one.test')
    await ok('alice', 'register', 'alice@two.test')
    await ok('bob', 'register', 'bob@two.test')
  })
  after(() => net?.[Symbol.asyncDispose]())

  const run = (who: string, ...args: string[]): Promise<Ran> => net.muttr(who, '--json', ...args)
  const ok = <T>(who: string, ...args: string[]): Promise<T[]> => net.json<T>(who, ...args)
  async function send(from: string, to: string, body: string): Promise<string> {
    const before = net.events.length
    const [letter] = await ok<SentLetter>(from, 'send', to, body)
    const reader = to.slice(0, to.indexOf('@'))
    await net.event(reader, 'opened', before, ({ letter: id }) => id === letter!.id)
    const [read] = await ok<ReceivedLetter>(reader, 'read', letter!.id)
    assert.equal(read!.body.trim(), body)
    return letter!.id
  }

  it('is taken by both, followed by who writes, and leaves nothing unread', async () => {
    const early = await send('bob', 'alice@one.test', 'to the old key')
    await send('bob', 'alice@two.test', 'there, too')
    await send('alice', 'bob@two.test', 'by the old key')
    const certificate = async () =>
      (await ok<{ certificate: string }>('alice', 'key', 'export'))[0]!
    const { certificate: oldKey } = await certificate()
    const [words] = await ok<{ words: string[] }>('alice', 'recovery')

    assert.equal((await run('alice', 'key', 'succeed')).status, 1, 'nobody can be asked here')
    await net.kill('two.test')
    const [half] = await ok<OwnSuccession>('alice', 'key', 'succeed', '--yes')
    assert.deepEqual(
      half!.pods.map(({ pod, taken }) => [pod, taken]),
      [
        ['one.test', true],
        ['two.test', false]
      ]
    )
    await net.kill('alice')
    const from = net.events.length
    await net.start('two.test', 'alice')
    const taken = await net.event('alice', 'handed-over', from, ({ pod }) => pod === 'two.test')
    assert.equal(taken.fingerprint, half!.to)
    for (let shown: OwnSuccession | undefined; !shown?.eraseMs; )
      [shown] = (await ok<{ succession: OwnSuccession }>('alice', 'key', 'show')).map(
        ({ succession }) => succession
      )

    // Bob's client believes the directory for a week: this one is sealed to the old key.
    const late = await send('bob', 'alice@two.test', 'still to the old key')
    const heard = net.events.length
    await send('alice', 'bob@two.test', 'by the new key')
    const told = await net.event('bob', 'followed', heard)
    assert.deepEqual([told.from, told.to], [half!.from, half!.to])
    const contacts = await ok<Contact>('bob', 'contacts')
    const follows = contacts.find(({ alias }) => alias === told.alias)
    assert.equal(follows?.fingerprint, half!.to)
    assert.equal(follows.succession?.from, half!.from)
    assert.equal(follows.verified, false)
    await send('bob', told.alias, 'to the new key')
    assert.deepEqual(await ok('alice', 'alarms'), [])

    // A new backup holds what reads the old letters, and another machine goes on.
    const file = join(net.folder, 'alice.backup')
    await ok('alice', 'backup', file)
    await net.kill('alice')
    const lost = await ok<SentLetter>('bob', 'send', 'alice@one.test', 'while she had nothing')
    const vault = await openVault(
      new Uint8Array(await readFile(join(net.home('alice'), 'vault'))),
      null
    )
    const revocation = await readFile(join(net.home('alice'), 'revocation.asc'), 'utf8')
    await rm(net.home('alice'), { recursive: true })
    const wordsFile = join(net.folder, 'words')
    await writeFile(wordsFile, words!.words.join(' '))
    await ok('alice', 'restore', file, '--words-file', wordsFile, '--no-passphrase')
    const again = net.events.length
    await net.start('alice')
    await net.event('alice', 'opened', again, ({ letter }) => letter === lost[0]!.id)
    for (const [id, body] of [
      [early, 'to the old key'],
      [late, 'still to the old key']
    ] as const)
      assert.equal((await ok<ReceivedLetter>('alice', 'read', id))[0]!.body.trim(), body)

    if (missingTools().length === 0) {
      await using tools = await openPgpTools()
      // GnuPG fails after it took a revocation where nobody is trusted yet.
      await tools.gpg('--quick-gen-key', 'Gpg <gpg@x.test>', 'default', 'default', 'never')
      const { certificate: newKey } = await certificate()
      for (const [name, content] of [
        ['old', oldKey],
        ['new', newKey],
        ['secret', await exportPerson(vault)],
        ['former', await exportPerson(vault.former[0]!)]
      ] as const)
        await tools.gpg('--import', await tools.write(name, content))
      const listed = (await tools.gpg('--list-secret-keys', '--with-colons')).stdout.toString()
      for (const fingerprint of [half!.from, half!.to])
        assert(listed.includes(fingerprint.toUpperCase()), fingerprint)
      await tools.gpg('--import', await tools.write('revocation', revocation))
      const keys = (await tools.gpg('--list-keys', '--with-colons')).stdout.toString()
      const revoked = keys.split('\n').filter(line => line.startsWith('pub:r:'))
      assert.equal(revoked.length, 1)
      assert(revoked[0]!.includes(half!.to.slice(-16).toUpperCase()))
    }
  })
})
