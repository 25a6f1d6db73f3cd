import { sha256 } from '../../src/base/bytes.ts'
import type { PodLink } from '../../src/client/pod-link.ts'
import type { FederationPolicy } from '../../src/pod/federation/peers.ts'
import type { PodLimits } from '../../src/pod/limits.ts'
import type { State } from '../../src/store/state.ts'
import type { QueueNews, QueueState } from '../../src/wire/federation.ts'
import type { NoticeBody } from '../../src/wire/notice.ts'
import type { FakeDatagrams } from './fake-datagrams.ts'
import type { Box, PodHost, PodWorld, TestDevice } from './pod-world.ts'
import { makeBox, noticeFor, personNamed, podWorld, sealNotice } from './pod-world.ts'

export { turn, until } from './own-devices.ts'

/** An operator. */
export const olga = { kind: 'operator' as const, name: 'olga' }

/** A sealed notice with what is in it. */
export interface Sealed {
  readonly notice: NoticeBody
  readonly sealed: Uint8Array
}

/** Alice has an alias at `one.test`, and bob at `two.test`, where he listens. Both pods have to do with others. */
export interface Neighbours extends AsyncDisposable {
  readonly world: PodWorld
  readonly one: PodHost
  readonly two: PodHost
  readonly alice: TestDevice
  readonly bob: TestDevice
  /** What bob was handed. */
  readonly box: Box
  /** Alice's link to her pod, on which she hears what became of her notices. */
  link: PodLink
  readonly news: QueueNews[]
  /** A notice for bob. */
  seal(given?: Partial<NoticeBody>): Promise<Sealed>
  /** Gives one to alice's pod. */
  give(sealed: Sealed, hostname?: string, pin?: Uint8Array | null): Promise<void>
  stateOf(sealed: Sealed): Promise<QueueState>
  /** Alice comes back. */
  enter(): Promise<void>
}

export interface NeighbourOptions {
  state?: State
  stateOfTwo?: State
  limits?: Partial<PodLimits>
  /** Of `one.test`, of `two.test`. */
  policies?: readonly [FederationPolicy, FederationPolicy]
  vouched?: Readonly<Record<string, string>>
  limitsOfTwo?: Partial<PodLimits>
  /** Networks of peers, as `two.test` sees them. */
  subnetOf?: (peer: string) => string | undefined
  /** Through it `one.test` sends datagrams, which `two.test` takes at port 4420. */
  air?: FakeDatagrams
}

export async function neighbours(o: NeighbourOptions = {}): Promise<Neighbours> {
  const world = podWorld()
  const [first, second] = o.policies ?? ['open', 'open']
  const one = await world.host({
    federation: first,
    ...(o.state && { state: o.state }),
    ...(o.limits && { limits: o.limits }),
    ...(o.vouched && { vouched: o.vouched }),
    ...(o.air && { datagrams: { sender: o.air.sender } })
  })
  const limits = o.limitsOfTwo ?? {}
  const two = await world.host({
    ...{ hostname: 'two.test', federation: second, limits },
    ...(o.stateOfTwo && { state: o.stateOfTwo }),
    ...(o.subnetOf && { subnetOf: o.subnetOf }),
    ...(o.air && { datagrams: { door: o.air.door(4_420) } })
  })
  const alice = await world.device(await personNamed('alice'))
  const bob = await world.device(await personNamed('bob'))
  const box = makeBox()
  const receiving = await bob.enter(two)
  await receiving.register('bob', bob.person.certificate)
  await receiving.listen(box.take, 0)
  const { intro } = await receiving.lookup('bob')
  const news: QueueNews[] = []
  const enter = async (): Promise<PodLink> => {
    const link = await alice.enter(one)
    await link.listen(
      async () => undefined,
      0,
      more => void news.push(...more)
    )
    return link
  }
  const link = await enter()
  await link.register('alice', alice.person.certificate)
  const all: Neighbours = {
    ...{ world, one, two, alice, bob, box, link, news },
    async seal(given) {
      const notice = noticeFor(intro, world.clock.now(), given)
      return { notice, sealed: await sealNotice(two.hpkeKey, notice) }
    },
    async give({ notice, sealed }, hostname = 'two.test', pin = null) {
      const { expiryMs } = notice
      await all.link.queue.give({ notice: sealed, hostname, pin, expiryMs })
    },
    async stateOf({ sealed }) {
      return (await all.link.queue.states([sha256(sealed)]))[0]!
    },
    async enter() {
      all.link = await enter()
    },
    [Symbol.asyncDispose]: () => world[Symbol.asyncDispose]()
  }
  return all
}
