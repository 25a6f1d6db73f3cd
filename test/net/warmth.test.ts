import assert from 'node:assert/strict'
import { join } from 'node:path'
import type { Contact, Handler } from '../../src/base/ports.ts'
import { loadPeerKey } from '../../src/net/peer-key.ts'
import { fakeClock } from '../support/fake-clock.ts'
import { makeNode, nextEvent, noAddress, whenever } from '../support/net-nodes.ts'
import { temporaryFolder } from '../support/store-folder.ts'

const echo: Handler = async payload => payload
const soon = { timeoutMs: 5_000 }
const one = new Uint8Array([1])

describe('net: warm connections', () => {
  it('are made to the neighbourhood, up to a limit, the nearest first', async () => {
    await using a = await makeNode({ limits: { connections: 6 } })
    await using others = new AsyncDisposableStack()
    const b = others.use(await makeNode())
    const c = others.use(await makeNode())
    const d = others.use(await makeNode())
    const dead = await makeNode()
    const gone = dead.contact()
    await dead[Symbol.asyncDispose]()
    a.keepWarm([a.contact(), gone, b.contact(), c.contact(), d.contact()])
    await whenever([a], () => a.isConnected(b.self))
    a.keepWarm([b.contact(), c.contact(), d.contact()])
    await whenever([a], () => a.isConnected(c.self))
    assert.ok(!a.isConnected(d.self), 'the rest is left for others')
  })

  it('are made again after a loss', async () => {
    const clock = fakeClock()
    await using a = await makeNode({ clock })
    await using b = await makeNode()
    a.keepWarm([b.contact()])
    await whenever([a], () => a.isConnected(b.self))
    const lost = nextEvent(a, 'disconnected', b.self)
    await b.libp2p.hangUp(a.libp2p.peerId)
    assert.equal((await lost).inPeace, false, 'it said no goodbye')
    const again = nextEvent(a, 'connected', b.self)
    clock.advance(5_000)
    await again
  })

  it('stay, as do those with a session; idle ones in excess are closed, and come back when asked', async () => {
    const clock = fakeClock()
    await using a = await makeNode({ clock, limits: { connections: 2, idleMs: 10_000 } })
    await using others = new AsyncDisposableStack()
    const peers = []
    for (let i = 0; i < 5; i++) peers.push(others.use(await makeNode()))
    const [warm, talking, busy, idle, idler] = peers as [
      typeof a,
      typeof a,
      typeof a,
      typeof a,
      typeof a
    ]
    a.serve('echo', echo)
    const release = Promise.withResolvers<Uint8Array>()
    const arrived = Promise.withResolvers<void>()
    a.serve('slow', () => {
      arrived.resolve()
      return release.promise
    })
    for (const peer of peers)
      assert.deepEqual(await peer.request(a.contact(), 'echo', one, soon), one)
    a.keepWarm([warm.contact()])
    a.accept('/muttr/pod/1', () => {})
    await using session = await talking.open(a.contact(), '/muttr/pod/1', soon)
    session.serve(async () => one)
    const slow = busy.request(a.contact(), 'slow', one, { timeoutMs: 60_000 })
    await Promise.all([arrived.promise, whenever([a], () => a.connected().length === 5)])
    const closed = [idle, idler].flatMap(peer => [
      nextEvent(peer, 'disconnected', a.self),
      nextEvent(a, 'disconnected', peer.self)
    ])
    clock.advance(5_000)
    assert.deepEqual(
      (await Promise.all(closed)).map(e => e.inPeace),
      [true, true, true, true]
    )
    release.resolve(one)
    assert.deepEqual(await slow, one)
    for (const peer of [warm, talking, busy]) assert.ok(peer.isConnected(a.self))
    assert.deepEqual(await idle.request(a.contact(), 'echo', one, soon), one)
  })
})

describe('net: what a node remembers', () => {
  it('its key, and where others were', async () => {
    await using folder = await temporaryFolder()
    await using b = await makeNode()
    b.serve('echo', echo)
    const found: Contact[] = []
    const start = async () =>
      makeNode({
        privateKey: await loadPeerKey(join(folder.path, 'peer.key')),
        datastore: join(folder.path, 'peers'),
        onCandidate: contact => found.push(contact)
      })
    const first = await start()
    await assert.rejects(first.request(noAddress(b), 'echo', one, soon), {
      code: 'PEER_UNREACHABLE'
    })
    assert.deepEqual(await first.request(b.contact(), 'echo', one, soon), one)
    await first[Symbol.asyncDispose]()
    found.length = 0
    await using second = await start()
    assert.equal(second.self, first.self)
    assert.deepEqual(found, [b.contact()])
    assert.deepEqual(await second.request(noAddress(b), 'echo', one, soon), one)
  })

  it('a folder is one process’s', async () => {
    await using folder = await temporaryFolder()
    const datastore = join(folder.path, 'peers')
    await using _ = await makeNode({ datastore })
    await assert.rejects(makeNode({ datastore }), { code: 'HOME_IN_USE' })
  })

  it('finds its first peers where it is told to, by address or by peer', async () => {
    await using a = await makeNode()
    await using b = await makeNode()
    const bare = a.contact().addresses[0]!
    const named = `${b.contact().addresses[0]!}/p2p/${b.self}`
    const found = new Set<string>()
    const both = Promise.withResolvers<void>()
    await using _ = await makeNode({
      bootstrap: [bare, named],
      onCandidate({ peer }) {
        if (found.add(peer).size === 2) both.resolve()
      }
    })
    await both.promise
    assert.deepEqual([...found].toSorted(), [a.self, b.self].toSorted())
  })
})
