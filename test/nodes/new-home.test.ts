import assert from 'node:assert/strict'
import { join } from 'node:path'
import { homeExists } from '../../src/config/home.ts'
import { exportPerson } from '../../src/keys/person.ts'
import { backupFiles } from '../../src/nodes/backup-files.ts'
import { readHome } from '../../src/nodes/home.ts'
import { initPod } from '../../src/nodes/init-pod.ts'
import { inNewHome, takeIn } from '../../src/nodes/new-home.ts'
import type { BackupItem } from '../../src/wire/backup.ts'
import { personNamed } from '../support/pod-world.ts'
import { temporaryFolder } from '../support/store-folder.ts'

describe('a home that is made of a backup', () => {
  let folder: Awaited<ReturnType<typeof temporaryFolder>>
  let files: BackupItem[]
  let fingerprint: string
  before(async () => {
    folder = await temporaryFolder()
    const home = join(folder.path, 'pod')
    await initPod({
      ...{ home, hostname: 'pod.test', policy: 'open', https: { mode: 'off' } },
      passphrase: async () => null,
      signal: new AbortController().signal
    })
    const found = await backupFiles(await readHome(home))
    const person = await personNamed('pod.test', [])
    const secret = new Uint8Array(Buffer.from(await exportPerson(person)))
    files = [...found, { name: 'secret' as const, content: secret }].map(file => ({
      type: 'file',
      ...file
    }))
    fingerprint = person.certificate.fingerprint
  })
  after(() => folder[Symbol.asyncDispose]())

  const take = async (
    name: string,
    items: () => AsyncGenerator<BackupItem>,
    { signal, settle = async () => {} }: { signal: AbortSignal; settle?: () => Promise<void> }
  ) => {
    const home = join(folder.path, name)
    const belongings = { head: { type: 'head' as const, madeMs: 0, fingerprint }, rest: items() }
    const options = { passphrase: null, signal, settle }
    const made = inNewHome(home, paths => takeIn(paths, belongings, options))
    return { home, failure: await made.then(() => undefined).catch(err => err.code) }
  }
  const row = (i: number): BackupItem => ({
    ...{ type: 'pod-row', table: 'accounts', key: `${i}`, value: new Uint8Array(1) }
  })

  it('is none when its person stops while the state of a pod comes', async () => {
    const life = new AbortController()
    let given = 0
    async function* items(): AsyncGenerator<BackupItem> {
      yield* files
      for (; given < 20; given++) {
        if (given === 3) life.abort()
        yield row(given)
      }
    }
    const { home, failure } = await take('stopped', items, life)
    assert.deepEqual([failure, given, await homeExists(home)], ['CANCELLED', 3, false])
  })

  it('is none when they stop after the last of it', async () => {
    const life = new AbortController()
    async function* items(): AsyncGenerator<BackupItem> {
      yield* files
      yield row(1)
    }
    const settle = async () => life.abort()
    const { home, failure } = await take('late', items, { signal: life.signal, settle })
    assert.deepEqual([failure, await homeExists(home)], ['CANCELLED', false])
    const whole = await take('whole', items, new AbortController())
    assert.deepEqual([whole.failure, await homeExists(whole.home)], [undefined, true])
  })
})
