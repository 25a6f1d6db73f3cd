import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { LinkTaken, Setup } from '../../src/api/house.ts'
import type { MuttrEvent } from '../../src/base/events.ts'
import type { Ready } from '../../src/cli/doors.ts'
import { makeJoinLink } from '../../src/config/join-link.ts'
import { writeNetwork } from '../../src/config/network.ts'
import { runDaemon } from '../../src/nodes/daemon.ts'
import { firstLines, refusalOf, resultsOf, startMuttr } from '../support/command.ts'
import { temporaryFolder } from '../support/store-folder.ts'

const passphrase = 'correct horse'
const network = writeNetwork({
  name: 'nobody',
  description: '',
  seeds: [],
  pods: [{ hostname: 'one.test', addresses: ['/ip4/127.0.0.1/tcp/1'] }],
  parameters: { replicas: 8, quorum: 5 }
})

describe('a node that is set up through its page', () => {
  const over = new AbortController()
  let folder: Awaited<ReturnType<typeof temporaryFolder>>
  let ready: Ready
  let ended: Promise<void>
  let token: string
  let hear = (_: MuttrEvent): void => {}

  /** A daemon on the folder, until `signal` aborts. */
  const up = (signal: AbortSignal, locked: boolean, home: string): Promise<Ready> =>
    new Promise((resolve, reject) => {
      ended = runDaemon({
        home: join(folder.path, home),
        signal,
        locked,
        passphrase: async () => passphrase,
        emit: event => hear(event),
        onReady: resolve
      })
      ended.catch(reject)
    })

  async function ask<T>(method: string, path: string, json?: unknown): Promise<T> {
    const answer = await fetch(ready.api + path, {
      method,
      headers: { authorization: `Bearer ${token}` },
      ...(json !== undefined && { body: JSON.stringify(json) })
    })
    const text = await answer.text()
    return (text.startsWith('{') || text.startsWith('[') ? JSON.parse(text) : text) as T
  }

  /** Runs what has the node started, and waits until it is. */
  async function restarted(run: () => Promise<unknown>): Promise<Setup> {
    const { promise, resolve } = Promise.withResolvers<void>()
    hear = event => {
      if (event.type === 'node' && event.state !== 'starting') resolve()
    }
    await run()
    await promise
    return await ask<Setup>('GET', '/setup')
  }

  const begin = async (signal: AbortSignal, locked = false, home = 'home') => {
    ready = await up(signal, locked, home)
    token = /#token=([0-9a-f]{64})$/.exec(ready.page)![1]!
  }

  before(async () => {
    folder = await temporaryFolder()
    await begin(over.signal)
  })
  after(async () => {
    over.abort()
    await ended
    await folder[Symbol.asyncDispose]()
  })

  it('serves its page before there is a home, and refuses what needs one', async () => {
    assert.deepEqual([ready.name, ready.aliases], [null, []])
    assert.equal((await ask<Setup>('GET', '/setup')).state, 'missing')
    const refused = await ask<{ error: { code: string } }>('GET', '/inbox')
    assert.equal(refused.error.code, 'HOME_MISSING')
  })

  it('leaves nothing of a home that could not be made, and takes the next attempt', async () => {
    const bad = await ask<{ error: { code: string } }>('POST', '/setup/home', {
      name: 'ca<rol',
      passphrase
    })
    assert.equal(bad.error.code, 'USAGE')
    const made = await ask<Setup>('POST', '/setup/home', {
      name: 'carol',
      passphrase,
      network: 'none'
    })
    assert.equal((made as unknown as { error: { code: string } }).error.code, 'NETWORK_INVALID')
    assert.equal((await ask<Setup>('GET', '/setup')).state, 'missing')
  })

  it('makes a home, starts its node, backs up, and becomes the same person again', async () => {
    const home = { name: 'carol', passphrase, network }
    const setup = await restarted(() => ask('POST', '/setup/home', home))
    assert.deepEqual(
      [setup.state, setup.name, setup.network, setup.sealed, setup.locked, setup.pods],
      ['running', 'carol', 'nobody', true, false, ['one.test']]
    )
    assert.equal(setup.backupMs, null)
    assert.equal((await stat(join(ready.home, 'vault'))).mode & 0o777, 0o600)
    const words = (await ask<string[]>('POST', '/recovery', { passphrase })).join(' ')
    const { path } = await ask<{ path: string }>('POST', '/backup/download')
    const backup = await (await fetch(ready.api + path)).blob()
    const { backupMs } = await ask<Setup>('GET', '/setup')
    assert.ok(backupMs! > 0)

    const other = new AbortController()
    const own = { ready, token, ended }
    await begin(other.signal, false, 'other')
    const restore = async (given: string, file = backup) => {
      const said = JSON.stringify({ words: given, passphrase: 'another one' })
      const answer = await fetch(`${ready.api}/setup/restore`, {
        method: 'POST',
        headers: { authorization: `Bearer ${token}` },
        body: new Blob([`${said}\n`, file])
      })
      return (await answer.json()) as { error: { code: string } }
    }
    assert.equal((await restore('twelve words')).error.code, 'RECOVERY_WRONG')
    const none = new Blob(['no backup, but a letter to Bob '.repeat(9)])
    assert.equal((await restore(words, none)).error.code, 'BACKUP_INVALID')
    assert.equal((await restore(words, backup.slice(0, -1))).error.code, 'BACKUP_INVALID')
    const back = await restarted(() => restore(words.toUpperCase()))
    assert.deepEqual(
      [back.state, back.fingerprint, back.sealed, back.locked, back.backupMs],
      ['running', setup.fingerprint, true, false, backupMs]
    )
    other.abort()
    await ended
    ;({ ready, token, ended } = own)
  })

  it('shows words and codes on the command line to who knows the passphrase', async () => {
    const at = ['--home', ready.home]
    const file = join(folder.path, 'passphrase')
    const words = await ask<string[]>('POST', '/recovery', { passphrase })
    for (const command of [['recovery'], ['device', 'link']]) {
      assert.deepEqual(await refusalOf([...command, ...at]), [2, 'PASSPHRASE_MISSING'])
      await writeFile(file, 'guess\n')
      const guessed = [...command, ...at, '--passphrase-file', file]
      assert.deepEqual(await refusalOf(guessed), [2, 'PASSPHRASE_WRONG'])
    }
    await writeFile(file, `${passphrase}\n`)
    const [shown] = await resultsOf(['recovery', ...at, '--passphrase-file', file])
    assert.deepEqual(shown.words, words)
    const env = { MUTTR_PASSPHRASE: passphrase }
    assert.deepEqual((await resultsOf(['recovery', ...at], { env }))[0].words, words)
    // Commands that show nothing of the kind ask nobody.
    assert.equal((await resultsOf(['status', ...at]))[0].name, 'carol')
    const linking = startMuttr(['device', 'link', '--json', ...at], env)
    const [first] = await firstLines(linking, 1)
    assert.match(first.code, /^muttr:device\?/)
    linking.kill('SIGINT')
    await once(linking, 'exit')
  })

  it('locks, and opens again with the passphrase', async () => {
    assert.equal((await ask<Setup>('POST', '/lock')).locked, true)
    const draft = { to: 'bob@one.test', body: 'x' }
    const refused = await ask<{ error: { code: string } }>('POST', '/letters', draft)
    assert.ok(['VAULT_LOCKED', 'ALIAS_MISSING'].includes(refused.error.code), refused.error.code)
    const wrong = await ask<{ error: { code: string } }>('POST', '/unlock', { passphrase: 'x' })
    assert.equal(wrong.error.code, 'PASSPHRASE_WRONG')
    assert.equal((await ask<Setup>('POST', '/unlock', { passphrase })).locked, false)
  })

  it('takes a join link, and says when an earlier one named another key', async () => {
    const taken = async (fingerprint: string) => {
      const contact = { alias: 'bob@one.test', fingerprint }
      const link = makeJoinLink({ network: null, pod: null, invite: null, contact })
      let said: LinkTaken | undefined
      const { introduced } = await restarted(async () => {
        said = await ask<LinkTaken>('POST', '/setup/join', { link })
      })
      return [introduced, said?.setup.name, said?.contactDiffers]
    }
    const [first, other] = ['a'.repeat(40), 'b'.repeat(40)]
    assert.deepEqual(await taken(first), [['bob@one.test'], 'carol', null])
    assert.deepEqual(await taken(other), [['bob@one.test'], 'carol', 'bob@one.test'])
    assert.deepEqual(await taken(first), [['bob@one.test'], 'carol', null])
  })

  it('writes settings beside what muttr.json says, and starts again with them', async () => {
    const file = join(ready.home, 'muttr.json')
    const change = { receipts: 'nobody', storeBytes: 5_000_000, theme: 'dark' }
    const setup = await restarted(() => ask('PATCH', '/settings', change))
    assert.equal(setup.state, 'running')
    const said = JSON.parse(await readFile(file, 'utf8'))
    assert.deepEqual(
      [said.name, said.receipts, said.store, said.page],
      ['carol', 'nobody', { capBytes: 5_000_000 }, { theme: 'dark' }]
    )
    const status = await ask<{ store: { capBytes: number }; locked: boolean }>('GET', '/status')
    assert.deepEqual([status.store.capBytes, status.locked], [5_000_000, false])
    await ask('PATCH', '/settings', { receipts: null, storeBytes: null, theme: null })
    const after = JSON.parse(await readFile(file, 'utf8'))
    assert.deepEqual(Object.keys(after), ['name', 'network'])
  })

  it('starts locked when told, and never writes the vault open', async () => {
    over.abort()
    await ended
    const again = new AbortController()
    await begin(again.signal, true)
    assert.equal((await ask<Setup>('GET', '/setup')).locked, true)
    assert.equal((await ask<Setup>('POST', '/unlock', { passphrase })).locked, false)
    const view = await ask<{ self: { at: number }; peers: unknown[] }>('GET', '/network')
    assert.ok(view.self.at >= 0 && view.self.at < 1)
    assert.deepEqual(view.peers, [])
    again.abort()
    await ended
  })
})
