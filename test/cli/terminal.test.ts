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

  it('shows what was written in them too, but for --unread and --json', async () => {
    const doors = createFakeDoors()
    const [lunch] = doors.client.letters
    Object.assign(lunch!, { thread: id('c'), subject: 'Lunch', receivedMs: 1_000 })
    doors.client.letters.splice(1)
    await doors.client.send({ to: 'bob@two.test', subject: 'Re: Lunch', body: 'x' })
    await doors.client.send({ to: 'waiting@two.test', subject: 'Hello', body: 'x' })
    const [hello, answer] = await doors.client.sent()
    Object.assign(answer!, { thread: id('c'), sentMs: 2_000 })
    Object.assign(hello!, { sentMs: 3_000 })
    const rows = async (line: string) => {
      const { stdout } = await muttr(line, { doors, tty: true, env: { NO_COLOR: '1' } })
      const [, ...lines] = stdout.trimEnd().split('\n')
      return lines.map(line => line.replace(/^(.) +\S+ +(.*?) {2,}.*?(?= [HR(└L])/, '$1 $2'))
    }
    assert.deepEqual(await rows('inbox'), [
      '  → waiting@two.test Hello (waits)',
      '  → bob@two.test (2) Re: Lunch (announced)',
      '● bob@two.test └ Lunch'
    ])
    assert.deepEqual(await rows('inbox --limit 2'), [
      '  → waiting@two.test Hello (waits)',
      '  → bob@two.test Re: Lunch (announced)'
    ])
    assert.deepEqual(await rows('inbox --unread'), ['● bob@two.test Lunch'])
    const json = await muttr('inbox --json', { doors })
    assert.deepEqual(
      json.objects().map(letter => letter.id),
      [lunch!.id]
    )
  })

  it('shows one whole in order, and marks it read', async () => {
    const doors = createFakeDoors()
    const { letters, calls } = doors.client
    const [first] = letters
    await doors.client.send({ to: 'bob@two.test', subject: 'Re: Lunch', body: 'x' })
    const [answer] = await doors.client.sent()
    Object.assign(answer!, {
      thread: first!.thread,
      attachments: [{ id: 'ab'.repeat(16), name: 'map.pdf', type: 'x/y', sizeBytes: 2_048 }]
    })
    Object.assign(first!, { body: 'At one?\u001b[2J\n' })
    const line = `thread ${first!.id.slice(0, 8)}`
    const { stdout } = await muttr(line, { doors, tty: true, env: { NO_COLOR: '1' } })
    assert.match(
      stdout,
      /^Lunch {2}bob@two\.test {2}\[friends\]\n\nbob@two\.test {2}\(not verified; known to the pod\) .*\nAt one\?␛\[2J\n\n→ bob@two\.test {2}.* announced, 8 of 8 copies\nfiles {2}1 {2}map\.pdf {2}2.* KiB\nAt two\.\n$/s
    )
    assert.deepEqual(
      calls.filter(([name]) => name === 'changeConversation'),
      [['changeConversation', first!.thread, { read: true }]]
    )
    const json = await muttr(`${line} --json`, { doors })
    assert.deepEqual(
      json.objects().map(letter => [letter.direction, letter.id]),
      [
        ['in', first!.id],
        ['out', answer!.id]
      ]
    )
    const newest = await muttr(`${line} --limit 1`, { doors })
    assert.doesNotMatch(newest.stdout, /At one/)
    assert.match(newest.stderr, /older letters: 2 in all/)
    const unknown = await muttr('thread 00000000', { doors })
    assert.equal(unknown.status, 2)
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
