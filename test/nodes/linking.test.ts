import assert from 'node:assert/strict'
import type { ChildProcessWithoutNullStreams } from 'node:child_process'
import { once } from 'node:events'
import { readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { DeviceMade } from '../../src/cli/doors.ts'
import type {
  Contact,
  LinkStep,
  OwnDevice,
  OwnSuccession,
  ReceivedLetter,
  SentLetter
} from '../../src/client/client.ts'
import { startMuttr } from '../support/command.ts'
import { Testnet } from '../support/testnet.ts'

/** A `muttr device link` that is waiting, read line by line. */
interface Showing {
  readonly child: ChildProcessWithoutNullStreams
  readonly code: string
  next(): Promise<LinkStep | undefined>
  rest(): Promise<LinkStep[]>
}

describe('a second device', () => {
  let net: Testnet
  before(async function () {
    this.timeout(120_000)
    net = await Testnet.lay({ pods: ['one.test'], people: ['alice', 'bob'], seeds: 5 })
    await net.startAll()
    for (const name of ['alice', 'bob']) await ok(name, 'register', `${name}@one.test`)
  })
  const shown: ChildProcessWithoutNullStreams[] = []
  after(async () => {
    for (const child of shown) child.kill()
    await net?.[Symbol.asyncDispose]()
  })

  async function ok<T>(who: string, ...args: string[]): Promise<T[]> {
    const ran = await net.muttr(who, '--json', ...args)
    assert.equal(ran.status, 0, `${args.join(' ')}: ${ran.stderr}`)
    const lines = ran.stdout.split('\n').filter(line => line !== '')
    return lines.map(line => JSON.parse(line) as T)
  }

  async function show(who: string, ...args: string[]): Promise<Showing> {
    const home = ['--home', net.home(who)]
    const child = startMuttr(['device', 'link', '--json', ...home, ...args])
    shown.push(child)
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
    const next = async () => {
      const { value, done } = await lines.next()
      return done ? undefined : (JSON.parse(value) as LinkStep)
    }
    const first = await next()
    assert(first?.type === 'code')
    return {
      ...{ child, code: first.code, next },
      async rest() {
        const all: LinkStep[] = []
        for (let step = await next(); step; step = await next()) all.push(step)
        return all
      }
    }
  }

  /** Runs `muttr link` with the code on standard input. */
  async function link(home: string, code: string, ...args: string[]) {
    const given = ['--home', home, '--json', '--no-passphrase']
    const child = startMuttr(['link', '-', ...given, ...args])
    child.stdin.end(`${code}\n`)
    let [stdout, stderr] = ['', '']
    child.stdout.on('data', data => (stdout += data))
    child.stderr.on('data', data => (stderr += data))
    const [status] = await once(child, 'close')
    return { status: status as number, stdout, stderr }
  }

  it('has the letters and contacts of the first, and gets what is new beside it', async () => {
    const [before] = await ok<SentLetter>('alice', 'send', 'bob@one.test', 'before there were two')
    await net.event('bob', 'opened', 0, ({ letter }) => letter === before!.id)
    const [mine] = await ok<SentLetter>('bob', 'send', 'alice@one.test', 'I have it')
    await net.event('alice', 'opened')
    const home = net.adopt('bob-phone')

    const showing = await show('bob')
    const linked = await link(home, showing.code, '--name', 'phone')
    assert.equal(linked.status, 0, linked.stderr)
    const made = JSON.parse(linked.stdout) as DeviceMade
    assert.deepEqual([made.device, made.name, made.heard], ['phone', 'bob', true])
    const steps = await showing.rest()
    assert.deepEqual(
      steps
        .filter(({ type }) => type !== 'sent')
        .map(step => [step.type, 'name' in step && step.name]),
      [
        ['came', 'phone'],
        ['linked', 'phone']
      ]
    )
    const again = await link(net.adopt('too-late'), showing.code)
    assert.match(again.stderr, /LINK_REFUSED/)
    assert.match((await link(home, showing.code)).stderr, /HOME_EXISTS/)

    const from = net.events.length
    await net.start('bob-phone')
    await net.event('bob-phone', 'listening', from)
    const [status] = await ok<{ fingerprint: string; peer: string }>('bob-phone', 'status')
    const [first] = await ok<{ fingerprint: string; peer: string }>('bob', 'status')
    assert.equal(status!.fingerprint, first!.fingerprint)
    assert.notEqual(status!.peer, first!.peer, 'it is another device')
    const [read] = await ok<ReceivedLetter>('bob-phone', 'read', before!.id)
    assert.equal(read!.body.trim(), 'before there were two')
    const [contact] = await ok<Contact>('bob-phone', 'contacts')
    assert.equal(contact!.alias, 'alice@one.test')
    const [sent] = await ok<SentLetter>('bob-phone', 'sent')
    assert.deepEqual([sent!.id, sent!.to], [mine!.id, 'alice@one.test'])

    const [fresh] = await ok<SentLetter>('alice', 'send', 'bob@one.test', 'to both of you')
    // Both are told at once; the one that opens it first gives it to the other before it releases it.
    await Promise.all(
      ['bob', 'bob-phone'].map(device =>
        net.event(device, 'opened', from, ({ letter }) => letter === fresh!.id)
      )
    )
    await net.event('alice', 'accepted', from, ({ letter }) => letter === fresh!.id)
    await ok('bob-phone', 'read', fresh!.id)
    const [answer] = await ok<SentLetter>('bob-phone', 'send', 'alice@one.test', 'from the phone')
    await net.event('alice', 'opened', from, ({ letter }) => letter === answer!.id)
    await net.stop('bob')
    const [alone] = await ok<SentLetter>('alice', 'send', 'bob@one.test', 'to the phone')
    await net.event('bob-phone', 'opened', from, ({ letter }) => letter === alone!.id)
    await net.start('bob')
    const isHere = ({ letter }: { letter: string }) => letter === alone!.id
    await net.event('bob', 'opened', from, isHere)
    const mirrored = async (isSo: () => Promise<boolean>) => {
      for (let since = net.events.length; !(await isSo()); since = net.events.length)
        await net.event('bob', 'mirrored', since)
    }
    await mirrored(async () => {
      const unread = await ok<{ id: string }>('bob', 'inbox', '--unread')
      return !unread.some(({ id }) => id === fresh!.id)
    })
    await mirrored(async () =>
      (await ok<SentLetter>('bob', 'sent')).some(({ id }) => id === answer!.id)
    )
    const devices = await ok<OwnDevice>('bob', 'devices')
    assert.deepEqual(devices.map(({ name, own }) => [name, own]).sort(), [
      ['bob', true],
      ['phone', false]
    ])
    assert(
      !net.events
        .slice(from)
        .some(({ who, event }) => who === 'bob-phone' && event.type === 'rotated')
    )
  }).timeout(180_000)

  it('of which the settings of the machine stay where they are, and letters where that is wanted', async () => {
    const home = net.adopt('bob-tablet')
    const showing = await show('bob')
    const linked = await link(home, showing.code, '--no-history')
    assert.equal(linked.status, 0, linked.stderr)
    const config = JSON.parse(await readFile(join(home, 'muttr.json'), 'utf8'))
    assert.deepEqual(config, { name: 'bob', network: 'testnet', requests: 'pull' })
    const from = net.events.length
    await net.start('bob-tablet')
    await net.event('bob-tablet', 'listening', from)
    assert.equal((await ok<Contact>('bob-tablet', 'contacts'))[0]!.alias, 'alice@one.test')
    assert.deepEqual(await ok('bob-tablet', 'sent'), [])
    assert.deepEqual(await ok('bob-tablet', 'inbox'), [])
  }).timeout(120_000)

  it('has the new key that another takes, also when it was off meanwhile', async () => {
    await net.stop('bob-phone')
    const from = net.events.length
    const [begun] = await ok<OwnSuccession>('bob', 'key', 'succeed', '--yes')
    for (const who of ['bob', 'bob-tablet'])
      assert.equal((await net.event(who, 'handed-over', from)).fingerprint, begun!.to)
    const [late] = await ok<SentLetter>('alice', 'send', 'bob@one.test', 'to whichever key')
    const isLate = ({ letter }: { letter: string }) => letter === late!.id
    await net.event('bob', 'opened', from, isLate)
    const again = net.events.length
    await net.start('bob-phone')
    assert.equal((await net.event('bob-phone', 'handed-over', again)).fingerprint, begun!.to)
    await net.event('bob-phone', 'opened', again, isLate)
    const [fresh] = await ok<SentLetter>('alice', 'send', 'bob@one.test', 'to all of you')
    for (const who of ['bob', 'bob-tablet', 'bob-phone']) {
      await net.event(who, 'opened', from, ({ letter }) => letter === fresh!.id)
      const [status] = await ok<{ fingerprint: string }>(who, 'status')
      assert.equal(status!.fingerprint, begun!.to)
      assert.deepEqual(await ok(who, 'alarms'), [])
      assert.equal((await ok<OwnDevice>(who, 'devices')).length, 3)
    }
    const [answer] = await ok<SentLetter>('bob-phone', 'send', 'alice@one.test', 'by the new key')
    await net.event('alice', 'opened', from, ({ letter }) => letter === answer!.id)
  }).timeout(180_000)

  it('is none when the first one dies, or was given a code of two', async () => {
    const home = net.adopt('bob-laptop')
    const [away, other] = [await show('alice'), await show('bob')]
    other.child.kill('SIGINT')
    const mixed = other.code.slice(0, 40) + away.code.slice(40)
    assert.match((await link(home, mixed)).stderr, /LINK_INVALID/)
    const ended = once(away.child, 'close')
    await net.kill('alice')
    assert.deepEqual([(await ended)[0], await away.next()], [3, undefined])
    const dead = await link(home, away.code)
    assert.match(dead.stderr, /PEER_UNREACHABLE.*muttr backup/s)
    await assert.rejects(stat(home), { code: 'ENOENT' })
  }).timeout(120_000)

  it('is waited for until Ctrl-C', async () => {
    const showing = await show('bob-phone')
    showing.child.kill('SIGINT')
    await once(showing.child, 'close')
    const again = await show('bob-phone')
    assert.match((await link(net.adopt('x'), showing.code)).stderr, /LINK_REFUSED/)
    again.child.kill('SIGINT')
    await once(again.child, 'close')
  }).timeout(60_000)
})
