import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { SentLetter } from '../../src/client/client.ts'
import { Testnet } from '../support/testnet.ts'

describe('a file beside a letter, over separate processes', () => {
  let net: Testnet
  before(async () => {
    net = await Testnet.lay({ pods: ['one.test'], people: ['alice', 'bob'], seeds: 6 })
    await net.startAll()
  })
  after(async () => {
    await net[Symbol.asyncDispose]()
  })

  const run = async (who: string, ...args: string[]) => {
    const { status, stdout, stderr } = await net.muttr(who, '--json', ...args)
    assert.equal(status, 0, `${args.join(' ')}: ${stderr}`)
    return stdout
  }
  it('goes out and comes in, although both ends are killed on the way', async () => {
    await run('alice', 'register', 'alice@one.test')
    await run('bob', 'register', 'bob@one.test')
    const bytes = randomBytes(10 * 2 ** 20 + 12_345)
    const folder = join(net.folder, 'files')
    await mkdir(folder)
    await writeFile(join(folder, 'Grüße aus Köln.bin'), bytes)
    const path = join(folder, 'Grüße aus Köln.bin')
    const args = ['--attach', path, '--expires', '1d', '--no-wait']
    const sent: SentLetter = JSON.parse(
      await run('alice', 'send', 'bob@one.test', 'A file', ...args)
    )
    // Some of it is stored, and not all: unless a fast machine was done between two events.
    await net.event('alice', 'transfer', 0, e => e.state !== 'sealing' && e.doneBytes > 0)
    await net.kill('alice')
    await net.start('alice')
    await net.event('bob', 'opened', 0, e => e.letter === sent.id)
    {
      await using bob = await net.client('bob')
      const from = net.events.length
      assert.equal((await bob.fetchAttachment(sent.id, 0)).state, 'fetching')
      await net.event('bob', 'transfer', from, e => e.doneBytes > 0)
    }
    await net.kill('bob')
    await net.start('bob')
    const out = join(net.folder, 'fetched')
    await mkdir(out)
    await writeFile(join(out, 'Grüße aus Köln.bin'), 'mine')
    await run('bob', 'fetch', sent.id.slice(0, 10), '1', '--to', out)
    assert.deepEqual((await readdir(out)).sort(), ['Grüße aus Köln (2).bin', 'Grüße aus Köln.bin'])
    assert.ok(bytes.equals(await readFile(join(out, 'Grüße aus Köln (2).bin'))))
    assert.equal(await readFile(join(out, 'Grüße aus Köln.bin'), 'utf8'), 'mine')
    assert.deepEqual(await readdir(join(net.home('bob'), 'attachments')), [])
  }).timeout(240_000)
})
