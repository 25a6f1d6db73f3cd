import assert from 'node:assert/strict'
import fc from 'fast-check'
import { codeOf } from '../../src/base/errors.ts'
import type { Session } from '../../src/base/ports.ts'
import { hpkeSeal, makeHpkeKey } from '../../src/keys/hpke.ts'
import { tables } from '../../src/pod/rows.ts'
import type { State } from '../../src/store/state.ts'
import { announcedBytes, noticeInfo } from '../../src/wire/notice.ts'
import * as wire from '../../src/wire/pod.ts'
import { podMethods } from '../../src/wire/pod-methods.ts'
import type { PodHost, PodWorld } from '../support/pod-world.ts'
import { noticeFor, personNamed, podWorld, random, sealNotice } from '../support/pod-world.ts'

const options = { timeoutMs: 1_000 }
const refusals = [
  'WIRE_MALFORMED',
  'WIRE_TOO_LARGE',
  'IDENTIFY_FIRST',
  'IDENTIFY_REFUSED',
  'CLOCK_WRONG'
]

const rawSession = (world: PodWorld, host: PodHost, peer = 'stranger'): Promise<Session> =>
  world.network.at(peer).open({ peer: host.keys.self, addresses: [] }, wire.podProtocol, options)

const rowsIn = async (state: State): Promise<number> => {
  const counts = Object.values(tables).map(async table => (await state.list(table)).length)
  return (await Promise.all(counts)).reduce((a, b) => a + b)
}

describe('a pod among strangers', () => {
  it('meets any frame with one coded error, keeps nothing, and goes on answering', async () => {
    await using world = podWorld()
    const host = await world.host({ limits: { identifiesPerPeer: { burst: 10_000, everyMs: 1 } } })
    const session = await rawSession(world, host)
    const before = await rowsIn(host.state)
    const method = fc.oneof(
      fc.constantFrom(...Object.values(podMethods)),
      fc.string({ maxLength: 20 }),
      fc.constantFrom('constructor', '__proto__', 'toString')
    )
    await fc.assert(
      fc.asyncProperty(method, fc.uint8Array({ maxLength: 300 }), async (name, payload) => {
        try {
          await session.request(name, payload, options)
          const taken = ['hello', 'ping', 'challenge']
          assert.ok(taken.includes(name) && payload.byteLength === 1, name)
        } catch (err) {
          const code = codeOf(err)
          assert.ok([...refusals, 'METHOD_UNKNOWN'].includes(`${code}`), `${name}: ${code}`)
        }
      }),
      { numRuns: 300 }
    )
    for (const name of Object.values(podMethods)) {
      const huge = session.request(name, new Uint8Array(320 * 1024), options)
      await assert.rejects(huge, err => [...refusals, 'METHOD_UNKNOWN'].includes(`${codeOf(err)}`))
    }
    await session.request('ping', wire.nothing.encode(), options)
    assert.equal(await rowsIn(host.state), before)
  })

  it('meets a bit-flipped, cut or foreign notice with NOTICE_INVALID, and keeps nothing', async () => {
    await using world = podWorld()
    const host = await world.host()
    const link = await (await world.device(await personNamed('bob'))).open(host)
    const before = await rowsIn(host.state)
    const invalid = { code: 'NOTICE_INVALID' }
    const sealed = await sealNotice(host.hpkeKey, noticeFor(random.bytes(32), world.clock.now()))
    for (let i = 0; i < 60; i++) {
      const flipped = sealed.slice()
      flipped[(i * 41) % sealed.byteLength]! ^= 1 << (i % 8)
      await assert.rejects(link.submit(flipped), invalid)
    }
    await assert.rejects(link.submit(random.bytes(1_200)), invalid)
    await assert.rejects(link.submit(sealed.slice(1)), { code: 'WIRE_MALFORMED' })
    const other = await makeHpkeKey(random.bytes(32))
    const foreign = await sealNotice(
      other.publicKey,
      noticeFor(random.bytes(32), world.clock.now())
    )
    await assert.rejects(link.submit(foreign), invalid)
    const nonsense = await hpkeSeal(host.hpkeKey, noticeInfo, random.bytes(1_152))
    await assert.rejects(link.submit(nonsense), invalid)
    assert.equal(await rowsIn(host.state), before)
    await link.submit(sealed)
  })

  it('answers a notice for nobody as one for somebody', async () => {
    await using world = podWorld()
    const host = await world.host()
    const alice = await world.device(await personNamed('alice'))
    const bob = await world.device(await personNamed('bob'))
    await (await alice.enter(host)).register('alice', alice.person.certificate)
    const session = await rawSession(world, host, bob.keys.self)
    const { intro } = await (await bob.open(host)).lookup('alice')
    const answers: Uint8Array[] = []
    for (const address of [intro, random.bytes(32), new Uint8Array(32)]) {
      const notice = await sealNotice(host.hpkeKey, noticeFor(address, world.clock.now()))
      const frame = await session.request('submit', wire.submit.encode({ notice }), options)
      const { atMs, signature } = wire.submitAnswer.decode(frame)
      assert.equal(atMs, world.clock.now())
      assert.ok(bob.keys.verify(host.keys.self, announcedBytes(notice, atMs), signature))
      answers.push(frame)
    }
    assert.equal(new Set(answers.map(frame => frame.byteLength)).size, 1)
    assert.equal(host.pod.usage().notices, 1)
  })

  it('lets one peer flood no further than its limits, and others go on', async () => {
    await using world = podWorld()
    const few = { burst: 3, everyMs: 1_000 }
    const host = await world.host({
      limits: {
        lookupsPerPeer: few,
        noticesPerPeer: few,
        requestsPerPeer: { burst: 40, everyMs: 100 }
      }
    })
    const full = { code: 'LIMIT_EXCEEDED' }
    const bob = await (await world.device(await personNamed('bob'))).open(host)
    const carol = await (await world.device(await personNamed('carol'))).open(host)
    const notice = () => noticeFor(random.bytes(32), world.clock.now())
    for (let i = 0; i < 3; i++) {
      await assert.rejects(bob.lookup('nobody-here'), { code: 'ALIAS_UNKNOWN' })
      await bob.submit(await sealNotice(host.hpkeKey, notice()))
    }
    await assert.rejects(bob.lookup('nobody-here'), full)
    await assert.rejects(bob.submit(await sealNotice(host.hpkeKey, notice())), full)
    await assert.rejects(carol.lookup('nobody-here'), { code: 'ALIAS_UNKNOWN' })
    await carol.submit(await sealNotice(host.hpkeKey, notice()))
    world.clock.advance(1_000)
    await assert.rejects(bob.lookup('nobody-here'), { code: 'ALIAS_UNKNOWN' })

    const session = await rawSession(world, host, 'flood')
    const pings = Array.from({ length: 50 }, () =>
      session.request('ping', wire.nothing.encode(), options)
    )
    const results = await Promise.allSettled(pings)
    assert.equal(results.filter(r => r.status === 'fulfilled').length, 40)
  })

  it('counts the peers of one network together, before a notice is opened', async () => {
    await using world = podWorld()
    const few = { burst: 3, everyMs: 60_000 }
    const limits = { noticesPerSubnet: few, lookupsPerSubnet: few, identifiesPerSubnet: few }
    const subnetOf = (peer: string) => (peer.startsWith('sybil') ? '192.0.2' : undefined)
    const host = await world.host({ limits, subnetOf })
    const codes = { submit: [] as (string | undefined)[], lookup: [] as (string | undefined)[] }
    for (let i = 0; i < 5; i++) {
      const session = await rawSession(world, host, `sybil ${i}`)
      const junk = wire.submit.encode({ notice: random.bytes(1_200) })
      const asking = wire.aliasRequest.encode({ name: 'somebody' })
      await session.request('submit', junk, options).catch(err => codes.submit.push(codeOf(err)))
      await session.request('lookup', asking, options).catch(err => codes.lookup.push(codeOf(err)))
    }
    const twice = ['LIMIT_EXCEEDED', 'LIMIT_EXCEEDED']
    assert.deepEqual(codes.submit, [...Array(3).fill('NOTICE_INVALID'), ...twice])
    assert.deepEqual(codes.lookup, [...Array(3).fill('ALIAS_UNKNOWN'), ...twice])
    const other = await rawSession(world, host, 'somebody else')
    const asking = wire.aliasRequest.encode({ name: 'somebody' })
    await assert.rejects(other.request('lookup', asking, options), { code: 'ALIAS_UNKNOWN' })
  })

  it("takes so many notices for one address from one network, whether it is anybody's or not", async () => {
    await using world = podWorld()
    const noticesPerAddress = { burst: 2, everyMs: 60_000 }
    const subnetOf = (peer: string) => (peer.startsWith('sybil') ? '192.0.2' : undefined)
    const host = await world.host({ limits: { noticesPerAddress }, subnetOf })
    const bob = await world.device(await personNamed('bob'))
    const link = await bob.enter(host)
    await link.register('bob', bob.person.certificate)
    const { intro } = await link.lookup('bob')
    const submit = async (peer: string, address: Uint8Array) => {
      const session = await rawSession(world, host, peer)
      const notice = await sealNotice(host.hpkeKey, noticeFor(address, world.clock.now()))
      return session
        .request('submit', wire.submit.encode({ notice }), options)
        .then(() => 'taken', codeOf)
    }
    for (const address of [intro, random.bytes(32)]) {
      assert.equal(await submit('sybil 1', address), 'taken')
      assert.equal(await submit('sybil 2', address), 'taken')
      assert.equal(await submit('sybil 3', address), 'LIMIT_EXCEEDED')
      assert.equal(await submit('friend', address), 'taken')
    }
  })

  it('bounds all peers together, since peer ids are free', async () => {
    await using world = podWorld()
    const few = { burst: 5, everyMs: 60_000 }
    const host = await world.host({ limits: { noticesInAll: few, lookupsInAll: few } })
    const codes: (string | undefined)[] = []
    for (let i = 0; i < 8; i++) {
      const session = await rawSession(world, host, `sybil ${i}`)
      const frame = wire.aliasRequest.encode({ name: 'somebody' })
      await session.request('lookup', frame, options).catch(err => codes.push(codeOf(err)))
    }
    assert.equal(codes.filter(code => code === 'ALIAS_UNKNOWN').length, 5)
    assert.equal(codes.filter(code => code === 'LIMIT_EXCEEDED').length, 3)
  })

  it('takes so many sessions of one peer, and so many in all', async () => {
    await using world = podWorld()
    const host = await world.host({ limits: { sessionsPerPeerMax: 2, sessionsMax: 3 } })
    const [one, two] = [await rawSession(world, host, 'a'), await rawSession(world, host, 'a')]
    const third = await rawSession(world, host, 'a')
    await third.closed
    const other = await rawSession(world, host, 'b')
    await (await rawSession(world, host, 'c')).closed
    await one[Symbol.asyncDispose]()
    await (await rawSession(world, host, 'a')).request('ping', wire.nothing.encode(), options)
    for (const session of [two, other])
      await session.request('ping', wire.nothing.encode(), options)
    assert.equal(host.pod.usage().sessions, 3)
  })

  it('registers nobody who did not identify, nor the certificate of another', async () => {
    await using world = podWorld()
    const host = await world.host()
    const alice = await world.device(await personNamed('alice'))
    const bob = await world.device(await personNamed('bob'))
    const { certificate } = alice.person
    const stranger = await bob.open(host)
    await assert.rejects(stranger.register('alice', certificate), { code: 'IDENTIFY_FIRST' })
    await assert.rejects(stranger.unregister('alice'), { code: 'IDENTIFY_FIRST' })
    const link = await bob.enter(host)
    await assert.rejects(link.register('alice', certificate), { code: 'KEY_INVALID' })
    const session = await rawSession(world, host, bob.keys.self)
    const large = {
      name: 'bob',
      certificate: new Uint8Array(64 * 1024 + 1),
      invite: null,
      note: null
    }
    await assert.rejects(session.request('register', wire.register.encode(large), options), {
      code: 'IDENTIFY_FIRST'
    })
    assert.deepEqual(host.pod.usage().accounts, 0)
  })

  it('holds the rate of registrations per account', async () => {
    await using world = podWorld()
    const host = await world.host({
      limits: { registrationsPerAccount: { burst: 2, everyMs: 600_000 } }
    })
    const alice = await world.device(await personNamed('alice'))
    const link = await alice.enter(host)
    await link.register('alice', alice.person.certificate)
    await link.unregister('alice')
    const again = () => link.register('alice', alice.person.certificate)
    await assert.rejects(again(), { code: 'LIMIT_EXCEEDED' })
    world.clock.advance(600_000)
    await again()
  })
})
