import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdir, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { shells } from '../../src/cli/terminal/completion.ts'
import { muttr } from '../support/cli.ts'
import { temporaryFolder } from '../support/store-folder.ts'
import { typeAt } from '../support/typing.ts'

const run = promisify(execFile)
const script = async (shell: string): Promise<string> => (await muttr(['completion', shell])).stdout

describe('muttr completion', () => {
  /** What bash offers for a line whose last word is being typed. */
  async function offered(folder: string, ...typed: string[]): Promise<string[]> {
    const lines = [
      `source ${join(folder, 'muttr.bash')}`,
      'compopt() { :; }', // there is nobody at the keyboard
      'COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))',
      '_muttr',
      `printf '%s\\n' "$\{COMPREPLY[@]}"`
    ]
    const args = ['--norc', '-c', lines.join('\n'), 'bash', 'muttr', ...typed]
    const { stdout } = await run('/bin/bash', args, { cwd: folder })
    return stdout.split('\n').filter(Boolean)
  }

  it('offers commands, options, choices, files and folders in bash', async () => {
    await using folder = await temporaryFolder()
    const { path } = folder
    await writeFile(join(path, 'muttr.bash'), await script('bash'))
    await writeFile(join(path, 'a letter.txt'), '')
    assert.deepEqual(await offered(path, 'inb'), ['inbox'])
    assert.ok((await offered(path, '')).length > 20)
    assert.deepEqual(await offered(path, 'key', 'ex'), ['export'])
    assert.deepEqual(await offered(path, '--home', '/x', 'key', 'ro'), ['rotate'])
    assert.deepEqual(await offered(path, 'inbox', '--unr'), ['--unread'])
    assert.deepEqual(await offered(path, 'inbox', '--js'), ['--json'])
    assert.deepEqual(await offered(path, 'pod', 'init', '--policy', 'o'), ['open'])
    assert.deepEqual(await offered(path, 'completion', ''), ['bash', 'zsh', 'fish'])
    assert.deepEqual(await offered(path, 'send', 'bob@two.test', '--file', 'a'), ['a letter.txt'])
    assert.deepEqual(await offered(path, 'inbox', '--limit', ''), [])
    assert.deepEqual(await offered(path, 'on-letter', '--', 'a'), ['a letter.txt'])
    assert.deepEqual(await offered(path, 'sned', 'x'), [])
  })

  for (const shell of shells)
    it(`completes what somebody types at ${shell}, and runs no name of a file`, async () => {
      await using folder = await temporaryFolder()
      const cwd = join(folder.path, 'work')
      const files = ['a letter.txt', 'd$(touch pwned);`touch pwned`.txt', 'e\'"&|<>*?!#~.txt']
      await mkdir(join(cwd, 'folder of mail'), { recursive: true })
      for (const file of files) await writeFile(join(cwd, file), '')
      const expected: Record<string, string[]> = {
        'muttr inb\t': ['inbox'],
        'muttr key ro\t': ['key', 'rotate'],
        'muttr --home /x key ro\t': ['--home', '/x', 'key', 'rotate'],
        'muttr inbox --unr\t': ['inbox', '--unread'],
        'muttr inbox --js\t': ['inbox', '--json'],
        'muttr pod init --policy o\t': ['pod', 'init', '--policy', 'open'],
        'muttr completion z\t': ['completion', 'zsh'],
        'muttr send b --file a\t': ['send', 'b', '--file', 'a letter.txt'],
        'muttr send b --file d\t': ['send', 'b', '--file', files[1]!],
        'muttr send b --file e\t': ['send', 'b', '--file', files[2]!],
        'muttr inbox --home fo\t': ['inbox', '--home', 'folder of mail'],
        'muttr on-letter -- a\t': ['on-letter', '--', 'a letter.txt'],
        'muttr inbox --limit a\t': ['inbox', '--limit', 'a'],
        'muttr sned x\t': ['sned', 'x']
      }
      const text = await script(shell)
      const lines = Object.keys(expected)
      const typed = await typeAt(shell, { home: folder.path, cwd, script: text, lines })
      // zsh takes the slash behind a folder away when Enter comes.
      const plain = typed.map(words => words.map(word => word.replace(/\/$/, '')))
      for (const [i, line] of lines.entries()) assert.deepEqual(plain[i], expected[line], line)
      assert.deepEqual((await readdir(cwd)).sort(), [...files, 'folder of mail'].sort())
    })

  it('knows in each shell every command and option that help shows', async () => {
    const help = (await muttr('send --help')).stdout
    const flags = [...help.matchAll(/^ +(--[a-z-]+)/gm)].map(([, flag]) => flag!)
    assert.ok(flags.length > 8)
    for (const shell of shells) {
      const text = await script(shell)
      for (const flag of flags)
        assert.ok(text.includes(shell === 'fish' ? `-l ${flag.slice(2)}` : flag), flag)
      assert.doesNotMatch(text, /follow-stdin|\bman\b/)
    }
    assert.equal((await muttr('completion tcsh')).status, 1)
  })
})

describe('man muttr', () => {
  const page = async (): Promise<string> =>
    (await muttr('man', { env: { SOURCE_DATE_EPOCH: '1767225600' } })).stdout

  it('is made of the help of every command, and is the same when built again', async () => {
    const text = await page()
    assert.equal(await page(), text)
    assert.match(text, /^\.TH MUTTR 1 2026-01-01 "muttr 1\.2\.3" "User Commands"$/m)
    const help = (await muttr('--help')).stdout
    const commands = [...help.matchAll(/^ {2}([a-z][a-z-]*) /gm)].map(([, command]) => command!)
    assert.ok(commands.length > 25, `${commands}`)
    for (const command of commands)
      assert.ok(text.includes(`.B muttr ${command.replaceAll('-', '\\-')}`), command)
  })

  it('is read by man without a complaint', async () => {
    await using folder = await temporaryFolder()
    const file = join(folder.path, 'muttr.1')
    await writeFile(file, await page())
    const { stdout, stderr } = await run('man', ['--warnings=w', '-l', file], {
      env: { PATH: process.env.PATH, MANWIDTH: '80', LC_ALL: 'C.UTF-8', PAGER: 'cat' }
    })
    assert.equal(stderr, '')
    assert.match(stdout, /muttr retract <id>\n +Take a letter back;/)
    for (const line of (await page()).split('\n'))
      assert.match(line, /^(\.(TH|SH|SS|TP|B|I|RI|BR|RS|RE|PP|EX|EE)\b|[^.'])|^$/)
  })
})
