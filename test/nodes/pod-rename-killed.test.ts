import assert from 'node:assert/strict'
import { once } from 'node:events'
import { watch } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { SentLetter, Status } from '../../src/client/client.ts'
import { readConfigFile } from '../../src/config/config.ts'
import { startMuttr } from '../support/command.ts'
import { Testnet } from '../support/testnet.ts'

const [old, now] = ['one.test', 'new.test']

describe('muttr pod rename, killed', function () {
  this.timeout(300_000)
  let net: Testnet
  before(async () => {
    net = await Testnet.lay({ pods: [old, 'two.test'], people: ['alice', 'bob'], seeds: 3 })
    await net.startAll()
    await net.json('alice', 'register', `alice@${old}`)
    await net.json('bob', 'register', 'bob@two.test')
  })
  after(() => net?.[Symbol.asyncDispose]())

  /** Kills it when so much has changed in the home of the pod. @returns its exit status; null where it was killed */
  async function rename(changes: number): Promise<number | null> {
    const child = startMuttr(['--home', net.home(old), 'pod', 'rename', '--to', now])
    let seen = 0
    const watcher = watch(net.home(old), { recursive: true }, () => {
      if (++seen === changes) child.kill('SIGKILL')
    })
    try {
      child.stdout.resume()
      child.stderr.resume()
      const [status] = (await once(child, 'close')) as [number | null]
      return status
    } finally {
      watcher.close()
    }
  }
  const hostname = async () =>
    readConfigFile(await readFile(join(net.home(old), 'muttr.json'), 'utf8')).pod?.hostname

  it('leaves a pod that begins under the one name or the other, and whose letters arrive', async () => {
    let killed = 0
    for (let changes = 1; ; changes *= 3) {
      await net.stop(old)
      const status = await rename(changes)
      assert(status === null || status === 0, `exit status ${status}`)
      if (status === null) killed += 1
      const name = await hostname()
      assert(name === old || name === now)
      if (status === 0) assert.equal(name, now)
      const from = net.events.length
      await net.start(old)
      const [letter] = await net.json<SentLetter>('bob', 'send', `alice@${old}`, `${changes}`)
      await net.event('alice', 'opened', from, opened => opened.letter === letter!.id)
      if (name === now) break
    }
    assert(killed > 1, 'it was killed before it was done')
    await net.event('alice', 'agreed', 0, ({ to }) => to === `alice@${now}`)
    const [status] = await net.json<Status>('alice', 'status')
    assert.deepEqual(
      status!.pods.map(pod => [pod.hostname, pod.aliases]),
      [[now, [`alice@${now}`]]]
    )
  })
})
