import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { SentLetter } from '../../src/client/client.ts'
import { Testnet } from '../support/testnet.ts'

describe('a file that a pod fetches for a laptop that is off, over separate processes', () => {
  let net: Testnet
  before(async function () {
    this.timeout(90_000)
    net = await Testnet.lay({ pods: ['one.test'], people: ['alice', 'bob'], seeds: 5 })
    // A laptop: it holds nothing for others, and so nothing of the file.
    const config = join(net.home('bob'), 'muttr.json')
    const said = JSON.parse(await readFile(config, 'utf8'))
    await writeFile(config, JSON.stringify({ ...said, mode: 'client' }))
    await net.startAll()
  })
  after(async function () {
    this.timeout(30_000)
    await net[Symbol.asyncDispose]()
  })

  const run = async (who: string, ...args: string[]) => {
    const { status, stdout, stderr } = await net.muttr(who, '--json', ...args)
    assert.equal(status, 0, `${args.join(' ')}: ${stderr}`)
    return stdout
  }
  /** What the pod has of it, as the laptop's own command says. */
  const aheadOf = async (letter: string) =>
    JSON.parse(await run('bob', 'attachments', letter)).ahead

  it('comes from the pod, although pod and laptop are killed on the way and all holders are gone', async () => {
    await run('alice', 'register', 'alice@one.test')
    await run('bob', 'register', 'bob@one.test')
    const bytes = randomBytes(6 * 2 ** 20 + 12_345)
    const path = join(net.folder, 'film.mp4')
    await writeFile(path, bytes)
    const args = ['--attach', path, '--expires', '1d', '--no-wait']
    const sent: SentLetter = JSON.parse(
      await run('alice', 'send', 'bob@one.test', 'A film', ...args)
    )
    await net.event('bob', 'opened', 0, e => e.letter === sent.id)
    const from = net.events.length
    const asked = JSON.parse(await run('bob', 'fetch', sent.id, '--ahead'))
    assert.equal(asked.ahead.pod, 'one.test')
    await net.kill('bob')
    // The pod is killed while it fetches, or, where it is faster than us, when it has all.
    await net.kill('one.test')
    await net.start('one.test')
    await net.start('bob')
    if ((await aheadOf(sent.id)).state !== 'kept')
      await net.event('bob', 'ahead', from, e => e.id === sent.id && e.state === 'kept')
    // What the pod holds as a seed, as one of eight, is not what it fetched.
    const others = ['alice', ...Array.from({ length: 5 }, (_, i) => `seed-${i}`)]
    await Promise.all([...others, 'one.test'].map(who => net.kill(who)))
    await rm(join(net.home('one.test'), 'db', 'seed'), { recursive: true })
    await net.start('one.test')
    const out = join(net.folder, 'fetched')
    await mkdir(out)
    await run('bob', 'fetch', sent.id, '--to', out)
    assert.ok(bytes.equals(await readFile(join(out, 'film.mp4'))))
    assert.deepEqual(await readdir(join(net.home('bob'), 'attachments')), [])
    await net.stop('bob')
    assert.deepEqual(await readdir(join(net.home('one.test'), 'ahead')), [])
  }).timeout(240_000)
})
