import assert from 'node:assert/strict'
import type { MuttrError } from '../../../src/base/errors.ts'
import type { PortOutcome, PortTrier } from '../../../src/base/ports.ts'
import type { OwnPorts, PortsParts } from '../../../src/pod/federation/ports.ts'
import { helloAnswer, nothing, podProtocol } from '../../../src/wire/pod.ts'
import type { TryPorts } from '../../../src/wire/ports.ts'
import { portProbe, triedPorts, tryPorts } from '../../../src/wire/ports.ts'
import { encodeWellKnown } from '../../../src/wire/well-known.ts'
import { fakeDatagrams } from '../../support/fake-datagrams.ts'
import { olga, turn, until } from '../../support/federation-world.ts'
import type { PodHost, PodWorld } from '../../support/pod-world.ts'
import { podWorld } from '../../support/pod-world.ts'

const forever = new AbortController().signal
const options = { timeoutMs: 10_000 }
const wanted: OwnPorts = { tcp: 4_420, https: true, udp: 4_421 }
const asked: TryPorts = { tcp: 4_420, https: null, udp: null }

describe('ports of a pod, seen by another', () => {
  let world: PodWorld
  let air: ReturnType<typeof fakeDatagrams>
  let tried: string[]
  let host: string | undefined
  let tcp: PortOutcome
  let page: Uint8Array | undefined
  let one: PodHost
  let two: PodHost

  const trier: PortTrier = {
    hostOf: () => host,
    async tcp(_peer, at, port) {
      tried.push(`${at} ${port}`)
      return tcp
    },
    async https(url, { at }) {
      tried.push(`${url} ${at}`)
      return { outcome: 'open', bytes: page }
    }
  }
  const parts = (named: string[] = []): PortsParts => ({ trier, own: () => wanted, named })

  beforeEach(async () => {
    world = podWorld()
    air = fakeDatagrams()
    tried = []
    host = '192.0.2.1'
    tcp = 'open'
    one = await world.host({
      federation: 'open',
      datagrams: { sender: air.sender, door: air.door(4_421) },
      ports: parts(['two.test', 'old.test'])
    })
    two = await world.host({
      ...{ hostname: 'two.test', federation: 'open', offers: ['ports'], ports: parts() },
      datagrams: { sender: air.sender }
    })
    const hello = helloAnswer.decode(await one.pod.hello())
    page = new Uint8Array(Buffer.from(encodeWellKnown({ hello, addresses: [] })))
  })
  afterEach(() => world[Symbol.asyncDispose]())

  const look = () => one.pod.peers!.ports(forever)
  /** Some seed's session at two.test. */
  let strangers = 0
  const stranger = (self = `mallory ${strangers++}`) =>
    world.network.at(self).open({ peer: two.keys.self, addresses: [] }, podProtocol, options)
  async function ask(request: TryPorts, introduced = false) {
    await using session = await stranger(introduced ? one.keys.self : undefined)
    if (introduced) await session.request('introduce', await one.pod.hello(), options)
    const frame = await session.request('try-ports', tryPorts.encode(request), options)
    return triedPorts.decode(frame)
  }

  it('are those that it has, tried where it is, and each outcome is told', async () => {
    const { fingerprint } = one.person.certificate
    assert.deepEqual(await look(), {
      wanted,
      seen: [
        {
          ...{ pod: 'two.test', at: '192.0.2.1', tcp: 'open', https: 'open', udp: 'open' },
          shown: fingerprint
        }
      ],
      silent: [{ pod: 'old.test', code: 'POD_UNKNOWN' }]
    })
    assert.deepEqual(tried, ['192.0.2.1 4420', 'https://one.test/.well-known/muttr undefined'])
    assert.deepEqual(
      air.sent.map(({ address, port, bytes }) => [address, port, bytes.byteLength]),
      Array.from({ length: 3 }, () => ['/ip4/192.0.2.1/udp/0', 4_421, 44])
    )
    tcp = 'timeout'
    page = Buffer.from('hello')
    const { seen } = await look()
    assert.deepEqual([seen[0]!.tcp, seen[0]!.https, seen[0]!.shown], ['timeout', 'other', null])
  })

  it('are asked of friends first, and of no pod that does not say that it looks', async () => {
    await world.host({ hostname: 'old.test', federation: 'open' })
    const three = await world.host({
      ...{ hostname: 'three.test', federation: 'open', offers: ['ports', 'thin'], ports: parts() }
    })
    await one.pod.peers!.allow(olga, 'three.test')
    const { seen, silent } = await look()
    assert.deepEqual([seen.map(({ pod }) => pod), silent], [['three.test', 'two.test'], []])
    // That one sends no datagrams, and says so.
    assert.deepEqual(
      seen.map(({ udp }) => udp),
      [null, 'open']
    )
    await one.pod.peers!.block(olga, three.hostname)
    assert.deepEqual(
      (await look()).seen.map(({ pod }) => pod),
      ['two.test']
    )
  })

  it('are tried at the asker alone: not through a relay, not under another name', async () => {
    await ask(asked)
    assert.deepEqual(tried.splice(0), ['192.0.2.1 4420'])
    // Who has not shown that a name is its own has it tried where it is itself.
    await ask({ ...asked, tcp: null, https: 'victim.test' })
    assert.deepEqual(tried.splice(0), ['https://victim.test/.well-known/muttr 192.0.2.1'])
    for (const https of ['victim.test', 'Victim.test', 'two.test', '192.0.2.9', 'a/b'])
      await assert.rejects(ask({ ...asked, https }, true), { code: 'PEER_REFUSED' })
    host = undefined
    await assert.rejects(ask(asked), { code: 'PEER_REFUSED' })
    assert.deepEqual([tried, air.sent], [[], []])
  })

  it('are tried so often, and for whom the pod has to do with', async () => {
    for (let n = 0; n < 4; n++) await ask(asked)
    await assert.rejects(ask(asked), { code: 'LIMIT_EXCEEDED' })
    assert.equal(tried.length, 4)
    world.clock.advance(60_000)
    await ask(asked)
    // Of all networks together.
    let taken = 0
    for (; taken < 100; taken++) {
      host = `198.51.100.${taken}`
      try {
        await ask(asked)
      } catch (err) {
        assert.equal((err as { code: string }).code, 'LIMIT_EXCEEDED')
        break
      }
    }
    assert.equal(taken, 29)
    world.clock.advance(3_600_000)
    await two.pod.peers!.block(olga, 'one.test')
    await assert.rejects(ask(asked, true), { code: 'FEDERATION_REFUSED' })
    const closed = await world.host({ hostname: 'closed.test', federation: 'closed' })
    await assert.rejects(closed.pod.peers!.ports(forever), { code: 'FEDERATION_REFUSED' })
  })

  it('are tried four at a time, whoever asks', async () => {
    const { promise, resolve } = Promise.withResolvers<void>()
    let begun = 0
    trier.tcp = async () => {
      begun += 1
      await promise
      return 'open'
    }
    const under = Array.from({ length: 4 }, () => ask(asked))
    await until(() => begun === 4)
    host = '203.0.113.1'
    await assert.rejects(ask(asked), { code: 'LIMIT_EXCEEDED' })
    resolve()
    await Promise.all(under)
    await ask(asked)
  })

  it('are no way to make it send: frames are bounded, and others’ probes are nothing', async () => {
    await using session = await stranger()
    for (const frame of [nothing.encode(), new Uint8Array(400), Buffer.from('83f6f6', 'hex')])
      await assert.rejects(session.request('try-ports', frame, options), (err: MuttrError) => {
        return err.code.startsWith('WIRE_')
      })
    air.throwAt(4_421, portProbe(new Uint8Array(32)))
    // A pod whose datagrams are lost says that its port is shut, not that it is open.
    Object.assign(air.sender, { send: () => undefined })
    const looking = look()
    const ended = looking.then(() => true)
    while (!(await Promise.race([ended, turn()]))) world.clock.advance(20)
    assert.equal((await looking).seen[0]!.udp, 'timeout')
  })
})
