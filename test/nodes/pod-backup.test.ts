import assert from 'node:assert/strict'
import { mkdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { loginLink, openLink } from '../support/pod-login.ts'
import { Testnet } from '../support/testnet.ts'

describe('a pod whose machine is lost', () => {
  let net: Testnet
  before(async () => {
    net = await Testnet.lay({ pods: ['one.test'], people: ['alice', 'bob', 'carol'], seeds: 5 })
    await net.startAll()
    for (const name of ['alice', 'bob']) await net.json(name, 'register', `${name}@one.test`)
  })
  after(() => net[Symbol.asyncDispose]())

  it('is the same pod again out of a backup that it made while it ran', async () => {
    await net.stop('bob')
    const [waiting] = await net.json<{ id: string }>('alice', 'send', 'bob@one.test', 'Waiting')
    const folder = join(net.folder, 'elsewhere')
    await mkdir(folder)
    const [file, words] = [join(folder, 'pod.muttr-backup'), join(folder, 'words')]
    const [said] = await net.json<{ words: string[] }>('one.test', 'recovery')
    await writeFile(words, said!.words.join(' '))
    await net.json('one.test', 'pod', 'admin', 'add', 'mona')
    await net.json('one.test', 'backup', file)
    assert.equal((await stat(file)).mode & 0o777, 0o600)
    const [before] = await net.json<{ fingerprint: string; peer: string }>('one.test', 'status')

    await net.kill('one.test')
    await rm(net.home('one.test'), { recursive: true })
    await net.json('one.test', 'restore', file, '--words-file', words, '--no-passphrase')
    // What an operator needs when the key is stolen comes along.
    const revocation = await readFile(join(net.home('one.test'), 'revocation.asc'), 'utf8')
    assert.match(revocation, /BEGIN PGP PUBLIC KEY BLOCK/)
    const from = net.events.length
    await net.start('one.test')
    const [after] = await net.json<{ fingerprint: string; peer: string }>('one.test', 'status')
    assert.deepEqual([after!.fingerprint, after!.peer], [before!.fingerprint, before!.peer])
    await net.start('bob')
    await net.event('bob', 'opened', from, ({ letter }) => letter === waiting!.id)

    const taken = await net.muttr('carol', 'register', 'alice@one.test', '--json')
    assert.equal(JSON.parse(taken.stderr).error.code, 'ALIAS_TAKEN')
    // Its operators came along, and whoever has the machine is let in.
    assert.equal((await openLink(await loginLink(net, 'one.test', 'mona'))).operator, 'mona')

    const [answer] = await net.json<{ id: string }>('bob', 'send', 'alice@one.test', 'Still here')
    await net.event('alice', 'opened', from, ({ letter }) => letter === answer!.id)
  })
})
