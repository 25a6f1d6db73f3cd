import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { connect as connectTls, createServer } from 'node:tls'
import type { Session } from '../../../src/base/ports.ts'
import type { Door } from '../../../src/https/open.ts'
import { systemClock as clock } from '../../../src/net/clock.ts'
import { systemRandom as random } from '../../../src/net/random.ts'
import { createThinDoor } from '../../../src/net/thin/accept.ts'
import { openThin } from '../../../src/net/thin/open.ts'
import * as wire from '../../../src/wire/pod.ts'
import { thinPath } from '../../../src/wire/thin.ts'
import type { PodHost, PodWorld, TestDevice } from '../../support/pod-world.ts'
import { personNamed, podWorld } from '../../support/pod-world.ts'
import type { FakeNetwork } from '../../support/session-pair.ts'
import { fakeNetwork } from '../../support/session-pair.ts'
import { localPair, openThinDoor } from '../../support/thin-network.ts'

const log = { debug() {}, info() {}, warn() {} }
const options = { timeoutMs: 60_000 }

/** A pod behind a WebSocket, over TLS of its own or of a proxy's. */
describe('a WebSocket session', () => {
  let world: PodWorld
  let host: PodHost
  let alice: TestDevice
  let door: Door
  let ca: string

  const start = async (mode: 'files' | 'proxy'): Promise<void> => {
    const thin = createThinDoor({ clock, log })
    world = podWorld(
      undefined,
      withDoor(fakeNetwork(), take => thin.accept(take))
    )
    host = await world.host()
    alice = await world.device(await personNamed('alice'))
    door = await openThinDoor(thin, { mode })
    ca = (await localPair()).ca
  }
  afterEach(async () => {
    await door[Symbol.asyncDispose]()
    await world[Symbol.asyncDispose]()
  })

  const open = (port = door.status.port, scheme = 'wss'): Promise<Session> => {
    const url = `${scheme}://localhost:${port}${thinPath}`
    return openThin({ url, ca, clock, log, random, keys: alice.keys }, options)
  }
  const identify = async (
    session: Session,
    change: Partial<Parameters<typeof wire.identifyBytes>[0]> = {}
  ): Promise<Uint8Array> => {
    const asked = await session.request('challenge', wire.nothing.encode(), options)
    const { nonce } = wire.challengeAnswer.decode(asked)
    const timeMs = world.clock.now()
    const statement = await alice.statement(host.hostname)
    const { self } = alice.keys
    const { hostname } = host
    const { binding, peer: pod } = session
    const told = { hostname, pod, self, nonce, timeMs, statement, binding, ...change }
    const answer = alice.device.sign(wire.identifyBytes(told))
    const { bytes: certificate } = alice.person.certificate
    const frame = wire.identify.encode({ certificate, statement, timeMs, answer })
    return await session.request('identify', frame, options)
  }
  const listen = (session: Session) =>
    session.request('listen', wire.cursor.encode({ sequence: 0 }), options)

  it('proves who the pod is, and is somebody once it has answered for this connection', async () => {
    await start('files')
    const session = await open()
    assert.equal(session.peer, host.keys.self)
    assert.equal(session.binding?.byteLength, 32)
    await assert.rejects(listen(session), { code: 'IDENTIFY_FIRST' })
    const refused = { code: 'IDENTIFY_REFUSED' }
    await assert.rejects(identify(session, { binding: random.bytes(32) }), refused)
    await assert.rejects(identify(session, { binding: null }), refused)
    await assert.rejects(identify(session, { binding: undefined }), refused)
    await assert.rejects(identify(session, { self: host.keys.self }), refused)
    await identify(session)
    await listen(session)
    const again = await open()
    assert.notDeepEqual(again.binding, session.binding)
    await assert.rejects(identify(again, { binding: session.binding }), refused)
  })

  it('says to whom the pod relays: a device that identified so', async () => {
    await start('files')
    const session = await open()
    await identify(session)
    assert.equal(await host.pod.userOf(alice.keys.self), undefined)
    const { bytes: certificate } = alice.person.certificate
    const request = wire.register.encode({ name: 'alice', certificate, invite: null, note: null })
    await session.request('register', request, options)
    assert.ok(await host.pod.userOf(alice.keys.self))
    const ended = session.closed
    await session[Symbol.asyncDispose]()
    await ended
    while (host.pod.usage().sessions > 0) await new Promise(resolve => setImmediate(resolve))
    assert.equal(await host.pod.userOf(alice.keys.self), undefined)
  })

  it('is not opened through somebody in between, who has a certificate of the same name', async () => {
    await start('files')
    const { pair } = await localPair()
    const between = createServer({ cert: pair.certificate, key: pair.key }, near => {
      const far = connectTls({ port: door.status.port, host: 'localhost', ca })
      for (const socket of [near, far]) socket.on('error', () => {})
      near.pipe(far).pipe(near)
    })
    between.listen(0)
    await once(between, 'listening')
    const { port } = between.address() as AddressInfo
    await assert.rejects(open(port), { code: 'SIGNATURE_INVALID', message: /stands between/ })
    between.close()
  })

  it('says so where TLS ends at a proxy, and lets nobody bind to it', async () => {
    await start('proxy')
    const session = await open(door.status.port, 'ws')
    assert.equal(session.binding, null)
    await assert.rejects(identify(session, { binding: random.bytes(32) }), {
      code: 'IDENTIFY_REFUSED'
    })
    await identify(session)
    await listen(session)
  })

  it('is not opened with a certificate that nobody vouches for', async () => {
    await start('files')
    const url = `wss://localhost:${door.status.port}${thinPath}`
    const unknown = openThin({ url, clock, log, random, keys: alice.keys }, options)
    await assert.rejects(unknown, { code: 'PEER_UNREACHABLE' })
  })

  it('counts visitors by their network', async () => {
    await start('proxy')
    const thin = createThinDoor({ clock, log })
    assert.equal(thin.subnetOf('thin/198.51.100/7'), '198.51.100')
    assert.equal(thin.subnetOf('thin//7'), undefined)
    assert.equal(thin.subnetOf(alice.keys.self), undefined)
  })
})

/** The same network, where what pods accept comes through a door too. */
const withDoor = (
  network: FakeNetwork,
  accept: (take: (session: Session) => void) => void
): FakeNetwork => ({
  ...network,
  at: self => {
    const at = network.at(self)
    return {
      ...at,
      accept(protocol, take) {
        at.accept(protocol, take)
        accept(take)
      }
    }
  }
})
