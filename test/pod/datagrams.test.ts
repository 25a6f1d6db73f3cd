import assert from 'node:assert/strict'
import { sha256, toHex } from '../../src/base/bytes.ts'
import type { PodLink } from '../../src/client/pod-link.ts'
import type { PodLimits } from '../../src/pod/limits.ts'
import { helloAnswer, podRecord } from '../../src/wire/pod.ts'
import type { DatagramCounts, FakeDatagrams } from '../support/fake-datagrams.ts'
import { countDatagrams, fakeDatagrams } from '../support/fake-datagrams.ts'
import { neighbours, until } from '../support/federation-world.ts'
import type { Box, PodHost, PodWorld, TestDevice } from '../support/pod-world.ts'
import {
  dayMs,
  makeBox,
  noticeFor,
  personNamed,
  podWorld,
  sealNotice
} from '../support/pod-world.ts'

const port = 4_420

/** Bob listens at a pod that takes datagrams. */
interface Scene extends AsyncDisposable {
  readonly world: PodWorld
  readonly host: PodHost
  readonly air: FakeDatagrams
  readonly counts: DatagramCounts
  readonly bob: TestDevice
  readonly link: PodLink
  readonly box: Box
  readonly intro: Uint8Array
  seal(given?: Parameters<typeof noticeFor>[2]): Promise<Uint8Array>
}

async function scene(limits: Partial<PodLimits> = {}): Promise<Scene> {
  const world = podWorld()
  const air = fakeDatagrams()
  const counts = countDatagrams()
  const datagrams = { door: air.door(port) }
  const host = await world.host({ datagrams, limits, measure: counts.measure })
  const bob = await world.device(await personNamed('bob'))
  const link = await bob.enter(host)
  await link.register('bob', bob.person.certificate)
  const box = makeBox()
  await link.listen(box.take, 0)
  const { intro } = await link.lookup('bob')
  return {
    ...{ world, host, air, counts, bob, link, box, intro },
    seal: given => sealNotice(host.hpkeKey, noticeFor(intro, world.clock.now(), given)),
    [Symbol.asyncDispose]: () => world[Symbol.asyncDispose]()
  }
}

/** Bob's device has acknowledged all there is. */
const read = ({ host }: Scene): Promise<void> => until(() => host.pod.usage().notices === 0)

describe('a notice as a datagram', () => {
  it('reaches the reader; a copy of it does nothing, read or not', async () => {
    await using all = await scene()
    const notice = await all.seal()
    all.air.throwAt(port, notice)
    await all.box.has(1)
    all.air.throwAt(port, notice)
    await all.counts.has('replay', 1)
    await read(all)
    all.air.throwAt(port, notice, '198.51.100')
    await all.counts.has('replay', 2)
    assert.equal(all.host.pod.usage().notices, 0)
    assert.equal(all.box.all.length, 1)
  })

  it('is one with the same over a stream, which gets its receipt, though it was read meanwhile', async () => {
    await using all = await scene()
    const notice = await all.seal()
    all.air.throwAt(port, notice)
    await all.box.has(1)
    await read(all)
    const alice = await (await all.world.device(await personNamed('alice'))).open(all.host)
    const receipt = await alice.submit(notice)
    assert.equal(receipt.atMs, all.world.clock.now())
    // Another one, to see that nothing came in between.
    await alice.submit(await all.seal())
    await all.box.has(2)
    assert.equal(all.box.all.length, 2)
  })

  it('came twice where the pod began anew in between: the reader tells by the key', async () => {
    await using all = await scene()
    const notice = await all.seal()
    all.air.throwAt(port, notice)
    await all.box.has(1)
    await read(all)
    await all.host.restart()
    const again = await all.bob.enter(all.host)
    const box = makeBox()
    await again.listen(box.take, 1)
    all.air.throwAt(port, notice)
    await box.has(1)
    assert.deepEqual(box.keys(), all.box.keys())
    all.air.throwAt(port, notice)
    await all.counts.has('replay', 1)
  })

  it('is dropped before anything is opened when it is shorter or longer', async () => {
    await using all = await scene()
    const notice = await all.seal()
    const wrong = [0, 1, 31, 1_199].map(length => notice.subarray(0, length))
    for (const bytes of [...wrong, new Uint8Array([...notice, 0]), new Uint8Array(65_507)])
      all.air.throwAt(port, bytes)
    assert.equal(all.counts.count('length'), 6)
    all.air.throwAt(port, notice)
    await all.box.has(1)
    assert.deepEqual([...(['rate', 'invalid'] as const)].map(all.counts.count), [0, 0])
  })

  it('that does not open, holds no notice or has expired leaves nothing behind', async () => {
    await using all = await scene()
    const notice = await all.seal()
    const broken = notice.slice()
    broken[700]! ^= 1
    all.air.throwAt(port, broken)
    all.air.throwAt(port, await sealNotice(all.intro, noticeFor(all.intro, all.world.clock.now())))
    await all.counts.has('invalid', 2)
    const old = noticeFor(all.intro, all.world.clock.now() - 20 * dayMs)
    all.air.throwAt(port, await sealNotice(all.host.hpkeKey, old))
    await all.counts.has('expired', 1)
    // What was garbled on the way takes nothing from the one that is whole.
    all.air.throwAt(port, notice)
    await all.box.has(1)
    assert.equal(all.box.all.length, 1)
  })

  it('for nobody is counted as any other', async () => {
    await using all = await scene()
    const nobody = noticeFor(sha256(all.intro), all.world.clock.now())
    all.air.throwAt(port, await sealNotice(all.host.hpkeKey, nobody))
    await all.counts.has('taken', 1)
    assert.equal(all.host.pod.usage().notices, 0)
  })
})

describe('a flood of datagrams', () => {
  it('from one network is opened within its rate, and others are served', async () => {
    const few = { burst: 5, everyMs: 1_000 }
    await using all = await scene({ datagramsPerSubnet: few })
    const noise = new Uint8Array(1_200).fill(7)
    for (let i = 0; i < 100_000; i++) all.air.throwAt(port, noise, '203.0.113')
    await all.counts.has('invalid', 5)
    assert.equal(all.counts.count('rate'), 99_995)
    all.air.throwAt(port, await all.seal(), '198.51.100')
    await all.box.has(1)
    all.world.clock.advance(1_000)
    all.air.throwAt(port, await all.seal(), '203.0.113')
    await all.box.has(2)
  })

  it('with forged senders is opened within what counts for all, and streams are served', async () => {
    await using all = await scene({ datagramsInAll: { burst: 40, everyMs: 1_000 } })
    const noise = new Uint8Array(1_200).fill(7)
    for (let i = 0; i < 20_000; i++)
      all.air.throwAt(port, noise, `${i % 223}.${i % 251}.${i % 127}`)
    await all.counts.has('invalid', 40)
    assert.equal(all.counts.count('rate'), 19_960)
    const alice = await (await all.world.device(await personNamed('alice'))).open(all.host)
    await alice.submit(await all.seal())
    await all.box.has(1)
  })

  it('of true notices for one reader fills no mailbox', async () => {
    await using all = await scene({ datagramsPerAddress: { burst: 3, everyMs: 60_000 } })
    for (let i = 0; i < 6; i++) all.air.throwAt(port, await all.seal(), `198.51.${i}`)
    await all.counts.has('full', 3)
    await all.counts.has('taken', 3)
    await all.box.has(3)
  })

  it('is bounded by what an operator says while the pod runs', async () => {
    await using all = await scene()
    const by = { kind: 'operator', name: 'olga' } as const
    await all.host.pod.office.setRate(by, 'datagramsInAll', { burst: 1, perHour: 1 })
    all.air.throwAt(port, await all.seal())
    all.air.throwAt(port, await all.seal())
    await all.counts.has('taken', 1)
    assert.equal(all.counts.count('rate'), 1)
  })
})

describe('between pods', () => {
  it('a notice goes ahead as a datagram where the other pod was met, and no link is open', async () => {
    const air = fakeDatagrams()
    await using all = await neighbours({ air })
    const shown = podRecord.decode(await recordOf(all.two))
    assert.equal(shown.udp, port)
    // Nobody has met it yet: it goes by the stream alone.
    const first = await all.seal()
    await all.give(first)
    await until(async () => (await all.stateOf(first)).type === 'accepted')
    assert.equal(air.sent.length, 0)
    // The link is there.
    const second = await all.seal()
    await all.give(second)
    await until(async () => (await all.stateOf(second)).type === 'accepted')
    assert.equal(air.sent.length, 0)
    all.world.clock.advance(5 * 60_000 + 1)
    const third = await all.seal()
    await all.give(third)
    await until(async () => (await all.stateOf(third)).type === 'accepted')
    assert.deepEqual(
      air.sent.map(({ bytes }) => toHex(bytes)),
      [toHex(third.sealed)]
    )
    await all.box.has(3)
    assert.equal(all.box.all.length, 3)
  })

  it('nothing is sent so to a pod that is away', async () => {
    const air = fakeDatagrams()
    await using all = await neighbours({ air })
    const first = await all.seal()
    await all.give(first)
    await until(async () => (await all.stateOf(first)).type === 'accepted')
    await all.world.network.unplug(all.two.keys.self)
    for (const sealed of [await all.seal(), await all.seal()]) {
      await all.give(sealed)
      await until(async () => {
        const state = await all.stateOf(sealed)
        return state.type === 'queued' && state.failures > 0
      })
    }
    // The first of the two was to find out.
    assert.equal(air.sent.length, 1)
  })
})

const recordOf = async ({ pod }: PodHost): Promise<Uint8Array> =>
  helloAnswer.decode(await pod.hello()).record
