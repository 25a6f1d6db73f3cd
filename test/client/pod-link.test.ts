import assert from 'node:assert/strict'
import fc from 'fast-check'
import { codeOf, MuttrError } from '../../src/base/errors.ts'
import type { Session } from '../../src/base/ports.ts'
import type { PodLink } from '../../src/client/pod-link.ts'
import { openPodLink } from '../../src/client/pod-link.ts'
import type { Person } from '../../src/keys/person.ts'
import { signDetached } from '../../src/keys/sign.ts'
import * as wire from '../../src/wire/pod.ts'
import type { PodHost, PodWorld, TestDevice } from '../support/pod-world.ts'
import {
  dayMs,
  hourMs,
  makeBox,
  noticeFor,
  personNamed,
  podWorld,
  random,
  sealNotice
} from '../support/pod-world.ts'
import { sessionPair } from '../support/session-pair.ts'

describe('a link to a pod', () => {
  let world: PodWorld
  let host: PodHost
  let alice: TestDevice
  beforeEach(async () => {
    world = podWorld()
    host = await world.host()
    alice = await world.device(await personNamed('alice'))
  })
  afterEach(() => world[Symbol.asyncDispose]())

  it('shows who the pod is, as pinned by fingerprint or by primary key', async () => {
    const { fingerprint, pin } = host.person.certificate
    for (const pinned of [fingerprint, fingerprint.toUpperCase(), pin]) {
      const link = await alice.open(host, { fingerprint: pinned })
      assert.equal(link.hostname, 'one.test')
      assert.equal(link.pod.certificate.fingerprint, fingerprint)
      assert.equal(link.pod.policy, 'open')
      assert.deepEqual(link.pod.hpkeKey, host.hpkeKey)
    }
  })

  it('refuses a pod with another key, another name, or an older record', async () => {
    const changed = { code: 'POD_CHANGED' }
    const { certificate } = alice.person
    await assert.rejects(alice.open(host, { fingerprint: certificate.fingerprint }), changed)
    const { fingerprint } = host.person.certificate
    const sequence = world.clock.now() + 1
    await assert.rejects(alice.open(host, { fingerprint, sequence }), changed)
    await assert.rejects(alice.open({ ...host, hostname: 'two.test' }), changed)
  })

  it('says POD_UNREACHABLE when the pod is not there, or goes away', async () => {
    const away = { code: 'POD_UNREACHABLE' }
    const link = await alice.enter(host)
    await world.network.unplug(host.keys.self)
    await link.closed
    await assert.rejects(link.lookup('bob'), away)
    await assert.rejects(alice.open(host), away)
  })

  it('says CANCELLED when its signal aborts', async () => {
    const signal = AbortSignal.abort()
    const contact = { peer: host.keys.self, addresses: [] }
    const network = world.network.at(alice.keys.self)
    const { clock } = world
    const { hostname } = host
    await assert.rejects(openPodLink({ network, contact, clock, hostname, signal }), {
      code: 'CANCELLED'
    })
  })

  it('keeps the stream alive while nothing happens, and stops when it ends', async () => {
    const pings = { count: 0 }
    const network = world.network.at(alice.keys.self)
    const counting: typeof network = {
      ...network,
      async open(...args) {
        const session = await network.open(...args)
        const { request } = session
        session.request = (method, ...rest) => {
          if (method === 'ping') pings.count += 1
          return request(method, ...rest)
        }
        return session
      }
    }
    const contact = { peer: host.keys.self, addresses: [] }
    const { clock } = world
    const link = await openPodLink({ network: counting, contact, clock, hostname: 'one.test' })
    for (let i = 1; i <= 3; i++) {
      clock.advance(60_000)
      assert.equal(pings.count, i)
      await link.lookup('nobody-here').catch(() => undefined)
    }
    await link[Symbol.asyncDispose]()
    await link.closed
    clock.advance(hourMs)
    assert.equal(pings.count, 3)
  })

  it('ends when the pod is silent', async () => {
    const link = await alice.open(host)
    await world.network.unplug(host.keys.self)
    await link.closed
  })

  it('registers and gives aliases back, with the name folded', async () => {
    const link = await alice.enter(host)
    await link.register('ALICE@one.test', alice.person.certificate)
    const again = await alice.open(host)
    const { device, person } = alice
    const statement = await alice.statement('one.test')
    const { certificate } = person
    const nowMs = world.clock.now()
    const known = await again.identify({ device, statement, certificate, nowMs })
    assert.deepEqual(known, { aliases: ['alice@one.test'] })
    await link.unregister('alice')
    await assert.rejects(link.unregister('alice'), { code: 'ALIAS_UNKNOWN' })
  })
})

/** Answers as a pod does that somebody took over: with valid frames that say something else. */
describe('a link to a pod that lies', () => {
  let world: PodWorld
  let host: PodHost
  let bob: TestDevice
  let pod: Person
  const answers = new Map<string, (honest: Uint8Array) => Promise<Uint8Array>>()

  beforeEach(async () => {
    answers.clear()
    world = podWorld()
    host = await world.host()
    pod = host.person
    const alice = await world.device(await personNamed('alice'))
    await (await alice.enter(host)).register('alice', alice.person.certificate)
    bob = await world.device(await personNamed('bob'))
  })
  afterEach(() => world[Symbol.asyncDispose]())

  const open = (): Promise<PodLink> => {
    const network = world.network.at(bob.keys.self)
    return openPodLink({
      network: {
        ...network,
        async open(...args): Promise<Session> {
          const session = await network.open(...args)
          const { request } = session
          session.request = async (method, ...rest) => {
            const honest = await request(method, ...rest)
            return (await answers.get(method)?.(honest)) ?? honest
          }
          return session
        }
      },
      contact: { peer: host.keys.self, addresses: [] },
      clock: world.clock,
      hostname: host.hostname,
      keys: bob.keys
    })
  }
  const invalid = { code: 'SIGNATURE_INVALID' }

  it('refuses a record that was not signed, or not for this peer', async () => {
    answers.set('hello', async honest => {
      const hello = wire.helloAnswer.decode(honest)
      const record = wire.podRecord.decode(hello.record)
      const other = wire.podRecord.encode({ ...record, hpkeKey: random.bytes(32) })
      return wire.helloAnswer.encode({ ...hello, record: other })
    })
    await assert.rejects(open(), invalid)
    answers.set('hello', async honest => {
      const hello = wire.helloAnswer.decode(honest)
      const record = wire.podRecord.encode({
        ...wire.podRecord.decode(hello.record),
        peer: bob.keys.self
      })
      const signature = await signDetached(pod, wire.podRecordLabel, record, world.clock.now())
      return wire.helloAnswer.encode({ ...hello, record, signature })
    })
    await assert.rejects(open(), { code: 'POD_CHANGED' })
    answers.set('hello', async () => random.bytes(100))
    await assert.rejects(open(), { code: 'WIRE_MALFORMED' })
  })

  type Said = wire.DirectoryAnswer
  const say = (change: (said: Said) => Partial<Said>, signer = pod) =>
    answers.set('lookup', async honest => {
      const { answer } = wire.lookupAnswer.decode(honest)
      const said = wire.directoryAnswer.decode(answer)
      const other = wire.directoryAnswer.encode({ ...said, ...change(said) })
      const signature = await signDetached(signer, wire.directoryLabel, other, world.clock.now())
      return wire.lookupAnswer.encode({ answer: other, signature })
    })

  it('refuses an answer that is unsigned, about another, of another time, or uncertified', async () => {
    const link = await open()
    say(said => said, bob.person)
    await assert.rejects(link.lookup('alice'), invalid)
    const wrong: Partial<Said>[] = [
      { alias: 'bob@one.test' },
      { alias: 'alice@two.test' },
      { issuedMs: world.clock.now() + hourMs },
      { validUntilMs: world.clock.now() - hourMs },
      { certificate: bob.person.certificate.bytes }
    ]
    for (const change of wrong) {
      say(() => change)
      await assert.rejects(link.lookup('alice'), invalid)
    }
    say(() => ({ certificate: random.bytes(100) }))
    await assert.rejects(link.lookup('alice'), { code: 'KEY_INVALID' })
    answers.set('lookup', async honest => honest.slice(0, -1))
    await assert.rejects(link.lookup('alice'), { code: 'WIRE_MALFORMED' })
    answers.delete('lookup')
    await link.lookup('alice')
  })

  it('refuses a receipt for another notice', async () => {
    const link = await open()
    const { intro } = await link.lookup('alice')
    answers.set('submit', async honest => {
      const answer = wire.submitAnswer.decode(honest)
      return wire.submitAnswer.encode({ ...answer, atMs: answer.atMs + 1 })
    })
    const notice = await sealNotice(host.hpkeKey, noticeFor(intro, world.clock.now()))
    await assert.rejects(link.submit(notice), invalid)
  })

  it('refuses a registration with another key, or without the certification', async () => {
    const link = await open()
    const { device, person } = bob
    const { certificate } = person
    const statement = await bob.statement('one.test')
    await link.identify({ device, statement, certificate, nowMs: world.clock.now() })
    answers.set('register', async () =>
      wire.registerAnswer.encode({ certificate: certificate.bytes, untilMs: 1 })
    )
    await assert.rejects(link.register('bob', certificate), invalid)
    const other = (await personNamed('alice')).certificate.bytes
    answers.set('register', async () =>
      wire.registerAnswer.encode({ certificate: other, untilMs: 1 })
    )
    await assert.rejects(link.register('bob', certificate), invalid)
  })
})

describe('listening to a pod', () => {
  let world: PodWorld
  let host: PodHost
  let alice: TestDevice
  let intro: Uint8Array
  let submit: (count: number) => Promise<void>

  beforeEach(async () => {
    world = podWorld()
    host = await world.host({ limits: { identifiesPerPeer: { burst: 1_000, everyMs: 1 } } })
    alice = await world.device(await personNamed('alice'))
    const link = await alice.enter(host)
    await link.register('alice', alice.person.certificate)
    intro = (await link.lookup('alice')).intro
    await link[Symbol.asyncDispose]()
    const bob = await (await world.device(await personNamed('bob'))).open(host)
    submit = async count => {
      for (let i = 0; i < count; i++)
        await bob.submit(await sealNotice(host.hpkeKey, noticeFor(intro, world.clock.now())))
    }
  })
  afterEach(() => world[Symbol.asyncDispose]())

  it('plays back in pages, and resolves when all is acknowledged', async () => {
    await submit(130)
    const sizes: number[] = []
    const link = await alice.enter(host)
    await link.listen(async (entries, how) => {
      assert.equal(how, 'playback')
      sizes.push(entries.length)
    }, 0)
    assert.deepEqual(sizes, [100, 30])
    assert.equal(host.pod.usage().notices, 0)
  })

  it('acknowledges nothing that onNotices has not resolved, and brings it again', async () => {
    await submit(3)
    const link = await alice.enter(host)
    const failed = new Error('the disk is full')
    await assert.rejects(
      link.listen(() => Promise.reject(failed), 0),
      failed
    )
    await link.closed
    assert.equal(host.pod.usage().notices, 3)
    const box = makeBox()
    await (await alice.enter(host)).listen(box.take, 0)
    assert.equal(box.keys().length, 3)
  })

  it('ends the link when a push could not be taken, and brings it again', async () => {
    const link = await alice.enter(host)
    await link.listen(() => Promise.reject(new Error('no')), 0)
    await submit(1)
    await link.closed
    const box = makeBox()
    await (await alice.enter(host)).listen(box.take, 0)
    assert.equal(box.keys().length, 1)
  })

  it('starts after what the client says it has', async () => {
    await submit(5)
    const box = makeBox()
    await (await alice.enter(host)).listen(box.take, 3)
    assert.deepEqual(
      box.all.map(({ notice }) => notice.sequence),
      [4, 5]
    )
  })

  it('hands over pushes before a long playback has ended, and acknowledges without a gap', async () => {
    await submit(250)
    const box = makeBox()
    const reached = Promise.withResolvers<void>()
    const release = Promise.withResolvers<void>()
    let pages = 0
    const link = await alice.enter(host)
    const done = link.listen(async (entries, how) => {
      await box.take(entries, how)
      if (how === 'playback') pages += 1
      if (how === 'playback' && pages === 2) {
        reached.resolve()
        await release.promise
      }
    }, 0)
    await reached.promise
    await submit(2)
    assert.ok(host.pod.usage().notices > 100)
    release.resolve()
    await box.has(252)
    await done
    assert.equal(box.all.length, 252)
    const pushed = box.all.findIndex(({ how }) => how === 'push')
    assert.ok(pushed < 249, 'a push came between two pages')
  })

  it('loses nothing when the link falls at any moment', async () => {
    const shape = fc.record({
      before: fc.nat({ max: 4 }),
      during: fc.nat({ max: 4 }),
      failAt: fc.nat({ max: 6 }),
      close: fc.boolean()
    })
    const box = makeBox()
    let sent = 0
    await fc.assert(
      fc.asyncProperty(shape, async ({ before, during, failAt, close }) => {
        await submit(before)
        const link = await alice.enter(host)
        let calls = 0
        const heard = link.listen(async (entries, how) => {
          calls += 1
          if (calls === failAt) throw new MuttrError('DISK_FULL', 'no room')
          await box.take(entries, how)
        }, 0)
        const known = heard.catch(err => assert.ok(codeOf(err), String(err)))
        await submit(during)
        sent += before + during
        if (close) await link[Symbol.asyncDispose]()
        await known
        await link[Symbol.asyncDispose]()
      }),
      { numRuns: 25 }
    )
    const last = await alice.enter(host)
    await last.listen(box.take, 0)
    await box.has(sent)
    assert.equal(box.keys().length, sent)
    assert.equal(host.pod.usage().notices, 0)
  })

  it('refuses frames that are none, and other requests of the pod', async () => {
    const [mine, theirs] = await rawPair(world, host, alice)
    const box = makeBox()
    await mine.listen(box.take, 0)
    const ask = (method: string, payload: Uint8Array) =>
      theirs().request(method, payload, { timeoutMs: 1_000 })
    await assert.rejects(ask('notices', random.bytes(50)), { code: 'WIRE_MALFORMED' })
    await assert.rejects(ask('lookup', wire.nothing.encode()), { code: 'METHOD_UNKNOWN' })
    const entries = [{ sequence: 1, frame: random.bytes(50) }]
    await assert.rejects(ask('notices', wire.push.encode({ entries })), { code: 'WIRE_MALFORMED' })
    assert.deepEqual(box.all, [])
    await mine.lookup('nobody-here').catch(err => assert.equal(codeOf(err), 'ALIAS_UNKNOWN'))
  })

  it('goes on when the pod asks to slow down with acknowledging', async () => {
    const slow = await world.host({
      hostname: 'two.test',
      limits: { requestsPerPeer: { burst: 12, everyMs: dayMs } }
    })
    const link = await alice.enter(slow)
    await link.register('alice', alice.person.certificate)
    const found = await link.lookup('alice')
    const box = makeBox()
    await link.listen(box.take, 0)
    const bob = await (await world.device(await personNamed('bob'))).open(slow)
    for (let i = 1; i <= 8; i++) {
      await bob.submit(await sealNotice(slow.hpkeKey, noticeFor(found.intro, world.clock.now())))
      await box.has(i)
    }
    assert.equal(box.keys().length, 8)
  })
})

/** A link, and the pod's end of its stream. */
async function rawPair(
  world: PodWorld,
  host: PodHost,
  device: TestDevice
): Promise<[PodLink, () => Session]> {
  const [mine, theirs] = sessionPair(device.keys.self, host.keys.self)
  const real = await world.network
    .at(device.keys.self)
    .open({ peer: host.keys.self, addresses: [] }, wire.podProtocol, { timeoutMs: 1_000 })
  theirs.serve((method, payload) =>
    method === 'listen'
      ? Promise.resolve(wire.listenAnswer.encode({ from: 0, head: 0 }))
      : real.request(method, payload, { timeoutMs: 1_000 })
  )
  const link = await openPodLink({
    network: { self: device.keys.self, open: async () => mine },
    contact: { peer: host.keys.self, addresses: [] },
    clock: world.clock,
    hostname: host.hostname
  })
  return [link, () => theirs]
}
