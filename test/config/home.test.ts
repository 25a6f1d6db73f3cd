import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises'
import { hostname, tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  homeExists,
  homePaths,
  makeHome,
  openHome,
  readHomeFile,
  writeFileAtomic
} from '../../src/config/home.ts'
import { lockHome } from '../../src/config/lock.ts'

const modeOf = async (path: string) => (await stat(path)).mode & 0o777

describe('a home folder', () => {
  let folder: string
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'muttr-home-'))
  })
  afterEach(() => rm(folder, { recursive: true, force: true }))

  it('is for its owner alone', async () => {
    const paths = await makeHome(join(folder, 'a', 'home'))
    assert.equal(await modeOf(paths.home), 0o700)
    assert.equal(await modeOf(join(paths.home, 'db')), 0o700)
    await writeFileAtomic(paths.vault, 'secret')
    assert.equal(await modeOf(paths.vault), 0o600)
    await writeFileAtomic(paths.certificate, 'public', { mode: 0o644 })
    assert.equal(await modeOf(paths.certificate), 0o644)
  })

  it('is not made where something else is', async () => {
    await writeFile(join(folder, 'mine.txt'), 'mine')
    await assert.rejects(makeHome(folder), { code: 'HOME_EXISTS' })
    assert.deepEqual(await readdir(folder), ['mine.txt'])
  })

  it('is missing until it has a config', async () => {
    await assert.rejects(openHome(join(folder, 'none')), { code: 'HOME_MISSING' })
    assert.equal(await homeExists(folder), false)
    await writeFileAtomic(homePaths(folder).config, '{}')
    assert.equal((await openHome(folder)).home, folder)
  })

  it('replaces files whole, and leaves nothing beside them', async () => {
    const { config } = homePaths(folder)
    await Promise.all([...'abcdefgh'].map(c => writeFileAtomic(config, c.repeat(10_000))))
    const read = Buffer.from((await readHomeFile(config))!).toString()
    assert.match(read, /^(.)\1{9999}$/)
    assert.deepEqual(await readdir(folder), ['muttr.json'])
  })

  it('writes beside a file under a name of this machine, since another may have a process of the same number', async () => {
    const writing = writeFileAtomic(join(folder, 'plan.json'), Buffer.alloc(8 * 1024 * 1024))
    let beside: string | undefined
    const looked = (async () => {
      while (beside === undefined)
        beside = (await readdir(folder)).find(name => name !== 'plan.json')
    })()
    await Promise.race([looked, writing.then(() => assert(beside, 'nothing was beside it'))])
    await writing
    assert(beside?.includes(hostname()), beside)
  })

  it('says when a file is none, too large, or cannot be written', async () => {
    assert.equal(await readHomeFile(join(folder, 'none')), undefined)
    await assert.rejects(readHomeFile(folder), { code: 'HOME_DAMAGED' })
    await writeFile(join(folder, 'big'), 'x'.repeat(11))
    await assert.rejects(readHomeFile(join(folder, 'big'), { maxBytes: 10 }), {
      code: 'HOME_DAMAGED'
    })
    await assert.rejects(writeFileAtomic(join(folder, 'no', 'file'), ''), { code: 'DISK_FAILED' })
  })

  describe('under lock', () => {
    it('is taken once, and again after it was freed', async () => {
      const first = await lockHome(folder)
      await assert.rejects(lockHome(folder), { code: 'HOME_IN_USE' })
      await first[Symbol.asyncDispose]()
      await using _second = await lockHome(folder)
      assert.deepEqual(await readdir(folder), ['lock'])
    })

    it('of many at once, one has it', async () => {
      const tries = await Promise.allSettled(Array.from({ length: 10 }, () => lockHome(folder)))
      assert.equal(tries.filter(({ status }) => status === 'fulfilled').length, 1)
      assert.deepEqual(await readdir(folder), ['lock'])
    })

    it('is refused while another process has it, and taken over when that was killed', async () => {
      const lock = new URL('../../src/config/lock.ts', import.meta.url).href
      const script = `
        const { lockHome } = await import(${JSON.stringify(lock)})
        await lockHome(${JSON.stringify(folder)})
        console.log('locked')
        setInterval(() => {}, 1000)`
      const other = spawn(process.execPath, ['--input-type=module', '-e', script], {
        stdio: ['ignore', 'pipe', 'inherit']
      })
      await once(other.stdout, 'data')
      await assert.rejects(lockHome(folder), { code: 'HOME_IN_USE' })
      other.kill('SIGKILL')
      await once(other, 'exit')
      await using _lock = await lockHome(folder)
    })

    it('is taken over from a process that has our number but is long gone, and from garbage', async () => {
      for (const text of [`${process.pid} 1\n`, '4194304 5\n', '', 'garbage', '0'.repeat(99)]) {
        await writeFile(homePaths(folder).lock, text)
        await using _lock = await lockHome(folder)
        assert.deepEqual(await readdir(folder), ['lock'])
      }
    })

    it('needs a folder', async () => {
      await assert.rejects(lockHome(join(folder, 'none')), { code: 'HOME_MISSING' })
    })
  })
})
