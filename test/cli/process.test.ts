import assert from 'node:assert/strict'
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { temporaryFolder } from '../support/store-folder.ts'

const pathOf = (file: string) => fileURLToPath(new URL(`../../${file}`, import.meta.url))
const real = pathOf('bin/muttr.js')
/** The same program, with nothing behind its doors. */
const fake = pathOf('test/support/fake-muttr.ts')

const start = (...argv: string[]): ChildProcessWithoutNullStreams =>
  spawn(process.execPath, argv, { env: { PATH: process.env.PATH } })

/** As {@link start}; resolves when a door was opened, so that signals are listened to. */
async function startOpened(...argv: string[]): Promise<ChildProcessWithoutNullStreams> {
  const child = spawn(process.execPath, argv, {
    env: { PATH: process.env.PATH, SAY_OPENED: '1' }
  })
  await once(child.stderr, 'data')
  return child
}

async function ended(child: ChildProcessWithoutNullStreams) {
  const [stdout, stderr, [status, signal]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'close')
  ])
  return { stdout, stderr, status, signal }
}

function run(...argv: string[]) {
  const child = start(...argv)
  child.stdin.end()
  return ended(child)
}

describe('muttr as a process', () => {
  it('prints its version and help', async () => {
    const { version } = JSON.parse(readFileSync(pathOf('package.json'), 'utf8'))
    const versioned = await run(real, '--version')
    assert.deepEqual([versioned.stdout, versioned.status], [`${version}\n`, 0])
    const helped = await run(real, 'send', '--help')
    assert.match(helped.stdout, /^Usage: muttr send/)
    assert.deepEqual([helped.stderr, helped.status], ['', 0])
  })

  it('ends with 1 for a wrong line, in both forms', async () => {
    const human = await run(real, 'sned')
    assert.deepEqual([human.status, human.stdout], [1, ''])
    assert.match(human.stderr, /^muttr: unknown command 'sned'/)
    const asJson = await run(real, 'send', '--json')
    assert.equal(asJson.status, 1)
    assert.equal(JSON.parse(asJson.stderr).error.code, 'USAGE')
  })

  it('ends with 0, 2, 3 and 4', async () => {
    const aliases = ['bob@two.test', 'unknown@two.test', 'away@two.test', 'broken@two.test']
    const ends = await Promise.all(aliases.map(alias => run(fake, 'lookup', alias, '--json')))
    assert.deepEqual(
      ends.map(({ status }) => status),
      [0, 2, 3, 4]
    )
    for (const { stderr } of ends.slice(1)) assert.match(stderr, /^\{"error":\{.*\}\}\n$/)
  })

  it('reads a pipe and writes one', async () => {
    const child = start(fake, 'send', 'bob@two.test', '--json')
    child.stdin.end('Lunch at one?\n')
    const { stdout, status } = await ended(child)
    assert.deepEqual([JSON.parse(stdout).state, status], ['announced', 0])
  })

  it('is quiet when its output is closed early', async () => {
    const child = start(fake, 'up', '--json', '--events', '--no-passphrase')
    child.stdout.destroy()
    const [stderr, [status]] = await Promise.all([text(child.stderr), once(child, 'exit')])
    assert.deepEqual([stderr, status], ['', 0])
  })

  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    it(`closes at ${signal}: a daemon with 0, a request with 3`, async () => {
      const daemon = start(fake, 'up', '--json', '--no-passphrase')
      await once(daemon.stdout, 'data')
      daemon.kill(signal)
      assert.deepEqual(await once(daemon, 'exit'), [0, null])
      const asking = await startOpened(fake, 'lookup', 'slow@two.test', '--json')
      const end = ended(asking)
      asking.kill(signal)
      const { status, stderr } = await end
      assert.deepEqual([status, JSON.parse(stderr).error.code], [3, 'CANCELLED'])
    })

  it('tells an old Node in one sentence what it needs', async () => {
    const older =
      "data:text/javascript,Object.defineProperty(process,'versions',{value:{...process.versions,node:'18.19.1'}})"
    const { status, stdout, stderr } = await run('--import', older, real, 'inbox')
    assert.deepEqual([status, stdout], [1, ''])
    assert.match(
      stderr,
      /^muttr: Muttr needs Node\.js 24 or newer, and this is 18\.19\.1; [^\n]*npx muttr[^\n]*\n$/
    )
    const asJson = await run('--import', older, real, 'inbox', '--json')
    assert.equal(JSON.parse(asJson.stderr).error.code, 'NODE_TOO_OLD')
  })

  it('keeps what Node compiled, where the user keeps caches', async () => {
    await using folder = await temporaryFolder()
    const begin = async (caches: string) => {
      const { NODE_COMPILE_CACHE: _ours, ...env } = process.env
      const child = spawn(process.execPath, [real, '--version'], {
        cwd: folder.path,
        env: { ...env, HOME: '', XDG_CACHE_HOME: caches },
        stdio: 'ignore'
      })
      assert.deepEqual(await once(child, 'exit'), [0, null])
      return await readdir(folder.path)
    }
    await writeFile(join(folder.path, 'file'), '')
    for (const caches of ['', 'here', join(folder.path, 'file')])
      assert.deepEqual(await begin(caches), ['file'], caches)
    assert.deepEqual(await begin(folder.path), ['file', 'muttr'])
    const [version] = await readdir(join(folder.path, 'muttr', 'compiled'))
    assert.ok(version!.startsWith(process.version))
  })

  it('keeps its first file readable for a Node of ten years ago', () => {
    const source = readFileSync(real, 'utf8')
    for (const modern of [
      /\?\./,
      /\?\?/,
      /^await /m,
      /^import /m,
      /\.at\(/,
      /catch \{/,
      /\|\|=/,
      /#\w+\b.*=/
    ])
      assert.doesNotMatch(source.replace(/^#!.*/, ''), modern)
  })
})
