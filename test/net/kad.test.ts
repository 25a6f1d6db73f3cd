import assert from 'node:assert/strict'
import { noise } from '@chainsafe/libp2p-noise'
import { generateKeyPairFromSeed } from '@libp2p/crypto/keys'
import { identify } from '@libp2p/identify'
import type { KadDHT } from '@libp2p/kad-dht'
import { kadDHT, passthroughMapper } from '@libp2p/kad-dht'
import { ping } from '@libp2p/ping'
import { tcp } from '@libp2p/tcp'
import { yamux } from '@libp2p/yamux'
import { multiaddr } from '@multiformats/multiaddr'
import { createLibp2p } from 'libp2p'
import { compareBytes, sha256, utf8 } from '../../src/base/bytes.ts'
import type { Contact, Place } from '../../src/base/ports.ts'
import { attachKad, tameKad } from '../../src/net/kad.ts'
import { kadProtocol } from '../../src/net/libp2p.ts'
import type { Node } from '../../src/net/node.ts'
import { placeOf } from '../../src/net/place.ts'
import { makeNode } from '../support/net-nodes.ts'

const nodes = 16
const k = 4

const distance = (a: Place, b: Place): Uint8Array => a.map((byte, i) => byte ^ b[i]!)
const nearestOf = (contacts: readonly Contact[], place: Place, count: number): Contact[] =>
  contacts
    .toSorted((a, b) =>
      compareBytes(distance(placeOf(a.peer), place), distance(placeOf(b.peer), place))
    )
    .slice(0, count)

/** As a Kademlia table keeps them: k of each distance, by its leading bit. Nobody knows all. */
function bucketsOf(self: string, contacts: readonly Contact[]): Contact[] {
  const buckets = new Map<number, Contact[]>()
  for (const contact of contacts) {
    if (contact.peer === self) continue
    const d = Buffer.from(distance(placeOf(contact.peer), placeOf(self)))
    const bucket = Math.clz32(d.readUInt32BE())
    buckets.set(bucket, [...(buckets.get(bucket) ?? []), contact].slice(0, k))
  }
  return [...buckets.values()].flat()
}

/** A standard client of kad-dht: its own key, no address, not of our making. */
const makeClient = (kBucketSize = k) =>
  createLibp2p({
    transports: [tcp()],
    connectionEncrypters: [noise()],
    streamMuxers: [yamux()],
    services: {
      identify: identify(),
      ping: ping(),
      kad: kadDHT({
        protocol: kadProtocol,
        clientMode: true,
        kBucketSize,
        peerInfoMapper: passthroughMapper,
        initialQuerySelfInterval: 0
      })
    }
  })
type Client = Awaited<ReturnType<typeof makeClient>>

const kadOf = (client: Client) => client.services.kad as KadDHT

async function join(client: Client, node: Node): Promise<void> {
  const met = Promise.withResolvers<void>()
  const table = (kadOf(client) as unknown as { routingTable: EventTarget }).routingTable
  table.addEventListener('peer:add', () => met.resolve())
  await client.dial(multiaddr(`${node.contact().addresses[0]}/p2p/${node.self}`))
  await met.promise
}

describe('net: kad-dht at our door', () => {
  it('a standard client walks our network and finds the true nearest', async () => {
    await using ours = new AsyncDisposableStack()
    const all: Node[] = []
    for (let i = 0; i < nodes; i++) {
      const privateKey = await generateKeyPairFromSeed('Ed25519', sha256(utf8(`node ${i}`)))
      all.push(ours.use(await makeNode({ privateKey })))
    }
    const contacts = all.map(node => node.contact())
    for (const node of all) {
      const known = bucketsOf(node.self, contacts)
      attachKad(node, {
        nearest: (place, count) => nearestOf(known, place, Math.min(count, k)),
        candidate: () => {},
        admits: () => true
      })
    }
    for (const text of ['one', 'two', 'three']) {
      const key = utf8(text)
      const byDistance = nearestOf(contacts, sha256(key), nodes).map(({ peer }) => peer)
      // From the far end: this client asks nobody who is farther than the one that named them.
      const start = all.find(({ self }) => self === byDistance.at(-1))!
      const client = await makeClient()
      try {
        await join(client, start)
        const found: string[] = []
        const signal = AbortSignal.timeout(60_000)
        for await (const { id } of client.peerRouting.getClosestPeers(key, { signal }))
          found.push(id.toString())
        assert.deepEqual(found.toSorted(), byDistance.slice(0, k).toSorted())
      } finally {
        await client.stop()
      }
    }
  })

  it('stores nothing for strangers, and says so', async () => {
    await using node = await makeNode()
    attachKad(node, { nearest: () => [], candidate: () => {}, admits: () => true })
    const client = await makeClient()
    const signal = AbortSignal.timeout(60_000)
    try {
      await join(client, node)
      const before = await keys(node)
      const key = Buffer.concat([utf8('/pk/'), client.peerId.toMultihash().bytes])
      const events: string[] = []
      const raw = client.peerId.publicKey!.raw
      const record = Buffer.concat([Buffer.from([8, 1, 18, 32]), raw])
      for await (const { name } of kadOf(client).put(key, record, { signal })) events.push(name)
      assert.ok(events.includes('QUERY_ERROR'), events.join(' '))
      assert.deepEqual(await keys(node), before)
    } finally {
      await client.stop()
    }
  })

  it('answers as much as a peer is given, and counts it', async () => {
    await using node = await makeNode()
    let isFull = false
    const asked = new Set<string>()
    attachKad(node, {
      nearest: () => [],
      candidate: () => {},
      admits: peer => asked.add(peer) && !isFull
    })
    const client = await makeClient()
    try {
      await join(client, node)
      const ask = async () => {
        const names: string[] = []
        const signal = AbortSignal.timeout(60_000)
        for await (const { name } of kadOf(client).getClosestPeers(utf8('key'), { signal }))
          names.push(name)
        return names
      }
      assert.ok((await ask()).includes('PEER_RESPONSE'))
      isFull = true
      assert.ok(!(await ask()).includes('PEER_RESPONSE'))
      assert.deepEqual([...asked], [client.peerId.toString()])
    } finally {
      await client.stop()
    }
  })

  it('a node in client mode does not serve it', async () => {
    await using node = await makeNode({ mode: 'client', listen: ['/ip4/127.0.0.1/tcp/0'] })
    const client = await makeClient()
    try {
      const [address] = node.libp2p.getMultiaddrs()
      await assert.rejects(client.dialProtocol(address!, kadProtocol))
    } finally {
      await client.stop()
    }
  })

  it('a node of another kind that we dial is a candidate', async () => {
    await using node = await makeNode()
    const met = Promise.withResolvers<Contact>()
    attachKad(node, { nearest: () => [], candidate: met.resolve, admits: () => true })
    const other = await createLibp2p({
      addresses: { listen: ['/ip4/127.0.0.1/tcp/0'] },
      transports: [tcp()],
      connectionEncrypters: [noise()],
      streamMuxers: [yamux()],
      services: {
        identify: identify(),
        ping: ping(),
        kad: kadDHT({ protocol: kadProtocol, clientMode: false })
      }
    })
    try {
      const [address] = other.getMultiaddrs()
      await node.dial(String(address), { timeoutMs: 5_000 })
      const { peer, addresses } = await met.promise
      assert.equal(peer, other.peerId.toString())
      assert.ok(addresses.some(a => String(address).startsWith(a)))
    } finally {
      await other.stop()
    }
  })

  it('an update that takes away what the adapter reaches for is noticed at the start', () => {
    assert.throws(() => tameKad({}), /kad-dht has changed: onPeerConnect, peerRouting/)
    assert.throws(() => tameKad(undefined), TypeError)
  })
})

/** What a node's libp2p has stored, by key, without the peer store. */
async function keys({ libp2p }: Node): Promise<string[]> {
  const { datastore } = (
    libp2p as unknown as {
      components: { datastore: { queryKeys(q: object): AsyncIterable<object> } }
    }
  ).components
  const found: string[] = []
  for await (const key of datastore.queryKeys({})) found.push(String(key))
  return found.filter(key => !key.startsWith('/peers/')).toSorted()
}
