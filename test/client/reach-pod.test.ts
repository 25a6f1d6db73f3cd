import assert from 'node:assert/strict'
import type { MuttrError } from '../../src/base/errors.ts'
import { openPodLink } from '../../src/client/pod-link.ts'
import type { Thin } from '../../src/client/reach-pod.ts'
import { createReach } from '../../src/client/reach-pod.ts'
import { openPgp } from '../../src/keys/crypto.ts'
import type { PodPlace } from '../../src/pod/place.ts'
import type { PodHost, PodWorld, TestDevice } from '../support/pod-world.ts'
import { personNamed, podWorld } from '../support/pod-world.ts'
import type { FakeNetwork } from '../support/session-pair.ts'
import { fakeNetwork } from '../support/session-pair.ts'
import { thinNetwork } from '../support/thin-network.ts'

describe('the way to a pod', () => {
  let direct: FakeNetwork
  let sockets: Awaited<ReturnType<typeof thinNetwork>>
  let world: PodWorld
  let host: PodHost
  let alice: TestDevice
  let ways: string[]
  beforeEach(async () => {
    direct = fakeNetwork()
    sockets = await thinNetwork()
    ways = []
    world = podWorld(undefined, {
      ...direct,
      at: self => ({
        ...direct.at(self),
        accept(protocol, take) {
          direct.at(self).accept(protocol, take)
          sockets.at(self).accept(protocol, take)
        }
      })
    })
    host = await world.host({ offers: ['thin'] })
    alice = await world.device(await personNamed('alice'))
  })
  afterEach(async () => {
    await world[Symbol.asyncDispose]()
    await sockets[Symbol.asyncDispose]()
  })

  const reachWith = (
    first: boolean,
    signal = new AbortController().signal,
    known: Partial<PodPlace> = {}
  ) => {
    const { clock } = world
    const { self } = alice.keys
    const at = direct.at(self)
    const thin: Thin = {
      first,
      open(_place, options) {
        ways.push('thin')
        const contact = { peer: host.keys.self, addresses: [] }
        return sockets.at(self).open(contact, '/muttr/pod/1', options)
      }
    }
    const network: typeof at = {
      ...at,
      dial(address, options) {
        ways.push('direct')
        return at.dial(address, options)
      }
    }
    const reach = createReach({ openLink: openPodLink, clock, thin })
    const place = {
      ...known,
      hostname: host.hostname,
      addresses: [`/ip4/192.0.2.7/tcp/4420/p2p/${host.keys.self}`]
    }
    return (fingerprint = host.person.certificate.fingerprint) => {
      const { hostname } = host
      const pinned = { fingerprint }
      return reach(place, network, { clock, crypto: openPgp, hostname, pinned, signal })
    }
  }

  it('is a WebSocket first where the person wants it, and knows the same pod at its end', async () => {
    const link = await reachWith(true)()
    assert.deepEqual(ways, ['thin'])
    const { peer, addresses } = link.pod.contact
    assert.deepEqual([peer, addresses], [host.keys.self, ['/ip4/192.0.2.7/tcp/4420']])
    const { device, person } = alice
    const statement = await alice.statement(host.hostname)
    const { certificate } = person
    await link.identify({ device, statement, certificate, nowMs: world.clock.now() })
    await link.register('alice', certificate)
    assert.equal((await link.lookup('alice')).certificate.fingerprint, certificate.fingerprint)
    await link[Symbol.asyncDispose]()
  })

  it('is libp2p where the WebSocket is away, for some minutes without asking there', async () => {
    await sockets.unplug(host.keys.self)
    const reach = reachWith(true)
    await (await reach())[Symbol.asyncDispose]()
    await (await reach())[Symbol.asyncDispose]()
    assert.deepEqual(ways, ['thin', 'direct', 'direct'])
    sockets.plug(host.keys.self)
    world.clock.advance(10 * 60_000)
    await (await reach())[Symbol.asyncDispose]()
    assert.equal(ways.at(-1), 'thin')
  })

  it('is libp2p first to a pod that was met and announces no WebSocket', async () => {
    host = await world.host({ hostname: 'two.test' })
    await sockets.unplug(host.keys.self)
    const reach = reachWith(true)
    assert.deepEqual((await reach()).pod.offers, [])
    sockets.plug(host.keys.self)
    world.clock.advance(10 * 60_000)
    await reach()
    assert.deepEqual(ways.splice(0), ['thin', 'direct', 'direct'])
    await direct.unplug(host.keys.self)
    await reach()
    assert.deepEqual(ways.splice(0), ['direct', 'thin'])
    // That way it is there after all.
    await reach()
    assert.deepEqual(ways, ['thin'])
  })

  it('is known of a pod that was found over HTTPS, before it was met', async () => {
    await (await reachWith(true, undefined, { offersThin: false })())[Symbol.asyncDispose]()
    const elsewhere = { offersThin: false, thin: 'wss://elsewhere.test/muttr/pod/1' }
    await (await reachWith(true, undefined, elsewhere)())[Symbol.asyncDispose]()
    assert.deepEqual(ways, ['direct', 'thin'])
  })

  it('is a WebSocket where libp2p leads nowhere', async () => {
    const reach = reachWith(false)
    await (await reach())[Symbol.asyncDispose]()
    assert.deepEqual(ways, ['direct'])
    await direct.unplug(host.keys.self)
    await (await reach())[Symbol.asyncDispose]()
    assert.deepEqual(ways, ['direct', 'direct', 'thin'])
    await sockets.unplug(host.keys.self)
    await assert.rejects(reach(), { code: 'POD_UNREACHABLE' })
  })

  it('is no way around the pin, and ends when nobody waits', async () => {
    await direct.unplug(host.keys.self)
    const { fingerprint } = alice.person.certificate
    await assert.rejects(reachWith(false)(fingerprint), { code: 'POD_CHANGED' })
    await assert.rejects(reachWith(true, AbortSignal.abort())(), (err: MuttrError) => {
      return err.code === 'CANCELLED'
    })
  })
})
