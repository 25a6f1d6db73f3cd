import assert from 'node:assert/strict'
import type { Session } from '../../src/base/ports.ts'
import { makeStatement } from '../../src/keys/device.ts'
import type { Person } from '../../src/keys/person.ts'
import * as wire from '../../src/wire/pod.ts'
import type { PodHost, PodWorld, TestDevice } from '../support/pod-world.ts'
import { dayMs, hourMs, personNamed, podWorld, random } from '../support/pod-world.ts'

const options = { timeoutMs: 1_000 }
const refused = { code: 'IDENTIFY_REFUSED' }

const rawSession = (world: PodWorld, device: TestDevice, host: PodHost): Promise<Session> =>
  world.network
    .at(device.keys.self)
    .open({ peer: host.keys.self, addresses: [] }, wire.podProtocol, options)

const nonceOf = async (session: Session): Promise<Uint8Array> =>
  wire.challengeAnswer.decode(await session.request('challenge', wire.nothing.encode(), options))
    .nonce

interface Told {
  hostname: string
  pod: string
  self: string
  nonce: Uint8Array
  timeMs: number
  statement: Uint8Array
}

describe('an identification', () => {
  let world: PodWorld
  let host: PodHost
  let alice: Person
  let device: TestDevice
  let session: Session

  beforeEach(async () => {
    world = podWorld()
    host = await world.host()
    alice = await personNamed('alice')
    device = await world.device(alice)
    session = await rawSession(world, device, host)
  })
  afterEach(() => world[Symbol.asyncDispose]())

  /** What an honest device would send, with some of it changed before it is signed. */
  const frameFor = async (
    nonce: Uint8Array,
    change: Partial<Told> = {},
    by = device
  ): Promise<Uint8Array> => {
    const told: Told = {
      hostname: host.hostname,
      pod: host.keys.self,
      self: device.keys.self,
      nonce,
      timeMs: world.clock.now(),
      statement: await device.statement(host.hostname),
      ...change
    }
    return wire.identify.encode({
      certificate: alice.certificate.bytes,
      statement: told.statement,
      timeMs: told.timeMs,
      answer: by.device.sign(wire.identifyBytes(told))
    })
  }
  const identify = (frame: Uint8Array, on = session): Promise<Uint8Array> =>
    on.request('identify', frame, options)
  const stranger = async (): Promise<void> => {
    const ask = session.request('listen', wire.cursor.encode({ sequence: 0 }), options)
    await assert.rejects(ask, { code: 'IDENTIFY_FIRST' })
  }

  it('is taken when the device answers for its person, this pod, peer, nonce and time', async () => {
    await stranger()
    await identify(await frameFor(await nonceOf(session)))
    await session.request('listen', wire.cursor.encode({ sequence: 0 }), options)
  })

  it('is refused without a challenge, and a second time', async () => {
    await assert.rejects(identify(await frameFor(random.bytes(32))), refused)
    const frame = await frameFor(await nonceOf(session))
    await identify(frame)
    await assert.rejects(identify(frame), refused)
  })

  it('is refused when replayed in another session, or a minute late', async () => {
    const frame = await frameFor(await nonceOf(session))
    const other = await rawSession(world, device, host)
    await nonceOf(other)
    await assert.rejects(identify(frame, other), refused)
    world.clock.advance(60_000)
    await assert.rejects(identify(frame), refused)
    await stranger()
  })

  it('spends the nonce also when it fails, and only the latest one counts', async () => {
    const frame = await frameFor(await nonceOf(session))
    await assert.rejects(identify(new Uint8Array([1])), { code: 'WIRE_MALFORMED' })
    await assert.rejects(identify(frame), refused)
    const old = await frameFor(await nonceOf(session))
    await nonceOf(session)
    await assert.rejects(identify(old), refused)
  })

  it('is refused when it was meant for another pod, peer or nonce', async () => {
    const wrong: Partial<Told>[] = [
      { hostname: 'two.test' },
      { pod: device.keys.self },
      { self: host.keys.self },
      { nonce: random.bytes(32) },
      { statement: await device.statement('two.test') }
    ]
    for (const change of wrong)
      await assert.rejects(identify(await frameFor(await nonceOf(session), change)), refused)
    await stranger()
  })

  it('cannot be passed on by a pod between', async () => {
    // The false pod hands the true pod's nonce to alice, who answers for the false one.
    const between = await world.device(alice)
    const through = await rawSession(world, between, host)
    const frame = await frameFor(await nonceOf(through), { pod: between.keys.self })
    await assert.rejects(identify(frame, through), refused)
    const honest = await frameFor(await nonceOf(through))
    await assert.rejects(identify(honest, through), refused)
  })

  it('is refused by a clock that is off, with both times', async () => {
    for (const offMs of [301_000, -301_000, 8e15, Number.MAX_SAFE_INTEGER - 2e12]) {
      const told = { timeMs: world.clock.now() + offMs }
      const refusal = identify(await frameFor(await nonceOf(session), told))
      await assert.rejects(refusal, {
        code: 'CLOCK_WRONG',
        message: /pod says 2026-01-01 00:00 UTC/
      })
    }
  })

  it('is refused when another device signs, or the statement is of another person', async () => {
    const other = await world.device(alice)
    await assert.rejects(identify(await frameFor(await nonceOf(session), {}, other)), refused)
    const bob = await world.device(await personNamed('bob'))
    const statement = await bob.statement(host.hostname)
    await assert.rejects(identify(await frameFor(await nonceOf(session), { statement })), {
      code: 'STATEMENT_INVALID'
    })
  })

  it('is refused with a statement that ended, and ends with it', async () => {
    const untilMs = world.clock.now() + hourMs
    const statement = await device.statement(host.hostname, untilMs)
    await identify(await frameFor(await nonceOf(session), { statement }))
    await session.request('listen', wire.cursor.encode({ sequence: 0 }), options)
    world.clock.advance(hourMs)
    await stranger()
    await assert.rejects(identify(await frameFor(await nonceOf(session), { statement })), {
      code: 'STATEMENT_INVALID'
    })
    const fresh = await device.statement(host.hostname, world.clock.now() + dayMs)
    await identify(await frameFor(await nonceOf(session), { statement: fresh }))
    await session.request('listen', wire.cursor.encode({ sequence: 0 }), options)
  })

  it('does not make a session somebody else', async () => {
    await identify(await frameFor(await nonceOf(session)))
    const bob = await personNamed('bob')
    const { certificate } = bob
    const nonce = await nonceOf(session)
    const nowMs = world.clock.now()
    const pod = host.hostname
    const about = { deviceKey: device.device.publicKey, peer: device.keys.self, pod, nowMs }
    const statement = await makeStatement(bob, { ...about, untilMs: nowMs + dayMs })
    const told = {
      hostname: pod,
      pod: host.keys.self,
      self: device.keys.self,
      nonce,
      timeMs: nowMs,
      statement
    }
    const answer = device.device.sign(wire.identifyBytes(told))
    const shown = { certificate: certificate.bytes, statement, timeMs: nowMs, answer }
    await assert.rejects(identify(wire.identify.encode(shown)), refused)
  })

  it('is refused with a certificate that is none', async () => {
    const nonce = await nonceOf(session)
    const frame = wire.identify.decode(await frameFor(nonce))
    const broken = wire.identify.encode({ ...frame, certificate: random.bytes(500) })
    await assert.rejects(identify(broken), { code: 'KEY_INVALID' })
  })
})
