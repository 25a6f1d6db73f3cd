import assert from 'node:assert/strict'
import { readdir, stat } from 'node:fs/promises'
import { connect } from 'node:net'
import { join } from 'node:path'
import type { Connection, MessageStream } from '@libp2p/interface'
import fc from 'fast-check'
import { readApiFile } from '../../src/api/file.ts'
import type { Contact, Session } from '../../src/base/ports.ts'
import { kadProtocol } from '../../src/net/libp2p.ts'
import { bulkProtocol, controlProtocol } from '../../src/net/links.ts'
import type { Node } from '../../src/net/node.ts'
import { systemRandom as random } from '../../src/net/random.ts'
import { encodeCbor } from '../../src/wire/cbor.ts'
import { encodeFrame } from '../../src/wire/channel.ts'
import { decodeContacts, dhtMethods, encodeFindNode, encodePing } from '../../src/wire/dht.ts'
import { nothing, podProtocol } from '../../src/wire/pod.ts'
import { podMethods } from '../../src/wire/pod-methods.ts'
import { broken, framed, frames, greeted, junk, large, request } from '../support/broken-frames.ts'
import { makeNode } from '../support/net-nodes.ts'
import type { Stranger } from '../support/stranger.ts'
import {
  ended,
  greeting,
  makeStranger,
  memoryOf,
  openStream,
  pour,
  RawChannel
} from '../support/stranger.ts'
import { Testnet } from '../support/testnet.ts'

const pingProtocol = '/ipfs/ping/1.0.0'
const soon = { timeoutMs: 30_000 }
const MiB = 2 ** 20

describe('a daemon among strangers', () => {
  let net: Testnet
  let pid: number
  let address: string
  let daemon: Contact
  /** Somebody with honest business at the daemon, all the time. */
  let honest: Node
  let session: Session
  let stranger: Stranger
  let idleMiB: number
  let stored: unknown
  let diskBytes: number

  before(async () => {
    net = await Testnet.lay({ pods: ['one.test'], people: [], seeds: 0 })
    await net.startAll()
    const { ready } = net.child('one.test')
    address = ready.addresses[0]!
    const [where, peer] = address.split('/p2p/')
    daemon = { peer: peer!, addresses: [where!] }
    pid = (await readApiFile(net.home('one.test')))!.pid
    honest = await makeNode()
    session = await honest.open(daemon, podProtocol, soon)
    stored = await usage()
    diskBytes = await sizeOf(join(net.home('one.test'), 'db'))
    idleMiB = await memoryOf(pid)
  })
  beforeEach(async () => {
    stranger = await makeStranger()
  })
  afterEach(async () => {
    await stranger[Symbol.asyncDispose]()
    await servesOthers()
  })
  after(async () => {
    await honest?.[Symbol.asyncDispose]()
    await net[Symbol.asyncDispose]()
  })

  async function usage() {
    await using api = await net.client('one.test')
    return (await api.status()).store
  }

  async function sizeOf(folder: string): Promise<number> {
    let bytes = 0
    for (const name of await readdir(folder, { recursive: true }))
      bytes += (await stat(join(folder, name)).catch(() => undefined))?.size ?? 0
    return bytes
  }

  /** Those who were there before, and newcomers. */
  async function servesOthers(): Promise<void> {
    await session.request('hello', nothing.encode(), soon)
    await honest.request(daemon, 'ping', encodePing(null), soon)
    decodeContacts(
      await honest.request(daemon, 'find-node', encodeFindNode(random.bytes(32)), soon)
    )
    await using newcomer = await makeStranger()
    const channel = await RawChannel.open(await newcomer.connect(address), podProtocol)
    channel.say(greeting)
    assert.equal(await channel.fate(), 'kept')
  }

  /** What it was sent has not stayed in its memory; what is not collected yet has room. */
  async function costsLittle(): Promise<void> {
    const now = await memoryOf(pid)
    assert(now < idleMiB + 300, `${Math.round(now)} MiB, ${Math.round(idleMiB)} before`)
  }

  const open = async (protocol: string): Promise<RawChannel> =>
    RawChannel.open(await stranger.connect(address), protocol)

  async function meets(protocol: string, bytes: Uint8Array, to: 'verdict' | 'fate') {
    const channel = await open(protocol)
    channel.bytes(bytes)
    const fate = await channel[to]()
    assert(channel.heard.filter(f => f.type === 'goodbye').length <= 1)
    await stranger.hangUp()
    return fate
  }

  /** Last words on a connection that closes are lost now and then, when the other side was still sending. */
  async function refusal(say: () => Promise<string>): Promise<string> {
    let code = 'closed'
    for (let i = 0; i < 5 && code === 'closed'; i++) code = await say()
    return code
  }

  for (const protocol of [controlProtocol, podProtocol])
    describe(`on ${protocol}`, () => {
      it('answers each broken rule with one code, and closes', async () => {
        for (const [what, bytes, code] of broken)
          assert.equal(await refusal(() => meets(protocol, bytes, 'verdict')), code, what)
      })

      it('meets a flipped bit and random bytes with an answer or a code', async () => {
        const valid = encodeFrame(request(1, 'ping', encodePing(null)))
        const flipped = fc
          .tuple(fc.nat(valid.byteLength - 1), fc.nat(7))
          .map(([at, bit]) => valid.map((byte, i) => (i === at ? byte ^ (1 << bit) : byte)))
        const any = fc.uint8Array({ minLength: 1, maxLength: 90 })
        const fits = ['kept', 'closed', 'WIRE_MALFORMED', 'LIMIT_EXCEEDED']
        for (const bytes of fc.sample(fc.oneof(flipped, any), { numRuns: 40, seed: 7 }))
          assert(
            fits.includes(await meets(protocol, greeted(framed(...bytes)), 'fate')),
            `${bytes}`
          )
      })

      it('lets go of who leaves in the middle of a frame', async () => {
        const channel = await open(protocol)
        channel.bytes(greeted(frames(request(1, 'ping', encodePing(null))).subarray(0, 5)))
        await channel.hear(f => f.type === 'greeting')
        await channel.stream.close()
        assert.equal(await channel.fate(), 'closed')
      })

      it('meets junk for any method with one coded failure, and goes on', async () => {
        const channel = await open(protocol)
        channel.say(greeting)
        const dht = [...dhtMethods, 'forward', 'links']
        const methods = protocol === podProtocol ? Object.values(podMethods) : dht
        let id = 0
        for (const method of [
          ...methods,
          'constructor',
          '__proto__',
          'hasOwnProperty',
          '\u0000',
          '🐢'
        ])
          for (const payload of [
            junk.subarray(0, 100),
            new Uint8Array(),
            encodeCbor([[], 1, null])
          ]) {
            channel.say(request(++id, method, payload))
            const answer = await channel.hear(f => 'id' in f && f.id === id)
            assert(answer.type === 'failure', method)
            const { code } = answer
            const fits = [
              'WIRE_MALFORMED',
              'WIRE_TOO_LARGE',
              'METHOD_UNKNOWN',
              'IDENTIFY_FIRST',
              'IDENTIFY_REFUSED',
              'CLOCK_WRONG'
            ]
            assert(fits.includes(code), `${method}: ${code}`)
          }
        assert.equal(await channel.fate(), 'kept')
      })
    })

  it('closes what breaks the rules of bulk', async () => {
    const ping = frames(request(1, 'ping', encodePing(null)))
    for (const bytes of [ping, junk, frames(large, large)]) {
      const say = async () => {
        const control = await open(controlProtocol)
        control.say(greeting)
        const bulk = await openStream(await stranger.connect(address), bulkProtocol)
        bulk.send(bytes)
        const code = await control.verdict()
        await stranger.hangUp()
        return code
      }
      assert.match(await refusal(say), /^WIRE_/)
    }
  })

  it('waits for the other half of a frame with patience and little memory', async () => {
    const half = frames(request(1, 'ping', encodePing(null))).subarray(0, 6)
    // A whole window of payloads begun, of which nothing comes.
    const begun = [1, 2].map(id => ({ ...large, id, sizeBytes: 320 * 1024 }))
    await using crowd = new AsyncDisposableStack()
    for (let i = 0; i < 12; i++) {
      const connection = await crowd.use(await makeStranger()).connect(address)
      const say = async (protocol: string, bytes: Uint8Array) => {
        const stream = await openStream(connection, protocol)
        stream.send(bytes)
        return stream
      }
      const streams = [
        await say(controlProtocol, greeted(half)),
        await say(bulkProtocol, Buffer.concat([frames(...begun), half])),
        await say(podProtocol, greeted(half)),
        await say(podProtocol, greeted(frames(...begun), half)),
        await say(kadProtocol, half)
      ]
      for (const stream of streams) assert.equal(stream.status, 'open')
    }
    await servesOthers()
    await costsLittle()
  })

  it('is not held up by a flood of small requests', async () => {
    const channel = await open(controlProtocol)
    channel.say(greeting)
    let sent = 0
    const flood = async () => {
      while (sent < 60_000 && channel.stream.status === 'open') {
        const batch = Array.from({ length: 200 }, (_, i) =>
          request(sent + i + 1, 'ping', encodePing(null))
        )
        if ((await pour(channel.stream, frames(...batch), 1)) === 0) return
        sent += batch.length
      }
    }
    const flooding = flood()
    for (let i = 0; i < 20; i++) await session.request('hello', nothing.encode(), soon)
    await flooding
    assert(sent > 2_000, `${sent} sent`)
    assert(channel.heard.some(f => f.type === 'failure' && f.code === 'LIMIT_EXCEEDED'))
    await costsLittle()
  })

  it('holds little for who asks and never reads', async () => {
    const channel = await open(controlProtocol)
    channel.say(greeting)
    channel.stream.pause()
    const asking = Array.from({ length: 500 }, (_, i) => i)
    for (let id = 1; id < 150_000 && channel.stream.status === 'open'; id += asking.length) {
      const batch = asking.map(i =>
        request(id + i, 'find-node', encodeFindNode(new Uint8Array(32)))
      )
      if ((await pour(channel.stream, frames(...batch), 1)) === 0) break
    }
    await costsLittle()
  })

  it('holds little for who pings and never reads', async () => {
    const stream = await openStream(await stranger.connect(address), pingProtocol)
    stream.addEventListener('message', () => {})
    stream.pause()
    assert((await pour(stream, junk, 200 * MiB)) < 40 * MiB)
    await ended(stream)
    await costsLittle()
  })

  it('holds little for who has yamux answer and never reads', async () => {
    let below: MessageStream | undefined
    await using deaf = await makeStranger(connection => {
      below = connection
    })
    const connection = (await deaf.connect(address)) as Connection & { maConn: { pause(): void } }
    connection.maConn.pause()
    const frame = Buffer.alloc(12 * 5_000)
    for (let i = 0; i < 5_000; i++) {
      frame.set([0, 2, 0, 1], 12 * i) // version 0, ping, SYN
      frame.writeUInt32BE(i, 12 * i + 8)
    }
    assert((await pour(below!, frame, 200 * MiB, 10_000)) < 100 * MiB)
    await costsLittle()
  })

  it('collects no large messages of kad-dht', async () => {
    const connection = await stranger.connect(address)
    const streams = await Promise.all(
      Array.from({ length: 32 }, () => openStream(connection, kadProtocol))
    )
    await Promise.all(
      streams.map(async stream => {
        stream.send(Uint8Array.of(0xff, 0xff, 0xff, 0x01)) // nearly 4 MiB
        await pour(stream, junk, 4 * MiB)
        await ended(stream)
      })
    )
    await costsLittle()
  })

  it('stores and tells nothing on kad-dht but whom it knows', async () => {
    const connection = await stranger.connect(address)
    const kad = async (message: Uint8Array): Promise<Uint8Array | undefined> => {
      const stream = await openStream(connection, kadProtocol)
      const answer = new Promise<Uint8Array>(resolve =>
        stream.addEventListener('message', ({ data }) => resolve(data.subarray()))
      )
      stream.send(Uint8Array.of(message.byteLength, ...message))
      return Promise.race([answer, ended(stream).then(() => undefined)])
    }
    const key = Uint8Array.of(0x12, 4, 1, 2, 3, 4)
    const value = Uint8Array.of(0x1a, 8, 0x0a, 2, 1, 2, 0x12, 2, 3, 4)
    assert.equal(await kad(Uint8Array.of(0x08, 0, ...key, ...value)), undefined, 'PUT_VALUE')
    assert.equal(await kad(Uint8Array.of(0x08, 2, ...key)), undefined, 'ADD_PROVIDER')
    assert.equal(await kad(Uint8Array.of(0xff, 0xff, 0xff)), undefined, 'no message')
    assert(await kad(Uint8Array.of(0x08, 4, ...key)), 'FIND_NODE')
    const found = await kad(Uint8Array.of(0x08, 1, ...key))
    assert(found, 'GET_VALUE')
    assert(!Buffer.from(found).includes(Buffer.of(0x1a, 8)), 'no value')
  })

  it('lets identify tell, and takes nothing by it', async () => {
    const connection = await stranger.connect(address)
    const stream = await openStream(connection, '/ipfs/id/1.0.0')
    stream.addEventListener('message', () => {})
    await pour(stream, junk, 20 * MiB)
    await ended(stream)
    await assert.rejects(openStream(connection, '/ipfs/id/push/1.0.0'))
    await costsLittle()
  })

  it('outlives thousands of streams', async () => {
    const protocols = [
      podProtocol,
      controlProtocol,
      bulkProtocol,
      pingProtocol,
      kadProtocol,
      '/nonsense/1'
    ]
    for (let round = 0; round < 4; round++) {
      await using one = await makeStranger()
      const connection = await one.connect(address)
      const opened = Array.from({ length: 800 }, (_, i) =>
        openStream(connection, protocols[i % protocols.length]!).then(s =>
          s.send(junk.subarray(0, 100))
        )
      )
      await Promise.allSettled(opened)
    }
    await costsLittle()
  })

  it('lets newcomers in while somebody opens a thousand sockets and says nothing', async () => {
    const port = Number(/tcp\/(\d+)/.exec(address)![1])
    const sockets = Array.from({ length: 1_000 }, () => {
      const socket = connect({ port, host: '127.0.0.1', localAddress: '127.0.0.2' })
      return socket.on('error', () => {})
    })
    await Promise.race(sockets.map(s => new Promise(resolve => s.on('close', resolve))))
    await servesOthers()
    for (const socket of sockets) socket.destroy()
    await costsLittle()
  })

  describe('after all this', () => {
    it('has stored nothing, and runs', async () => {
      assert.deepEqual(await usage(), stored)
      const grown = (await sizeOf(join(net.home('one.test'), 'db'))) - diskBytes
      assert(grown < 2 * MiB, `${grown} bytes`)
      assert.equal(process.kill(pid, 0), true)
    })
  })
})
