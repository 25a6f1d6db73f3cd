import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { PassThrough, Readable } from 'node:stream'
import { MuttrError } from '../../src/base/errors.ts'
import { terminalPrompts } from '../../src/cli/prompts.ts'
import { createFakeDoors, muttr } from '../support/cli.ts'

const commands = [
  'init',
  'up',
  'page',
  'join',
  'pod',
  'pod init',
  'pod up',
  'pod doctor',
  'pod invite',
  'pod invites',
  'pod invites revoke',
  'pod accounts',
  'pod account',
  'pod account suspend',
  'pod account resume',
  'pod account remove',
  'pod account quota',
  'pod account export',
  'pod alias revoke',
  'pod alias free',
  'report',
  'invite',
  'pod reports',
  'pod reports close',
  'pod requests',
  'pod approve',
  'pod refuse',
  'pod names',
  'pod names reserve',
  'pod names allow',
  'pod rates',
  'pod rates set',
  'pod rates reset',
  'pod audit',
  'crawl',
  'send',
  'inbox',
  'read',
  'thread',
  'search',
  'archive',
  'label',
  'delete',
  'export',
  'import',
  'requests',
  'accept',
  'ignore',
  'block',
  'watch',
  'on-letter',
  'notify',
  'completion',
  'sent',
  'retract',
  'proof',
  'proof verify',
  'register',
  'lookup',
  'contacts',
  'contacts accept',
  'verify',
  'card',
  'key',
  'recovery',
  'backup',
  'restore',
  'resend',
  'key show',
  'key rotate',
  'key export',
  'key import',
  'status',
  'doctor',
  'blob',
  'blob put',
  'blob get',
  'net',
  'net up',
  'net torture',
  'sim',
  'sim list',
  'sim run',
  'sim sweep',
  'sim compare',
  'sim report',
  'sim replay'
]

describe('how muttr is called', () => {
  for (const command of commands)
    it(`\`muttr ${command} --help\` has the common options and an example`, async () => {
      for (const line of [`${command} --help`, `--help ${command}`, `help ${command}`]) {
        const { status, stdout, stderr } = await muttr(line)
        assert.deepEqual([status, stderr], [0, ''])
        assert.ok(stdout.startsWith(`Usage: muttr ${command}`), stdout)
        for (const option of ['--home', '--json', '--passphrase-file', '--no-passphrase', '--help'])
          assert.ok(stdout.includes(option), option)
        assert.match(stdout, /\nExamples?:\n {2}\$ .*muttr /)
      }
    })

  it('takes the common options before and after the command', async () => {
    const lines = [
      '--json --home /x send bob@two.test hi',
      'send --json --home /x bob@two.test hi',
      'send bob@two.test hi --json --home=/x',
      '--home /x send bob@two.test --json hi',
      'send bob@two.test --subject s --home /x hi --json'
    ]
    for (const line of lines) {
      const doors = createFakeDoors()
      const ran = await muttr(line, { doors })
      assert.deepEqual([line, ran.status], [line, 0])
      assert.equal(ran.objects()[0]?.to, 'bob@two.test')
      assert.deepEqual(doors.opened, [['openClient', { home: '/x' }]])
    }
    const nested = createFakeDoors()
    assert.equal(
      (await muttr('--json contacts --home /x accept bob@two.test', { doors: nested })).status,
      0
    )
    assert.equal(nested.opened[0]?.[1].home, '/x')
  })

  it('finds the home: option, environment, ~/.muttr', async () => {
    const homes: [string, NodeJS.ProcessEnv, string][] = [
      ['status --home /a', { MUTTR_HOME: '/b' }, '/a'],
      ['status', { MUTTR_HOME: '/b' }, '/b'],
      ['status', { MUTTR_HOME: '' }, '/homes/.muttr'],
      ['status', {}, '/homes/.muttr']
    ]
    for (const [line, env, home] of homes) {
      const doors = createFakeDoors()
      await muttr(line, { doors, env })
      assert.deepEqual(doors.opened, [['openClient', { home }]])
    }
  })

  it('refuses what it does not know with status 1, how to use it, and nothing on stdout', async () => {
    const wrong: [string, RegExp, RegExp][] = [
      ['sned', /unknown command 'sned' \(Did you mean send\?\)/, /Usage: muttr /],
      ['send', /missing required argument 'alias'/, /Usage: muttr send /],
      ['send a b c', /too many arguments/, /Usage: muttr send /],
      [
        'send a b --subjct x',
        /unknown option '--subjct' \(Did you mean --subject\?\)/,
        /muttr send --help/
      ],
      ['inbox --limit', /argument missing/, /Usage: muttr inbox/],
      ['inbox --limit 0', /not a whole number/, /muttr --help/],
      ['init', /--name/, /Usage: muttr init/],
      ['key exprot', /unknown command 'exprot'/, /Usage: muttr key/],
      ['net', /a command is missing/, /Usage: muttr net/],
      ['', /a command is missing/, /Usage: muttr /],
      ['status --home', /argument missing/, /Usage: muttr/],
      ['pod up x', /too many arguments/, /Usage: muttr pod up/],
      ['status --no-passphrase --passphrase-file x', /exclude each other/, /muttr --help/]
    ]
    for (const [line, message, usage] of wrong) {
      const human = await muttr(line)
      assert.deepEqual([line, human.status, human.stdout], [line, 1, ''])
      assert.match(human.stderr, message)
      assert.match(human.stderr, usage)
      assert.match(human.stderr, /^muttr: /m)
      const asJson = await muttr(line.replace(/^(\S*)/, '$1 --json'))
      assert.deepEqual([line, asJson.status, asJson.stdout], [line, 1, ''])
      assert.equal(asJson.error().code, 'USAGE')
      assert.match(asJson.error().message, message)
      assert.match(asJson.error().hint, usage)
    }
  })

  it('opens no door for a wrong line', async () => {
    const doors = createFakeDoors()
    for (const line of [
      'send',
      'send a b --expires x',
      'blob get x',
      'inbox --limit x',
      'verify a x'
    ])
      await muttr(line, { doors })
    assert.deepEqual(doors.opened, [])
  })
})

describe('how muttr ends', () => {
  it('with a status for each kind of error, and the same error in two forms', async () => {
    const kinds: [string, number, string][] = [
      ['lookup unknown@two.test', 2, 'ALIAS_UNKNOWN'],
      ['send changed@two.test hi', 2, 'KEY_CHANGED'],
      ['lookup away@two.test', 3, 'POD_UNREACHABLE'],
      ['lookup broken@two.test', 4, 'INTERNAL']
    ]
    for (const [line, status, code] of kinds) {
      const asJson = await muttr(`${line} --json`)
      assert.deepEqual([line, asJson.status, asJson.stdout], [line, status, ''])
      const { message, hint, ...rest } = asJson.error()
      assert.deepEqual(rest, { code })
      const human = await muttr(line)
      assert.deepEqual([human.status, human.stderr], [status, `muttr: ${message}\n${hint}\n`])
    }
  })

  it("with an error's text made harmless", async () => {
    const openClient = async () =>
      Promise.reject(new MuttrError('POD_CHANGED', 'a\u001b[2Jb\u202ec\n'))
    const { stderr } = await muttr('status', { doors: createFakeDoors({ openClient }) })
    assert.match(stderr, /^muttr: a␛\[2Jb�c␊\n/)
  })

  it('with CANCELLED at Ctrl-C, while waiting for the network or for text', async () => {
    for (const stdin of [undefined, new PassThrough()]) {
      const stop = new AbortController()
      const line = stdin ? 'send bob@two.test --json' : 'lookup slow@two.test --json'
      const ran = muttr(line, { signal: stop.signal, ...(stdin && { stdin }) })
      setImmediate(() => stop.abort())
      assert.deepEqual([(await ran).status, (await ran).error().code], [3, 'CANCELLED'])
    }
  })

  it('quietly when nobody reads what it prints', async () => {
    for (const line of [
      'inbox',
      'inbox --json',
      'status',
      'up --no-passphrase',
      'net up',
      '--help'
    ]) {
      const ran = await muttr(line, { brokenPipe: true })
      assert.deepEqual(
        [line, ran.status, ran.stderr.replace('Ctrl-C stops it.\n', '')],
        [line, 0, '']
      )
    }
  })

  it('with its client disposed, whatever happened', async () => {
    let disposed = 0
    const doors = createFakeDoors()
    const openClient = async () =>
      Object.assign(doors.client, { [Symbol.asyncDispose]: async () => void disposed++ })
    for (const line of ['status', 'lookup unknown@two.test', 'inbox'])
      await muttr(line, { doors: { ...doors, openClient }, brokenPipe: line === 'inbox' })
    assert.equal(disposed, 3)
  })
})

describe('colours', () => {
  const esc = '\u001b['
  it('are for terminals, and for those who want them', async () => {
    const coloured = async (run: object) => (await muttr('status', run)).stdout.includes(esc)
    assert.equal(await coloured({ tty: true }), true)
    assert.equal(await coloured({}), false)
    assert.equal(await coloured({ tty: true, env: { NO_COLOR: '1' } }), false)
    assert.equal(await coloured({ tty: true, env: { TERM: 'dumb' } }), false)
    assert.equal((await muttr('--help', { tty: true })).stdout.includes(esc), true)
    assert.equal((await muttr('--help')).stdout.includes(esc), false)
  })
})

describe('the passphrase', () => {
  /** What a door gets that asks for one. */
  const given = async (line: string, run: Parameters<typeof muttr>[1] = {}) => {
    const doors = createFakeDoors()
    const ran = await muttr(`init --name a --json ${line}`, { doors, ...run })
    return ran.status === 0 ? doors.opened[0]?.[1].passphrase : ran.error().code
  }
  const answers = (...texts: (string | undefined)[]) => ({
    tty: true,
    prompts: { password: async () => texts.shift(), confirm: async () => undefined }
  })

  it('comes from a file, the environment or none, in this order', async () => {
    const env = { MUTTR_PASSPHRASE: 'from env' }
    assert.equal(await given('--passphrase-file -', { stdin: 'from file\nrest', env }), 'from file')
    assert.equal(await given('', { env }), 'from env')
    assert.equal(await given('--no-passphrase', { env }), null)
  })

  it('is asked for only on a terminal, twice for a new key', async () => {
    assert.equal(await given('', answers('secret', 'secret')), 'secret')
    assert.equal(await given('', answers('secret', 'sceret')), 'PASSPHRASE_WRONG')
    assert.equal(await given('', answers('')), 'PASSPHRASE_MISSING')
    assert.equal(await given('', answers(undefined)), 'CANCELLED')
    assert.equal(await given(''), 'PASSPHRASE_MISSING')
  })

  it('is not asked for where the door needs none', async () => {
    assert.equal((await muttr('status')).status, 0)
  })

  it('is refused from a file that is empty, missing or no text', async () => {
    assert.equal(await given('--passphrase-file -', { stdin: '\nsecond' }), 'USAGE')
    assert.equal(await given('--passphrase-file /nowhere'), 'USAGE')
    assert.equal(
      await given('--passphrase-file -', { stdin: Readable.from([Buffer.alloc(5_000, 97)]) }),
      'USAGE'
    )
  })

  it('never shows in what is printed', async () => {
    const ran = await muttr('init --name a', { env: { MUTTR_PASSPHRASE: 'hunter2' } })
    assert.doesNotMatch(ran.stdout + ran.stderr, /hunter2/)
  })
})

describe('docs/guides/cli.md', () => {
  it('shows every command', async () => {
    const page = readFileSync(new URL('../../docs/guides/cli.md', import.meta.url), 'utf8')
    for (const command of commands)
      if (!['key', 'blob', 'net', 'pod', 'sim'].includes(command))
        assert.match(page, new RegExp(`\`${command}[ \`]`), command)
  })
})

describe('prompts at a terminal', () => {
  /** A terminal that types `keys` when it is asked. */
  async function answer<T>(keys: string, ask: (streams: Streams) => Promise<T>) {
    const input = Object.assign(new PassThrough(), { isTTY: true, setRawMode() {} })
    const output = Object.assign(new PassThrough(), { isTTY: true, columns: 80, rows: 24 })
    let shown = ''
    output.on('data', chunk => {
      shown += chunk
    })
    const stop = new AbortController()
    const asked = ask({ input, output, signal: stop.signal })
    await once(output, 'data')
    if (keys === 'abort') stop.abort()
    else input.write(keys)
    return { answer: await asked, shown }
  }
  type Streams = Parameters<typeof terminalPrompts.password>[1]

  it('take a passphrase without showing it, and a yes or no', async () => {
    const typed = await answer('secret\r', streams =>
      terminalPrompts.password('Passphrase', streams)
    )
    assert.equal(typed.answer, 'secret')
    assert.match(typed.shown, /Passphrase/)
    assert.doesNotMatch(typed.shown, /secret/)
    const yes = await answer('y', streams => terminalPrompts.confirm('Same?', streams))
    assert.equal(yes.answer, true)
    const enter = await answer('\r', streams => terminalPrompts.confirm('Same?', streams))
    assert.equal(enter.answer, false)
  })

  it('give up at Ctrl-C and when the command ends', async () => {
    for (const keys of ['\u0003', 'abort']) {
      const typed = await answer(keys, streams => terminalPrompts.password('Passphrase', streams))
      assert.equal(typed.answer, undefined)
    }
  })
})
