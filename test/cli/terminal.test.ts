import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { chmod, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { stripVTControlCharacters, styleText } from 'node:util'
import { widthOf } from '../../src/cli/text.ts'
import { packageRoot } from '../../src/config/package-root.ts'
import { createFakeDoors, muttr } from '../support/cli.ts'
import { letterOf } from '../support/fake-letters.ts'
import { temporaryFolder } from '../support/store-folder.ts'

describe('muttr inbox on a terminal', () => {
  const from = (alias: string, verified = false) => ({
    ...{ alias, verified, fingerprint: 'ab'.repeat(20), certifiedByPod: true }
  })
  const id = (digit: string) => digit.repeat(64)

  it('shows conversations, the newest first, and what is unread', async () => {
    const doors = createFakeDoors()
    const thread = id('c')
    doors.client.letters.splice(
      0,
      2,
      letterOf({ id: id('1'), thread, subject: 'Re: 你好吗', from: from('bob@two.test', true) }),
      letterOf({ id: id('2'), thread: id('2'), subject: 'Other', read: true }),
      letterOf({ id: id('3'), thread, subject: '你好吗', read: true })
    )
    const { stdout, stderr } = await muttr('inbox', { doors, tty: true })
    const [, ...lines] = stripVTControlCharacters(stdout).trimEnd().split('\n')
    assert.deepEqual(
      lines.map(line => line.replace(/ +/g, ' ').replace(/ (\d\d:|20\d\d-).*?(?= [(└O])/, '')),
      [
        '● 11111111 bob@two.test ✓ (2) Re: 你好吗',
        ' 33333333 bob@two.test └ 你好吗',
        ' 22222222 bob@two.test Other'
      ]
    )
    assert.ok(stdout.includes(styleText('bold', '(2) Re: 你好吗', { validateStream: false })))
    assert.match(stderr, /Somebody asks to be read/)
    const plain = await muttr('inbox', { doors, tty: true, env: { NO_COLOR: '1' } })
    assert.equal(plain.stdout, stripVTControlCharacters(plain.stdout))
    assert.equal((await muttr('inbox --json', { doors })).stderr, '')
  })

  it('keeps its columns whatever others call themselves', async () => {
    const doors = createFakeDoors()
    const names = ['x'.repeat(300), 'a\u200b\u202e\u001b[2J@two.test', '你'.repeat(40), 'b@c.d']
    doors.client.letters.splice(
      0,
      2,
      ...names.map((name, i) =>
        letterOf({ id: id(`${i}`), thread: id(`${i}`), from: from(name), subject: '🎈'.repeat(99) })
      )
    )
    const { stdout } = await muttr('inbox', { doors, tty: true, env: { NO_COLOR: '1' } })
    const lines = stdout.trimEnd().split('\n')
    assert.equal(lines.length, 5)
    for (const line of lines) assert.ok(widthOf(line) <= 80, line)
    const starts = lines.slice(1).map(line => widthOf(line.slice(0, line.indexOf('🎈'))))
    assert.equal(new Set(starts).size, 1)
  })
})

describe('a pager', () => {
  /** Runs a command on a real terminal of so many rows. */
  async function onTerminal(rows: number, env: NodeJS.ProcessEnv): Promise<string> {
    const program = join(packageRoot, 'test/support/fake-muttr.ts')
    const line = `stty rows ${rows} cols 80; exec '${process.execPath}' '${program}' inbox`
    const child = spawn('script', ['-qec', line, '/dev/null'], {
      stdio: ['ignore', 'pipe', 'inherit'],
      env: { PATH: process.env.PATH, TERM: 'xterm', SHELL: '/bin/sh', HOME: '/nowhere', ...env }
    })
    return stripVTControlCharacters(await text(child.stdout))
  }

  it('shows what is taller than the screen, where there is one', async () => {
    await using folder = await temporaryFolder()
    const pager = join(folder.path, 'pager')
    const seen = join(folder.path, 'seen')
    await writeFile(pager, `#!/bin/sh\necho "$LESS $1" > ${seen}; cat >> ${seen}\n`)
    await chmod(pager, 0o700)
    const paged = await onTerminal(3, { PAGER: `${pager} -x` })
    assert.doesNotMatch(paged, /Lunch/)
    assert.match(await readFile(seen, 'utf8'), /^FRX -x\n.*Lunch/s)
    await writeFile(seen, '')
    assert.match(await onTerminal(24, { PAGER: pager }), /Lunch/)
    assert.equal(await readFile(seen, 'utf8'), '')
    for (const env of [{ PAGER: '/no/such/pager' }, { PAGER: pager, MUTTR_PAGER: '' }])
      assert.match(await onTerminal(3, env), /Lunch/)
    assert.equal(await readFile(seen, 'utf8'), '')
  })
})
