import assert from 'node:assert/strict'
import { IncomingMessage } from 'node:http'
import { Socket } from 'node:net'
import { Duplex } from 'node:stream'
import type { Session } from '../../../src/base/ports.ts'
import { httpsLimits } from '../../../src/https/limits.ts'
import type { Door } from '../../../src/https/open.ts'
import { systemClock } from '../../../src/net/clock.ts'
import { makePeerKey, peerKeys } from '../../../src/net/peer-key.ts'
import { systemRandom as random } from '../../../src/net/random.ts'
import type { ThinDoor } from '../../../src/net/thin/accept.ts'
import { createThinDoor } from '../../../src/net/thin/accept.ts'
import { openThin } from '../../../src/net/thin/open.ts'
import { thinLimits } from '../../../src/net/thin/session.ts'
import { encodeFrame, packFrames } from '../../../src/wire/channel.ts'
import { bind, bindAnswer, bindBytes, thinPath, thinSubprotocol } from '../../../src/wire/thin.ts'
import type { FakeClock } from '../../support/fake-clock.ts'
import { fakeClock } from '../../support/fake-clock.ts'
import type { Knock, RawSocket } from '../../support/raw-socket.ts'
import { binary, greetingBytes, knock, webSocketFrame } from '../../support/raw-socket.ts'
import { localPair, openThinDoor } from '../../support/thin-network.ts'

const log = { debug() {}, info() {}, warn() {} }
const large = new Uint8Array(256 * 1024)

describe('a WebSocket door among hostile clients', () => {
  let clock: FakeClock
  let thin: ThinDoor
  let door: Door
  let ca: string
  const sessions = new Set<Session>()

  const start = async (o: {
    mode?: 'files' | 'proxy'
    limits?: Parameters<typeof createThinDoor>[0]['limits'] & {}
  }): Promise<void> => {
    clock = fakeClock()
    const keys = peerKeys(await makePeerKey())
    thin = createThinDoor({ clock, log, ...(o.limits && { limits: o.limits }) })
    thin.accept(session => {
      sessions.add(session)
      void session.closed.then(() => sessions.delete(session))
      session.serve(async (method, payload) => {
        if (method !== 'bind') return method === 'large' ? large : payload
        const { nonce } = bind.decode(payload)
        const { binding = null } = session
        const signature = keys.sign(bindBytes({ pod: keys.self, nonce, binding }))
        return bindAnswer.encode({ pod: keys.self, binding, signature })
      })
    })
    door = await openThinDoor(thin, { ...(o.mode && { mode: o.mode }) })
    ca = (await localPair()).ca
  }
  afterEach(async () => {
    const ended = door[Symbol.asyncDispose]()
    clock.advance(10_000) // nobody waits for ever for those who say no goodbye
    await ended
  })

  const raw = (o: Omit<Knock, 'port' | 'ca'> = {}): Promise<RawSocket> =>
    knock({ port: door.status.port, ca, ...o })
  /** Somebody honest comes, asks and is answered. */
  const othersAreServed = async (): Promise<void> => {
    const keys = peerKeys(await makePeerKey())
    const url = `wss://localhost:${door.status.port}${thinPath}`
    const parts = { url, ca, clock: systemClock, log, random, keys }
    const session = await openThin(parts, { timeoutMs: 60_000 })
    const answer = await session.request('echo', Buffer.from('hello'), { timeoutMs: 60_000 })
    assert.equal(Buffer.from(answer).toString(), 'hello')
    await session[Symbol.asyncDispose]()
  }
  const greet = async (): Promise<RawSocket> => {
    const visitor = await raw()
    assert.equal(visitor.status, 101)
    visitor.socket.write(webSocketFrame({ opcode: binary, payload: greetingBytes() }))
    return visitor
  }

  it('refuses what asks for something else, and pages of browsers', async () => {
    await start({})
    const wrong: [number, Omit<Knock, 'port' | 'ca'>][] = [
      [404, { path: '/muttr/pod/2' }],
      [403, { headers: { Origin: 'https://page.example' } }],
      [400, { headers: { 'Sec-WebSocket-Protocol': 'chat' } }],
      [400, { headers: { 'Sec-WebSocket-Protocol': null } }],
      [400, { headers: { 'Sec-WebSocket-Key': 'short' } }],
      [400, { headers: { 'Sec-WebSocket-Version': '7' } }],
      [400, { headers: { Upgrade: 'h2c' } }],
      [400, { version: 'TLSv1.2' }]
    ]
    for (const [status, o] of wrong) {
      const refused = await raw(o)
      assert.equal(refused.status, status, JSON.stringify(o))
      await refused.closed
    }
    assert.equal(thin.size, 0)
    await othersAreServed()
  })

  it('ends who breaks the rules of WebSocket', async () => {
    await start({})
    const half = Buffer.alloc(thinLimits.messageBytesMax / 2 + 1)
    const parts = Buffer.concat([
      webSocketFrame({ opcode: binary, flags: 0 }),
      ...Array.from({ length: thinLimits.fragmentsMax + 1 }, () =>
        webSocketFrame({ opcode: 0, flags: 0, payload: Buffer.alloc(1) })
      )
    ])
    const wrong: Record<string, Buffer> = {
      'no mask': webSocketFrame({ opcode: binary, payload: greetingBytes(), isMasked: false }),
      'too large': webSocketFrame({ opcode: binary, said: thinLimits.messageBytesMax + 1 }),
      'of absurd size': webSocketFrame({ opcode: binary, said: Number.MAX_SAFE_INTEGER }),
      'too large in pieces': Buffer.concat([
        webSocketFrame({ opcode: binary, flags: 0, payload: half }),
        webSocketFrame({ opcode: 0, payload: half })
      ]),
      'too many pieces': parts,
      text: webSocketFrame({ opcode: 1, payload: greetingBytes() }),
      compressed: webSocketFrame({ opcode: binary, flags: 0xc0, payload: greetingBytes() }),
      'an unknown opcode': webSocketFrame({ opcode: 3 }),
      // Not random: a length that chance made possible would be waited for.
      'no channel': webSocketFrame({ opcode: binary, payload: Buffer.alloc(2_000, 0xff) }),
      'no frame of a channel': webSocketFrame({
        opcode: binary,
        payload: packFrames([Buffer.alloc(1_998, 0xff)])
      })
    }
    for (const [what, bytes] of Object.entries(wrong)) {
      const visitor = await raw()
      assert.equal(visitor.status, 101)
      visitor.socket.write(bytes)
      await visitor.closed.catch(() => assert.fail(what))
    }
    await othersAreServed()
    while (thin.size > 0) await new Promise(resolve => setImmediate(resolve))
    assert.equal(sessions.size, 0)
  })

  it('ends a flood of pings', async () => {
    await start({})
    const visitor = await greet()
    const ping = webSocketFrame({ opcode: 9, payload: Buffer.alloc(125) })
    visitor.socket.write(Buffer.concat(Array.from({ length: thinLimits.controlsMax }, () => ping)))
    await othersAreServed()
    assert.equal(visitor.socket.destroyed, false)
    visitor.socket.write(ping)
    await visitor.closed
    await othersAreServed()
  })

  it('ends who is silent, and who never finishes a message', async () => {
    await start({})
    const silent = await greet()
    const slow = await greet()
    slow.socket.write(
      webSocketFrame({ opcode: binary, said: thinLimits.messageBytesMax }).subarray(0, 14)
    )
    const gone = [...sessions].map(session => session.closed)
    assert.equal(gone.length, 2)
    for (let i = 0; i < 4; i++) {
      slow.socket.write(Buffer.alloc(1))
      clock.advance(40_000)
    }
    await Promise.all([...gone, silent.closed, slow.closed])
    await othersAreServed()
  })

  it('ends who asks and reads nothing', async () => {
    await start({})
    const written = Promise.withResolvers<void>()
    const stuck = new Duplex({
      read() {},
      write(piece: Buffer) {
        // It takes the answer to the handshake, and nothing after that.
        written.resolve()
        assert.ok(piece.byteLength > 0)
      }
    })
    const request = new IncomingMessage(new Socket())
    request.method = 'GET'
    request.headers = {
      upgrade: 'websocket',
      'sec-websocket-version': '13',
      'sec-websocket-key': Buffer.alloc(16, 7).toString('base64'),
      'sec-websocket-protocol': thinSubprotocol
    }
    const ended = new Promise<void>(resolve => stuck.once('close', () => resolve()))
    thin.take(request, stuck, Buffer.alloc(0), undefined)
    await written.promise
    const ask = (id: number) =>
      encodeFrame({
        ...{ type: 'request', id, method: 'large', timeoutMs: 600_000 },
        payload: new Uint8Array(0)
      })
    const asks = packFrames([1, 2, 3, 4].map(ask))
    stuck.push(webSocketFrame({ opcode: binary, payload: greetingBytes() }))
    stuck.push(webSocketFrame({ opcode: binary, payload: asks }))
    const [session] = sessions
    await othersAreServed()
    assert.ok(stuck.writableLength < 2 * large.byteLength, `${stuck.writableLength} bytes`)
    for (let i = 0; i < 6; i++) {
      const ping = packFrames([encodeFrame({ type: 'ping', nonce: i })])
      stuck.push(webSocketFrame({ opcode: binary, payload: ping }))
      await othersAreServed()
      clock.advance(40_000)
    }
    await Promise.all([session!.closed, ended])
  })

  it('is open to other networks while one of them knocks a thousand times', async () => {
    await start({ mode: 'proxy', limits: { socketsPerSubnetMax: 50, socketsMax: 60 } })
    const from = (address: string): Promise<RawSocket> =>
      knock({ port: door.status.port, headers: { 'X-Forwarded-For': address } })
    const statuses: Record<number, number> = {}
    const open: RawSocket[] = []
    for (let at = 0; at < 1_000; at += 50) {
      const some = await Promise.all(Array.from({ length: 50 }, () => from('198.51.100.9')))
      for (const visitor of some) statuses[visitor.status] = (statuses[visitor.status] ?? 0) + 1
      open.push(...some)
    }
    const { burst } = httpsLimits.requestsPerSubnet
    assert.equal(statuses[101], 50)
    assert.ok(statuses[503]! >= burst - 50, `${statuses[503]} found it full`)
    assert.equal(statuses[101]! + statuses[503]! + statuses[429]!, 1_000)
    const others = await Promise.all(Array.from({ length: 10 }, () => from('203.0.113.1')))
    assert.deepEqual([...new Set(others.map(({ status }) => status))], [101])
    assert.equal((await from('192.0.2.1')).status, 503, 'the house is full')
    const gone = [...sessions].map(session => session.closed)
    for (const { socket } of [...open, ...others]) socket.destroy()
    await Promise.all(gone)
    assert.equal(thin.size, 0)
    assert.equal((await from('203.0.113.1')).status, 101)
  })

  it('gives what HTTP may have back when a connection becomes a WebSocket', async () => {
    const { connectionsMax } = httpsLimits
    await start({ mode: 'proxy' })
    const many = 50 * Math.ceil(connectionsMax / 50 + 1)
    for (let at = 0; at < many; at += 50) {
      const some = Array.from({ length: 50 }, (_, i) =>
        knock({
          port: door.status.port,
          headers: { 'X-Forwarded-For': `198.51.${(at + i) % 200}.1` }
        })
      )
      for (const { status } of await Promise.all(some)) assert.equal(status, 101)
    }
    assert.equal(thin.size, many)
    assert.equal((await fetch(`http://127.0.0.1:${door.status.port}/`)).status, 200)
  })
})
