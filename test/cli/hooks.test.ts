import assert from 'node:assert/strict'
import type { MuttrEvent } from '../../src/base/events.ts'
import type { Journal, ProgramOptions } from '../../src/cli/doors.ts'
import type { ReceivedLetter } from '../../src/client/client.ts'
import { createFakeDoors, muttr } from '../support/cli.ts'
import { letterOf } from '../support/fake-letters.ts'

const event: MuttrEvent = { type: 'opened', letter: 'ab'.repeat(32), from: 'bob@two.test', ms: 4 }
const spoofed = { ...event, from: 'bob@two.test\u202e\u001b[31m' } as const

/** Doors that remember which programs ran, and a journal that outlives a run. */
function hookDoors(end = { status: 0 as number | null, output: '' }) {
  const ran: ProgramOptions[] = []
  const done = new Set<string>()
  const journal: Journal = {
    get isNew() {
      return done.size === 0
    },
    has: id => done.has(id),
    add: async ids => {
      for (const id of ids) done.add(id)
    }
  }
  const stop = new AbortController()
  let after: () => void | Promise<void> = () => {}
  const doors = createFakeDoors({
    openJournal: async () => Object.assign(journal, { [Symbol.asyncDispose]: async () => {} }),
    async runProgram(options) {
      ran.push(options)
      await after()
      return { signal: null, timedOut: false, ...end }
    }
  })
  return { doors, ran, stop, onRun: (act: typeof after) => (after = act) }
}

/** Besides line ends. */
const harmful = /(?!\n)\p{Cc}|\p{Bidi_Control}/u

const ids = (ran: readonly ProgramOptions[]) => ran.map(({ env }) => env.MUTTR_ID)

describe('muttr watch', () => {
  it('prints what happens as JSON lines, harmless on a terminal, until Ctrl-C', async () => {
    const doors = createFakeDoors()
    const stop = new AbortController()
    const ran = muttr('watch --type opened', {
      doors,
      signal: stop.signal,
      onStdout: text => {
        if (text.split('\n').length > 2) stop.abort()
      }
    })
    while (doors.client.listeners() === 0) await new Promise(setImmediate)
    doors.client.emit({ type: 'listening', pod: 'one.test' })
    doors.client.emit(event)
    doors.client.emit(spoofed)
    const { status, stdout, stderr, objects } = await ran
    assert.equal(status, 0)
    assert.deepEqual(objects(), [event, spoofed])
    assert.doesNotMatch(stdout, harmful)
    assert.match(stderr, /Ctrl-C/)
  })
})

describe('muttr on-letter', () => {
  it('runs a program for each letter once: those that came meanwhile, and each as it comes', async () => {
    const { doors, ran, stop, onRun } = hookDoors()
    const { letters } = doors.client
    const came = (n: number): ReceivedLetter =>
      letterOf({ id: String(n).repeat(64), receivedMs: letters[0]!.receivedMs + n })
    const line = ['on-letter', '--', '/bin/file', '--quick', 'a b; $(c)']
    assert.equal(
      (await muttr([...line.slice(0, 1), '--once', ...line.slice(1)], { doors })).status,
      0
    )
    assert.equal(ran.length, 0, 'what was there before the first time is not new')
    letters.unshift(came(2), came(1))
    onRun(() => {
      if (ran.length === 2) {
        letters.unshift(came(3))
        doors.client.emit(event)
      } else if (ran.length === 3) stop.abort()
    })
    const { status, stdout } = await muttr(line, { doors, signal: stop.signal })
    assert.equal(status, 0)
    assert.deepEqual(
      ids(ran),
      ['1', '2', '3'].map(digit => digit.repeat(64))
    )
    assert.deepEqual(ran[0]!.argv, ['/bin/file', '--quick', 'a b; $(c)'])
    assert.match(stdout, /✓ 11111111 of bob@two\.test: the program ended with 0/)
    await muttr(['on-letter', '--once', '--', '/bin/file'], { doors })
    assert.deepEqual(ids(ran).slice(3), ['3'.repeat(64)], 'what was interrupted is done again')
  })

  it('gives it little of our environment, nothing dangerous, and no text unless asked', async () => {
    const { doors, ran } = hookDoors()
    doors.client.letters.splice(0, 2, letterOf({ subject: 'x\u001b[2J\u202e"; rm -rf /\u0000' }))
    const env = { PATH: '/bin', HOME: '/me', MUTTR_PASSPHRASE: 'p', SSH_AUTH_SOCK: 's', MINE: 'm' }
    const line = ['on-letter', '--once', '--all', '--timeout', '5s', '--env', 'MINE', '--', 'prog']
    await muttr([...line, '--home', '/h'], { doors, env })
    const [given] = ran
    assert(given)
    assert.deepEqual(given.argv, ['prog', '--home', '/h'], 'all after -- is the program’s')
    assert.equal(given.timeoutMs, 5_000)
    assert.deepEqual(
      Object.keys(given.env).filter(name => !name.startsWith('MUTTR_')),
      ['PATH', 'HOME', 'MINE']
    )
    assert.equal(given.env.MUTTR_PASSPHRASE, undefined)
    assert.equal(given.env.MUTTR_TRUST, 'certified')
    assert.doesNotMatch(Object.values(given.env).join(), /\p{Cc}|\p{Bidi_Control}/u)
    assert.equal(JSON.parse(given.stdin).body, undefined)
    assert.equal(doors.client.letters[0]?.read, false)
    const second = hookDoors()
    second.doors.client.letters.length = 1
    await muttr(['on-letter', '--once', '--all', '--body', '--', 'prog'], { doors: second.doors })
    assert.equal(JSON.parse(second.ran[0]!.stdin).body, 'At one?\n')
    assert.equal(second.doors.client.letters[0]?.read, true)
  })

  it('says how each ended, and goes on after one that failed', async () => {
    const { doors, ran } = hookDoors({ status: 3, output: 'no\u001b[31m such folder\n' })
    const line = ['on-letter', '--once', '--all']
    const { stdout, status } = await muttr([...line, '--', 'prog'], { doors })
    assert.equal(status, 0)
    assert.equal(ran.length, 2)
    assert.match(stdout, /✗ \w{8} of bob@two\.test: the program ended with 3\nno␛\[31m such folder/)
    const second = hookDoors({ status: null, output: '' })
    const shown = await muttr([...line, '--json', '--', 'prog'], { doors: second.doors })
    assert.deepEqual(Object.keys(shown.objects()[0]!), [
      'letter',
      'signal',
      'timedOut',
      'status',
      'output'
    ])
  })

  it('refuses what is no name, time or program', async () => {
    for (const line of ['on-letter', 'on-letter --name ../x -- p', 'on-letter --timeout x -- p'])
      assert.equal((await muttr(line)).status, 1, line)
  })
})

describe('muttr notify', () => {
  const env = { DBUS_SESSION_BUS_ADDRESS: 'unix:path=/x', PATH: '/bin', SECRET: 'x' }

  it('says in a sentence when there is no desktop, or no notify-send', async () => {
    const { doors, ran } = hookDoors()
    const nowhere = await muttr('notify --json', { doors })
    assert.deepEqual([nowhere.status, nowhere.error().code], [2, 'DESKTOP_MISSING'])
    assert.match(
      (await muttr('notify', { doors })).stderr,
      /no desktop session here\n.*notify-send/
    )
    assert.deepEqual(ran, [])
    const without = createFakeDoors({
      runProgram: async () => {
        throw new Error('ENOENT')
      }
    })
    const ended = await muttr('notify --json', { doors: without, env })
    assert.deepEqual([ended.status, ended.error().message], [2, 'notify-send is not there'])
  })

  it('shows who wrote or asks, together when several come at once, and nothing of what', async () => {
    const { doors, ran, stop, onRun } = hookDoors()
    const notifying = muttr('notify', { doors, env, signal: stop.signal })
    while (doors.client.listeners() === 0) await new Promise(setImmediate)
    const held = Promise.withResolvers<void>()
    onRun(async () => {
      if (ran.length === 2) await held.promise
      if (ran.length === 3) stop.abort()
    })
    doors.client.emit({ type: 'listening', pod: 'one.test' })
    doors.client.emit({ ...event, from: '<b>&\u202e' })
    doors.client.emit(event)
    doors.client.emit({
      ...{ type: 'requested', request: 'ab', from: 'carol@one.test' },
      ...{ certifiedByPod: true, letters: 1 }
    })
    // Each event that is taken up lets the next one be.
    for (let i = 0; i < 5; i++) await new Promise(setImmediate)
    held.resolve()
    assert.equal((await notifying).status, 0)
    assert.deepEqual(
      ran.map(({ argv }) => argv.slice(-2)),
      [
        ['notify-send', '--version'],
        ['Muttr', 'A letter from &lt;b&gt;&amp;\ufffd'],
        ['Muttr', 'A letter from bob@two.test, and 1 more']
      ]
    )
    assert.equal(ran[1]!.env.SECRET, undefined)
  })
})
