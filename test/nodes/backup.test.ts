import assert from 'node:assert/strict'
import { readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { isGone, layLostHome, live, liveOn, lose } from '../support/lost-home.ts'
import type { Ran, Testnet } from '../support/testnet.ts'

describe('a home that was destroyed', () => {
  let net: Testnet
  before(async () => {
    net = await layLostHome()
  })
  after(() => net?.[Symbol.asyncDispose]())

  const run = (...args: string[]): Promise<Ran> => net.muttr('bob', '--json', ...args)

  it('comes back from its backup: identity, contacts and letters, and gets new ones', async () => {
    const file = join(net.folder, 'bob.backup')
    const had = await live(net)
    const page = join(net.folder, 'page.html')
    await net.json('bob', 'recovery', '--page', page)
    assert.match(await readFile(page, 'utf8'), new RegExp(`>${had.words[0]}<[\\s\\S]*<svg`))
    await net.json('bob', 'backup', file)
    assert.equal((await stat(file)).mode & 0o777, 0o600)
    assert.equal((await run('backup', file)).status, 2, 'a backup is not written over')
    const lost = await lose(net)

    const reversed = join(net.folder, 'reversed')
    await writeFile(reversed, had.words.toReversed().join(' '))
    for (const words of [had.others, reversed]) {
      const wrong = await run('restore', file, '--words-file', words, '--no-passphrase')
      assert.match(wrong.stderr, /RECOVERY_WRONG/)
    }
    const half = join(net.folder, 'half.backup')
    await writeFile(half, (await readFile(file)).subarray(0, 10_000))
    const cut = await run('restore', half, '--words-file', had.wordsFile, '--no-passphrase')
    assert.match(cut.stderr, /BACKUP_INVALID/)
    await isGone(net)
    const args = ['restore', file, '--words-file', had.wordsFile, '--no-passphrase']
    const [made] = await net.json<{ fingerprint: string; held: number }>('bob', ...args)
    assert.deepEqual([made!.fingerprint, made!.held], [had.status.fingerprint, 0])
    assert.match((await run(...args)).stderr, /HOME_EXISTS/)
    await liveOn(net, lost, had)
  }).timeout(180_000)

  it('cannot be brought back by who has the file alone', async () => {
    const stolen = await readFile(join(net.folder, 'bob.backup'))
    for (const text of ['alice@one.test', 'muttr.json', 'BEGIN PGP', 'before the loss'])
      assert(!stolen.includes(text), text)
  })
})
