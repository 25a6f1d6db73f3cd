import assert from 'node:assert/strict'
import type { Session } from '../../src/base/ports.ts'
import type { PodLink } from '../../src/client/pod-link.ts'
import { openPodLink } from '../../src/client/pod-link.ts'
import type { Person } from '../../src/keys/person.ts'
import { signDetached } from '../../src/keys/sign.ts'
import * as wire from '../../src/wire/pod.ts'
import type { PodHost, PodWorld, TestDevice } from '../support/pod-world.ts'
import {
  hourMs,
  noticeFor,
  personNamed,
  podWorld,
  random,
  sealNotice
} from '../support/pod-world.ts'
import type { FakeNetwork } from '../support/session-pair.ts'
import { fakeNetwork } from '../support/session-pair.ts'
import { thinNetwork } from '../support/thin-network.ts'

const transports: Record<string, () => Promise<FakeNetwork & Partial<AsyncDisposable>>> = {
  'a proved stream': async () => fakeNetwork(),
  'a WebSocket': () => thinNetwork()
}

for (const [over, connect] of Object.entries(transports)) {
  describe(`a link to a pod over ${over}`, () => {
    let network: Awaited<ReturnType<typeof connect>>
    let world: PodWorld
    let host: PodHost
    let alice: TestDevice
    beforeEach(async () => {
      network = await connect()
      world = podWorld(undefined, network)
      host = await world.host()
      alice = await world.device(await personNamed('alice'))
    })
    afterEach(async () => {
      await world[Symbol.asyncDispose]()
      await network[Symbol.asyncDispose]?.()
    })

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
          const request = session.request.bind(session)
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
      assert.deepEqual(known, {
        aliases: ['alice@one.test'],
        standing: { suspended: null, application: null }
      })
      await link.unregister('alice')
      await assert.rejects(link.unregister('alice'), { code: 'ALIAS_UNKNOWN' })
    })
  })

  /** Answers as a pod does that somebody took over: with valid frames that say something else. */
  describe(`a link over ${over} to a pod that lies`, () => {
    let network: Awaited<ReturnType<typeof connect>>
    let world: PodWorld
    let host: PodHost
    let bob: TestDevice
    let pod: Person
    const answers = new Map<string, (honest: Uint8Array) => Promise<Uint8Array>>()

    beforeEach(async () => {
      answers.clear()
      network = await connect()
      world = podWorld(undefined, network)
      host = await world.host()
      pod = host.person
      const alice = await world.device(await personNamed('alice'))
      await (await alice.enter(host)).register('alice', alice.person.certificate)
      bob = await world.device(await personNamed('bob'))
    })
    afterEach(async () => {
      await world[Symbol.asyncDispose]()
      await network[Symbol.asyncDispose]?.()
    })

    const open = (): Promise<PodLink> => {
      const network = world.network.at(bob.keys.self)
      return openPodLink({
        network: {
          ...network,
          async open(...args): Promise<Session> {
            const session = await network.open(...args)
            const request = session.request.bind(session)
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
          peers: [bob.keys.self]
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
        { validUntilMs: world.clock.now() - hourMs },
        { certificate: bob.person.certificate.bytes }
      ]
      for (const change of wrong) {
        say(() => change)
        await assert.rejects(link.lookup('alice'), invalid)
      }
      say(() => ({ issuedMs: world.clock.now() + hourMs }))
      await assert.rejects(link.lookup('alice'), { code: 'CLOCK_WRONG' })
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
}
