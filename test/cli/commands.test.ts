import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createFakeDoors, muttr, testReady, untilPrinted } from '../support/cli.ts'
import { bobsFingerprint } from '../support/fake-letters.ts'

/** Besides line ends and tabs. */
const harmful = /(?![\n\t])\p{Cc}|\p{Bidi_Control}/u

describe('muttr init, join, up and pod', () => {
  it('makes a home', async () => {
    const doors = createFakeDoors()
    const ran = await muttr('init --name alice --home /h --no-passphrase --json', { doors })
    assert.equal(ran.status, 0)
    assert.deepEqual(ran.objects(), [
      { home: '/h', name: 'alice', fingerprint: 'ab'.repeat(20), network: 'local' }
    ])
    assert.deepEqual(doors.opened, [['initHome', { home: '/h', name: 'alice', passphrase: null }]])
  })

  it('hands every option of init on', async () => {
    const doors = createFakeDoors()
    const line = 'init --name a --import k.asc --network net.json --join muttr:x --no-passphrase'
    assert.equal((await muttr(line, { doors })).status, 0)
    const { importFile, network, link, home } = doors.opened[0]![1]
    assert.deepEqual(
      [importFile, network, link, home],
      ['k.asc', 'net.json', 'muttr:x', '/homes/.muttr']
    )
  })

  it('joins by a link', async () => {
    const ran = await muttr('join muttr:abc --json --home /h')
    assert.deepEqual(ran.objects()[0]?.pods, ['one.test'])
    assert.match((await muttr('join muttr:abc')).stdout, /invite\s+c0de/)
  })

  it('runs a seed until it is told to stop, and says when it is ready', async () => {
    const doors = createFakeDoors()
    const ran = await muttr('up --json --home /h --no-passphrase', {
      doors,
      ...untilPrinted('ready')
    })
    assert.equal(ran.status, 0)
    assert.deepEqual(ran.objects(), [{ ready: true, ...testReady }])
    assert.equal(ran.stderr, '')
  })

  it('prints events only when asked', async () => {
    const until = untilPrinted('registered')
    const ran = await muttr('up --events --json --no-passphrase', until)
    assert.deepEqual(ran.objects()[1], { type: 'registered', alias: 'alice@one.test', ms: 4 })
    const human = await muttr('pod up --events --no-passphrase', untilPrinted('stored'))
    assert.match(human.stdout, /stored key=abababab copies=8 needed=5/)
    assert.match(human.stdout, /alice is up, a pod\./)
  })

  it('ends with the parent that it follows', async () => {
    const ran = await muttr('up --follow-stdin --json --no-passphrase', { stdin: 'x' })
    assert.equal(ran.status, 0)
  })

  it('makes invites', async () => {
    const doors = createFakeDoors()
    const ran = await muttr('pod invite --expires 2h --json --home /p', { doors })
    assert.equal(ran.objects()[0]?.link, 'muttr:abc')
    assert.deepEqual(doors.opened, [
      ['openPod', { home: '/p' }],
      ['invite', { lifeMs: 7_200_000, by: 'operator' }]
    ])
  })

  it('runs a neighbourhood in a folder of its own', async () => {
    const doors = createFakeDoors()
    const ran = await muttr('net up --json --pods 1 --seeds 20', {
      doors,
      ...untilPrinted('ready')
    })
    assert.equal(ran.objects()[0]?.ready, true)
    const { pods, seeds, home, story } = doors.opened[0]![1]
    assert.deepEqual([pods, seeds, home, story], [1, 20, null, false])
    await muttr('net up --story --home /n', { doors, ...untilPrinted('up') })
    assert.deepEqual([doors.opened[1]![1].home, doors.opened[1]![1].story], ['/n', true])
    assert.equal((await muttr('net up --seeds many')).status, 1)
  })

  it('runs within the caps that it is told', async () => {
    const doors = createFakeDoors()
    const line = 'up --light --store-cap 2GiB --up-cap 512KiB --down-cap 1.5MiB --no-passphrase'
    assert.equal((await muttr(line, { doors, ...untilPrinted('up') })).status, 0)
    assert.deepEqual(doors.opened[0]![1].caps, {
      light: true,
      storeBytes: 2 ** 31,
      upBytesPerSecond: 512 * 1024,
      downBytesPerSecond: 1.5 * 2 ** 20
    })
    for (const wrong of ['--up-cap 1KiB', '--down-cap much', '--store-cap 0', '--store-cap 1GB'])
      assert.equal((await muttr(`up ${wrong} --no-passphrase`)).status, 1)
  })

  it('keeps a trace where it is told to, and says what is in it', async () => {
    const doors = createFakeDoors()
    const line = 'up --trace-out /srv/trace --no-passphrase'
    const { stderr } = await muttr(line, { doors, ...untilPrinted('up') })
    assert.deepEqual(doors.opened[0]![1].caps, { traceFolder: '/srv/trace' })
    assert.match(stderr, /^A trace for researchers is written to \/srv\/trace: no keys, ids or/)
  })

  it('tortures a network, and says by its status whether anything broke', async () => {
    const doors = createFakeDoors()
    const ran = await muttr('net torture --minutes 3 --seed good --people 3 --out /o', { doors })
    assert.deepEqual([ran.status, ran.stdout], [0, 'it begins\n'])
    const { minutes, seed, pods, people, seeds, home, out } = doors.opened[0]![1]
    assert.deepEqual([minutes, seed, pods, people, seeds], [3, 'good', 2, 3, 6])
    assert.deepEqual([home, out], [null, '/o'])
    assert.equal((await muttr('net torture --seed bad')).status, 4)
    assert.equal((await muttr('net torture --minutes 0')).status, 1)
  })
})

describe('muttr send, inbox, read and sent', () => {
  it('sends text from the arguments, standard input or a file', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'muttr-cli-'))
    const file = join(folder, 'letter.txt')
    await writeFile(file, 'from a file\n')
    const doors = createFakeDoors()
    const ways: [string[], string][] = [
      [['send', 'bob@two.test', 'from the arguments'], ''],
      [['send', 'bob@two.test'], 'from standard input'],
      [['send', 'bob@two.test', '--file', file], ''],
      [['send', 'bob@two.test', '--file', '-'], 'also from there'],
      [['send', 'bob@two.test', '--', '-5 degrees'], '']
    ]
    for (const [argv, stdin] of ways) assert.equal((await muttr(argv, { doors, stdin })).status, 0)
    await rm(folder, { recursive: true })
    assert.deepEqual(
      doors.client.calls.map(([, draft]) => (draft as { body: string }).body),
      [
        'from the arguments',
        'from standard input',
        'from a file\n',
        'also from there',
        '-5 degrees'
      ]
    )
  })

  it('hands subject, life and parent on', async () => {
    const doors = createFakeDoors()
    const parent = doors.client.letters[0]!.id
    const line = `send bob@two.test hi --subject Lunch --expires 7d --reply-to ${parent.slice(0, 8)}`
    assert.equal((await muttr(line, { doors })).status, 0)
    assert.deepEqual(doors.client.calls.at(-1), [
      'send',
      { to: 'bob@two.test', body: 'hi', subject: 'Lunch', lifeMs: 604_800_000, parent }
    ])
    const lost = await muttr('send bob@two.test hi --reply-to beef --json', { doors })
    assert.deepEqual([lost.status, lost.error().code], [2, 'LETTER_UNKNOWN'])
  })

  it('says that a letter waits, and why', async () => {
    const ran = await muttr('send waiting@two.test hi')
    assert.equal(ran.status, 0)
    assert.match(ran.stdout, /queued, waits; again in 1 min\n\s+no seed was reached/)
    assert.match((await muttr('send bob@two.test hi')).stdout, /announced, 8 of 8 copies/)
  })

  it('refuses text that is missing, doubled, too large or not text', async () => {
    const cases: [string, string | Uint8Array, number, string][] = [
      ['send bob@two.test', '', 1, 'USAGE'],
      ['send bob@two.test hi --file x', '', 1, 'USAGE'],
      ['send bob@two.test --file /nowhere/at/all', '', 1, 'USAGE'],
      ['send bob@two.test --file /', '', 1, 'USAGE'],
      ['send bob@two.test', new Uint8Array([0xff, 0xfe]), 1, 'USAGE'],
      ['send bob@two.test', 'x'.repeat(48 * 1024 + 1), 2, 'LETTER_TOO_LARGE'],
      ['send bob@two.test hi --expires soon', '', 1, 'USAGE']
    ]
    for (const [line, stdin, status, code] of cases) {
      const ran = await muttr(`${line} --json`, { stdin })
      assert.deepEqual([line, ran.status, ran.error().code], [line, status, code])
    }
  })

  it('lists letters, one object per line', async () => {
    const doors = createFakeDoors()
    const all = await muttr('inbox --json', { doors })
    assert.deepEqual(
      all.objects().map(letter => letter.subject),
      ['Lunch', 'Ça va 你好']
    )
    assert.equal('body' in all.objects()[0]!, false)
    assert.equal((await muttr('inbox --unread --limit 5 --json', { doors })).objects().length, 1)
    assert.deepEqual(doors.client.calls.at(-1), ['inbox', { limit: 5, unread: true }])
    assert.equal((await muttr('sent --json', { doors })).stdout, '')
    assert.equal((await muttr('sent', { doors })).stdout, 'No letters.\n')
  })

  it('aligns a table, and cuts it to the screen', async () => {
    const doors = createFakeDoors()
    doors.client.letters[0]!.subject = 'x'.repeat(200)
    const lines = (await muttr('inbox', { doors, tty: true, env: { NO_COLOR: '1' } })).stdout.split(
      '\n'
    )
    assert.ok(lines.every(text => [...text].length <= 80))
    const columns = lines.slice(0, 3).map(text => text.search(/SUBJECT|xxx|Ça/))
    assert.equal(new Set(columns).size, 1)
    assert.equal((await muttr('inbox', { doors })).stdout.includes('x'.repeat(200)), true)
  })

  it('shows a letter, and nothing in it reaches the terminal as a command', async () => {
    const doors = createFakeDoors()
    Object.assign(doors.client.letters[0]!, {
      subject: 'red\u001b[31m \u202egnp.exe\nFrom: mallory',
      body: 'one\r\ntwo\tthree\u001b]0;title\u0007\u009b2J\u2066'
    })
    const { stdout } = await muttr(`read ${doors.client.letters[0]!.id.slice(0, 8)}`, { doors })
    assert.doesNotMatch(stdout, harmful)
    assert.match(stdout, /subject {3}red␛\[31m �gnp\.exe␊From: mallory\n/)
    assert.match(stdout, /\n\none\ntwo\tthree␛\]0;title␇�2J�\n$/)
    const raw = await muttr(`read --json ${doors.client.letters[0]!.id}`, { doors })
    assert.doesNotMatch(raw.stdout, harmful)
    assert.equal(raw.objects()[0]?.body, doors.client.letters[0]!.body)
  })
})

describe('muttr register, lookup, contacts and verify', () => {
  it('registers, with and without an invite', async () => {
    const doors = createFakeDoors()
    assert.match(
      (await muttr('register alice@one.test', { doors })).stdout,
      /alice@one\.test is yours/
    )
    assert.equal((await muttr('register alice@one.test --invite c0de', { doors })).status, 0)
    assert.deepEqual(doors.client.calls.at(-1), ['register', 'alice@one.test', 'c0de'])
    assert.equal((await muttr('register alice@one.test --invite used', { doors })).status, 2)
  })

  it('looks up, lists and accepts', async () => {
    const doors = createFakeDoors()
    doors.client.people[0]!.changedTo = 'cd'.repeat(20)
    assert.equal(
      (await muttr('lookup bob@two.test --json')).objects()[0]?.fingerprint,
      bobsFingerprint
    )
    const listed = await muttr('contacts', { doors })
    assert.match(
      listed.stdout,
      /bob@two\.test .* KEY CHANGED\n! bob@two\.test now shows another key/
    )
    assert.equal(
      (await muttr('contacts accept bob@two.test --json', { doors })).objects()[0]?.changedTo,
      null
    )
    assert.equal((await muttr('contacts accept eve@two.test', { doors })).status, 2)
  })

  it('verifies a fingerprint in any spelling', async () => {
    const doors = createFakeDoors()
    const spelt = bobsFingerprint.toUpperCase().match(/.{4}/g)!
    for (const words of [[bobsFingerprint], spelt, [spelt.join(':')], [`0x${bobsFingerprint}`]]) {
      const ran = await muttr(['verify', 'bob@two.test', ...words, '--json'], { doors })
      assert.equal(ran.objects()[0]?.verified, true)
    }
    const other = await muttr(`verify bob@two.test ${'0'.repeat(40)} --json`, { doors })
    assert.deepEqual([other.status, other.error().code], [2, 'KEY_CHANGED'])
    assert.equal((await muttr('verify bob@two.test beef', { doors })).status, 1)
  })

  it('asks a person to compare, and refuses where nobody can', async () => {
    const asked: string[] = []
    const prompts = (answer: boolean | undefined) => ({
      password: async () => undefined,
      confirm: async (message: string) => {
        asked.push(message)
        return answer
      }
    })
    const doors = createFakeDoors()
    const run = (answer: boolean | undefined) =>
      muttr('verify bob@two.test', { doors, tty: true, prompts: prompts(answer) })
    assert.equal((await run(true)).status, 0)
    assert.equal((await run(false)).status, 3)
    assert.equal(asked.length, 2)
    assert.equal((await muttr('verify bob@two.test', { doors })).status, 1)
    assert.equal((await muttr('verify bob@two.test --yes', { doors })).status, 0)
    assert.equal((await muttr('verify eve@two.test', { doors, tty: true })).status, 2)
  })
})

describe('muttr key, blob, status and doctor', () => {
  it('exports and imports public keys', async () => {
    const doors = createFakeDoors()
    const exported = await muttr('key export', { doors })
    assert.ok(!doors.opened.some(([door]) => door === 'openClient'), 'no node, no passphrase')
    assert.match(
      exported.stdout,
      /^-----BEGIN PGP PUBLIC KEY BLOCK-----\n[\s\S]*-----END[^\n]*-----\n$/
    )
    assert.match(
      String((await muttr('key export --json')).objects()[0]?.certificate),
      /^-----BEGIN/
    )
    const ran = await muttr('key import - --alias bob@two.test --json', { doors, stdin: 'key' })
    assert.equal(ran.objects()[0]?.alias, 'bob@two.test')
    const large = await muttr('key import -', { doors, stdin: 'x'.repeat(64 * 1024 + 1) })
    assert.equal(large.status, 2)
  })

  it('shows subkeys, and makes a new one', async () => {
    const doors = createFakeDoors()
    const shown = await muttr('key show', { doors })
    assert.match(shown.stdout, /^Your key is [0-9A-F ]+\.\nSUBKEY[^\n]*\n\S+ +\S.*letters to you/)
    const [{ subkeys } = { subkeys: [] }] = (await muttr('key show --json')).objects()
    assert.equal((subkeys as unknown[]).length, 1)
    const rotated = await muttr('key rotate', { doors })
    assert.match(rotated.stdout, /letters to you are sealed to it\n.*its secret is erased/)
    assert.deepEqual(doors.client.calls, [['rotateSubkey']])
  })

  it('puts and gets raw bytes', async () => {
    const doors = createFakeDoors()
    const bytes = new Uint8Array(Array.from({ length: 300 }, (_, i) => i % 256))
    const stored = await muttr('blob put - --expires 2d', { doors, stdin: bytes })
    const key = stored.stdout.trim()
    assert.match(stored.stdout, /^[0-9a-f]{64}\n$/)
    assert.deepEqual(doors.client.calls.at(-1), ['putBlob', 300, 172_800_000])
    assert.deepEqual(new Uint8Array((await muttr(`blob get ${key}`, { doors })).bytes), bytes)
    const asJson = (await muttr(`blob get ${key} --json`, { doors })).objects()[0]
    assert.equal(asJson?.base64, Buffer.from(bytes).toString('base64'))
    assert.equal((await muttr(`blob get ${key}`, { doors, tty: true })).status, 1)
    assert.equal((await muttr('blob get beef', { doors })).status, 1)
    assert.equal((await muttr(`blob get ${'0'.repeat(64)}`, { doors })).status, 2)
    const large = await muttr('blob put - --json', { doors, stdin: new Uint8Array(256 * 1024 + 1) })
    assert.deepEqual([large.status, large.error().code], [2, 'BLOB_TOO_LARGE'])
  })

  it('says how the node is', async () => {
    const { stdout } = await muttr('status')
    assert.match(stdout, /neighbours {3}8 connected, 9 known/)
    assert.match(stdout, /one\.test {2}identified {2}file {3}alice@one\.test/)
    assert.equal((await muttr('status --json')).objects()[0]?.name, 'alice')
  })

  it('finds what is wrong, even when nothing opens', async () => {
    const ran = await muttr('doctor')
    assert.equal(ran.status, 2)
    assert.match(ran.stdout, /✓ home {2}readable\n✗ pod one\.test {2}away\n {2}Letters wait\./)
    const { MuttrError } = await import('../../src/base/errors.ts')
    const openClient = async () => Promise.reject(new MuttrError('HOME_DAMAGED', 'no network.json'))
    const broken = await muttr('doctor --json', { doors: createFakeDoors({ openClient }) })
    assert.deepEqual([broken.status, broken.objects()[0]?.detail], [2, 'no network.json'])
  })
})
