import assert from 'node:assert/strict'
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { MuttrError } from '../../src/base/errors.ts'
import { createFakeDoors, muttr } from '../support/cli.ts'
import { fakeWords } from '../support/fake-client.ts'

describe('muttr recovery, backup and restore', () => {
  let folder: string
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'muttr-backup-'))
  })
  afterEach(() => rm(folder, { recursive: true }))

  it('shows the words, and makes a page to print that loads nothing', async () => {
    const shown = await muttr('recovery')
    assert.equal(shown.stdout.trim().split(/\s+/).join(' '), fakeWords)
    const page = join(folder, 'page.html')
    const made = await muttr(['recovery', '--page', page, '--json'])
    assert.deepEqual(made.objects(), [{ words: fakeWords.split(' '), page }])
    const html = await readFile(page, 'utf8')
    for (const word of fakeWords.split(' ')) assert(html.includes(`>${word}<`))
    assert.match(html, /<svg/)
    assert.doesNotMatch(html, /<script|<img|<link|src=|@import|url\(/)
    assert.equal((await stat(page)).mode & 0o777, 0o600)
  })

  it('writes a backup whole or not at all, and over nothing', async () => {
    const file = join(folder, 'a.backup')
    const made = await muttr(['backup', file, '--json'])
    assert.deepEqual(made.objects(), [{ file, sizeBytes: 210_000 }])
    assert.equal((await readFile(file)).byteLength, 210_000)
    const again = await muttr(['backup', file, '--json'])
    assert.deepEqual([again.status, again.error().code], [2, 'OUTPUT_EXISTS'])
    assert.equal((await readFile(file)).byteLength, 210_000)
    const doors = createFakeDoors()
    doors.client.backup = async () =>
      (async function* () {
        yield new Uint8Array(10)
        throw new MuttrError('DAEMON_UNREACHABLE', 'the daemon does not answer')
      })()
    const broken = await muttr(['backup', join(folder, 'b.backup'), '--json'], { doors })
    assert.deepEqual([broken.status, broken.error().code], [3, 'DAEMON_UNREACHABLE'])
    assert.deepEqual(await readdir(folder), ['a.backup'])
    const nowhere = await muttr(['backup', join(folder, 'no', 'such'), '--json'])
    assert.equal(nowhere.error().code, 'USAGE')
    assert.equal((await muttr('backup -')).bytes.byteLength, 210_000)
    assert.equal((await muttr('backup -', { tty: true })).status, 1)
  })

  it('makes one in the network, and says how it stands', async () => {
    const doors = createFakeDoors()
    const ran = await muttr('backup --network', { doors })
    assert.equal(ran.status, 0)
    assert.match(ran.stdout, /✓ .*293.* KiB, kept until/)
    assert.match(ran.stderr, /storing one: .* of .*KiB/)
    const { stdout } = await muttr('backup --network --json')
    assert.equal(JSON.parse(stdout).last.sizeBytes, 300_000)
    const left = await muttr('backup --network', { doors, signal: AbortSignal.abort() })
    assert.notEqual(left.status, 0)
    assert.deepEqual(doors.client.calls.at(-1), ['cancelNetworkBackup'])
    assert.equal((await muttr('backup --network a.backup')).status, 1)
    assert.equal((await muttr('backup')).status, 1)
  })

  it('restores from the network with words alone', async () => {
    const words = join(folder, 'words')
    await writeFile(words, fakeWords)
    const doors = createFakeDoors()
    const line = ['restore', '--from-network', '--words-file', words, '--no-passphrase']
    const ran = await muttr([...line, '--network', 'net.json'], { doors })
    assert.equal(ran.status, 0)
    assert.match(ran.stdout, /alice is back/)
    assert.match(ran.stderr, /0 % of the backup[\s\S]*100 % of the backup/)
    assert.deepEqual(
      [doors.opened[0]![1].words, doors.opened[0]![1].network],
      [fakeWords, 'net.json']
    )
    for (const wrong of [
      [...line, 'a.backup'],
      ['restore', '--no-passphrase'],
      ['restore', 'a.backup', '--network', 'net.json', '--no-passphrase']
    ])
      assert.equal((await muttr(wrong)).status, 1, wrong.join(' '))
  })

  it('restores from a file or a pipe, with words from a file or a person', async () => {
    const file = join(folder, 'a.backup')
    const words = join(folder, 'words')
    await writeFile(file, 'sealed')
    await writeFile(words, fakeWords)
    const doors = createFakeDoors()
    const line = ['restore', file, '--words-file', words, '--no-passphrase', '--home', '/h']
    const ran = await muttr(line, { doors })
    assert.equal(ran.status, 0)
    assert.match(ran.stdout, /alice is back in \/h/)
    assert.match(ran.stdout, /1 letters had not left yet/)
    assert.equal(doors.opened[0]![1].words, fakeWords)
    const prompts = { password: async () => fakeWords, confirm: async () => true }
    const asked = await muttr(['restore', '-', '--no-passphrase'], {
      ...{ doors, prompts },
      tty: true,
      stdin: 'sealed'
    })
    assert.equal(asked.status, 0)
    assert.equal((await muttr(['restore', file, '--no-passphrase'])).status, 1)
    const gone = await muttr([
      'restore',
      join(folder, 'none'),
      '--words-file',
      words,
      '--no-passphrase',
      '--json'
    ])
    assert.equal(gone.error().code, 'USAGE')
  })

  it('lets a held letter go', async () => {
    const doors = createFakeDoors()
    await doors.client.send({ to: 'bob@two.test', body: 'x' })
    const [{ id } = { id: '' }] = await doors.client.sent()
    assert.equal((await muttr(`resend ${id.slice(0, 8)}`, { doors })).status, 0)
    assert.deepEqual(doors.client.calls.at(-1), ['resend', id])
  })
})
