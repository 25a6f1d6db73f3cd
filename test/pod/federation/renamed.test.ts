import assert from 'node:assert/strict'
import type { QueueNews } from '../../../src/wire/federation.ts'
import { neighbours, olga, until } from '../../support/federation-world.ts'
import {
  makeBox,
  noticeFor,
  personNamed,
  podWorld,
  random,
  sealNotice
} from '../../support/pod-world.ts'
import { renamedHost } from '../../support/renamed-pod.ts'

const [old, now, third] = ['one.test', 'two.test', 'three.test']

describe('a pod of another name, and other pods', () => {
  for (const federation of ['open', 'list', 'closed'] as const)
    it(`delivers at once what its people give it for those who are still under the former name (${federation})`, async () => {
      await using world = podWorld()
      const before = await world.host({ hostname: old, federation })
      const devices = []
      for (const name of ['alice', 'carol']) {
        const device = await world.device(await personNamed(name))
        await (await device.enter(before)).register(name, device.person.certificate)
        devices.push(device)
      }
      const host = await renamedHost(world, before, { hostname: now, federation })
      world.move(old, host.keys.self)
      const [alice, carol] = [
        await devices[0]!.enter(host),
        await devices[1]!.enter({ ...host, hostname: old })
      ]
      const news: QueueNews[] = []
      await alice.listen(
        async () => undefined,
        0,
        more => void news.push(...more)
      )
      const box = makeBox()
      await carol.listen(box.take, 0)
      const { intro } = await carol.lookup('carol')
      const notice = noticeFor(intro, world.clock.now())
      const give = async (pin: string | Uint8Array) =>
        alice.queue.give({
          ...{ notice: await sealNotice(host.hpkeKey, notice), hostname: old },
          pin: typeof pin === 'string' ? new Uint8Array(Buffer.from(pin, 'hex')) : pin,
          expiryMs: notice.expiryMs
        })
      await give(host.person.certificate.pin)
      await box.has(1)
      await until(() => news.length === 1)
      const { state } = news[0]!
      assert(state.type === 'accepted' && state.peer === host.keys.self)
      // What the receipt is checked by.
      const { certificate } = await alice.queue.papers(old)
      assert.deepEqual(certificate, host.person.certificate.bytes)
      await give(random.bytes(32))
      await until(() => news.length === 2)
      assert.deepEqual(news[1]!.state, { type: 'refused', code: 'POD_CHANGED' })
      assert.deepEqual(host.pod.peers!.view().peers, [])
    })

  it('is blocked under that one too by who blocked it, when it is met there', async () => {
    await using all = await neighbours()
    await all.give(await all.seal())
    await until(() => all.news.length === 1)
    await all.one.pod.peers!.block(olga, now)
    await renamedHost(all.world, all.two, { hostname: third, federation: 'open' })
    await all.give(await all.seal(), third)
    await until(() => all.news.length === 2)
    assert.deepEqual(all.news[1]!.state, { type: 'refused', code: 'FEDERATION_REFUSED' })
    const standing = all.one.pod.peers!.view().peers.map(peer => [peer.hostname, peer.standing])
    assert.deepEqual(standing, [
      [third, 'blocked'],
      [now, 'blocked']
    ])
    await assert.rejects(async () => all.give(await all.seal(), third), {
      code: 'FEDERATION_REFUSED'
    })
  })
})
