import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { sha256, toHex } from '../../src/base/bytes.ts'
import type { Status } from '../../src/client/client.ts'
import type { ConfigFile } from '../../src/config/config.ts'
import { decodeRelease } from '../../src/wire/dht.ts'
import { readTombstone } from '../../src/wire/tombstone.ts'
import { ChangingNet } from '../support/changes.ts'
import type { Sight } from '../support/witness.ts'
import { witness } from '../support/witness.ts'

const pod = 'one.test'

describe('through a pod, over separate processes', () => {
  let world: ChangingNet
  const sights: Sight[] = []
  const stack = new AsyncDisposableStack()
  before(async function () {
    this.timeout(180_000)
    world = stack.use(await ChangingNet.start({ seeds: 0, pods: [pod, 'two.test'], clients: true }))
    const through = world.net.child(pod).ready.addresses[0]!
    const made = Array.from({ length: 8 }, () => witness(through, sights))
    for (const one of await Promise.all(made)) stack.use(one)
    for (const name of ['alice', 'bob', pod]) peers.set(name, (await world.status(name)).peer)
  })
  after(async () => {
    await stack.disposeAsync()
  })

  const peers = new Map<string, string>()
  const peerOf = (name: string): string => peers.get(name)!

  /** Who asked the witnesses anything about a key, by one of these methods. */
  function askers(key: string, ...methods: string[]): string[] {
    const place = toHex(sha256(Buffer.from(key, 'hex')))
    const about = sights.filter(
      ({ method, payload }) =>
        (methods.length === 0 || methods.includes(method)) &&
        (payload.includes(key) || payload.includes(place))
    )
    return [...new Set(about.map(({ from }) => from))]
  }

  const releasedKey = (payload: string): string =>
    toHex(readTombstone(decodeRelease(new Uint8Array(Buffer.from(payload, 'hex')))).key)

  async function bytesIn(name: string): Promise<{ file: string; hash: string }> {
    const bytes = randomBytes(3_000)
    const file = join(world.net.folder, name)
    await writeFile(file, bytes)
    return { file, hash: toHex(sha256(bytes)) }
  }

  it('what is put and got is asked by the pod, and its holders never hear of anybody else', async () => {
    const { file, hash } = await bytesIn('bytes')
    const from = sights.length
    const put = await world.json<{ key: string; copies: number }>(
      ...(['alice', 'blob', 'put', file, '--via', pod] as const)
    )
    assert(put.copies >= 5)
    // A put names the blob's hash; its key stands in nothing that is put.
    const puts = sights.slice(from).filter(s => s.method === 'put' && s.payload.includes(hash))
    assert(puts.some(s => s.from === peerOf(pod)))
    assert(!puts.some(s => s.from === peerOf('alice')))
    const got = await world.json<{ sizeBytes: number }>(
      ...(['bob', 'blob', 'get', put.key, '--via', pod] as const)
    )
    assert.equal(got.sizeBytes, 3_000)
    const asked = askers(put.key)
    assert(!asked.includes(peerOf('bob')) && !asked.includes(peerOf('alice')))
    // The addresses that those requests came from are the pod's connections, too.
    const addresses = (who: string) =>
      new Set(sights.filter(s => s.from === peerOf(who)).flatMap(({ at }) => at))
    for (const { at } of puts.filter(s => s.from === peerOf(pod)))
      for (const address of at)
        assert(!addresses('alice').has(address) && !addresses('bob').has(address))
  }).timeout(180_000)

  it('directly, holders see who asks: what the way through the pod hides is there to be seen', async () => {
    const { file, hash } = await bytesIn('plain')
    const from = sights.length
    const putBy = (who: string) =>
      sights.slice(from).some(s => {
        return s.method === 'put' && s.payload.includes(hash) && s.from === peerOf(who)
      })
    // Neighbours may pass on what she puts before her connections stand: it is a matter of tries, not of hiding.
    while (!putBy('alice')) await world.json('alice', 'blob', 'put', file)
  }).timeout(180_000)

  it('a letter of a stranger is fetched so without being told', async () => {
    const from = world.now
    const letter = await world.send('bob', 'alice', 'you do not know me')
    await world.opened('alice', letter, from)
    await world.net.event('alice', 'released', from)
    assert(!askers(letter.key!).includes(peerOf('alice')))
    // Which holder had it first is chance, and may be a pod; of the release all are told.
    const releases = sights.filter(
      ({ method, payload }) => method === 'release' && releasedKey(payload) === letter.key
    )
    assert(releases.some(s => s.from === peerOf(pod)))
    assert(!releases.some(s => s.from === peerOf('alice')))
  }).timeout(180_000)

  it('a letter is stored so when its sender says so', async () => {
    const from = sights.length
    const letter = await world.send('alice', 'bob', 'not from here', '--via', pod)
    assert.equal(letter.state, 'announced')
    const hashes = sights.slice(from).filter(s => s.method === 'put' && s.from === peerOf('alice'))
    assert.deepEqual(hashes, [])
    await world.opened('bob', letter)
  }).timeout(180_000)

  it('without a running node it is the same', async () => {
    await world.net.stop('alice')
    const { file, hash } = await bytesIn('light')
    const from = sights.length
    await world.json('alice', 'blob', 'put', file, '--via', pod)
    const puts = sights.slice(from).filter(s => s.method === 'put' && s.payload.includes(hash))
    assert(puts.some(s => s.from === peerOf(pod)) && !puts.some(s => s.from === peerOf('alice')))
    await world.net.start('alice')
  }).timeout(180_000)

  it('a pod where one has no alias, or that does not do it, refuses, and nobody is asked past it', async () => {
    const { file } = await bytesIn('refused')
    const ran = await world.net.muttr('alice', '--json', 'blob', 'put', file, '--via', 'two.test')
    assert.equal(JSON.parse(ran.stderr).error.code, 'RELAY_REFUSED')
    assert.equal(ran.status, 2)
    const unknown = await world.net.muttr(
      'alice',
      '--json',
      'blob',
      'put',
      file,
      '--via',
      'no.test'
    )
    assert.equal(JSON.parse(unknown.stderr).error.code, 'POD_UNKNOWN')
  }).timeout(180_000)

  it('a pod that is away is named, and a letter waits for it', async () => {
    await world.json('alice', 'register', 'alice@two.test')
    await world.net.stop('two.test')
    const { file } = await bytesIn('away')
    const ran = await world.net.muttr('alice', '--json', 'blob', 'put', file, '--via', 'two.test')
    assert.deepEqual([ran.status, JSON.parse(ran.stderr).error.code], [3, 'RELAY_UNREACHABLE'])
    const from = world.now
    const letter = await world.send('alice', 'bob', 'later', '--via', 'two.test')
    assert.deepEqual([letter.state, letter.waiting?.code], ['queued', 'RELAY_UNREACHABLE'])
    await world.net.start('two.test')
    await world.net.event('alice', 'announced', from, e => e.letter === letter.id)
    await world.opened('bob', letter, from)
  }).timeout(180_000)

  it('strangers wait for a pod that refuses, and status says so; or are fetched directly where that is set', async () => {
    const { net } = world
    const from = world.now
    // What a pod holds itself it gives to whom it would not ask for: so these two hold nothing.
    const store = { capBytes: 1 }
    await configure('two.test', file => ({ ...file, store }))
    await configure(pod, file => ({ ...file, store, pod: { ...file.pod, via: false } }))
    await net.event('bob', 'listening', from)
    // By another alias she is a stranger to him again.
    const letter = await world.send('alice', 'bob', 'as a stranger', '--from', 'alice@two.test')
    const held = await net.event('bob', 'delayed', from, e => e.key === letter.key)
    assert.equal(held.code, 'RELAY_REFUSED')
    const status: Status = await world.status('bob')
    assert.equal(status.inbox.waiting, 1)
    assert.deepEqual(
      status.inbox.relays.map(r => [r.pod, r.problem.code]),
      [[pod, 'RELAY_REFUSED']]
    )
    const { status: exit, checks } = await world.doctor('bob')
    assert.equal(exit, 2)
    assert(checks.some(c => c.name === `relay ${pod}` && c.hint?.includes('relayed-first')))
    await configure('bob', file => ({ ...file, strangers: 'relayed-first' }))
    await world.opened('bob', letter, from)
    // Whether he asked for it himself, or before his connections stood had a neighbour pass that on, is chance.
    const fetched = await net.event('bob', 'fetched', from, e => e.key === letter.key)
    assert(sights.some(({ holder }) => holder === fetched.from))
  }).timeout(180_000)

  async function configure(name: string, change: (file: ConfigFile) => object): Promise<void> {
    await world.net.stop(name)
    await world.configure(name, change)
    await world.net.start(name)
  }
})
