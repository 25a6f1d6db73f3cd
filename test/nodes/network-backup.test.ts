import assert from 'node:assert/strict'
import { copyFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { NetworkBackup, Status } from '../../src/client/client.ts'
import { isGone, layLostHome, live, liveOn, lose } from '../support/lost-home.ts'
import type { Testnet } from '../support/testnet.ts'

describe('a home of which nothing is left but twelve words', () => {
  let net: Testnet
  before(async () => {
    net = await layLostHome()
  })
  after(() => net?.[Symbol.asyncDispose]())

  it('comes back out of the network: identity, contacts and letters, and gets new ones', async () => {
    const network = join(net.folder, 'network.json')
    const had = await live(net)
    const [made] = await net.json<NetworkBackup>('bob', 'backup', '--network')
    assert(made!.last && made!.making === null && made!.problem === null)
    const [{ networkBackup } = {} as Status] = await net.json<Status>('bob', 'status')
    assert.deepEqual(networkBackup.last, made!.last)
    assert.deepEqual(await net.json('bob', 'attachments'), [], 'it is no file of a letter')
    await copyFile(join(net.home('bob'), 'network.json'), network)
    const lost = await lose(net)

    const args = ['restore', '--from-network', '--network', network, '--no-passphrase']
    const wrong = await net.muttr('bob', '--json', ...args, '--words-file', had.others)
    assert.match(wrong.stderr, /RECORD_UNKNOWN/)
    await isGone(net)
    const [back] = await net.json<{ fingerprint: string; madeMs: number }>(
      'bob',
      ...[...args, '--words-file', had.wordsFile]
    )
    assert.equal(back!.fingerprint, had.status.fingerprint)
    assert(back!.madeMs >= made!.last.madeMs)
    await assert.rejects(stat(`${net.home('bob')}.fetching`), { code: 'ENOENT' })
    await liveOn(net, lost, had)
  }).timeout(240_000)
})
