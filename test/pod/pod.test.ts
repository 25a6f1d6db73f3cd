import assert from 'node:assert/strict'
import { makeBox, noticeFor, personNamed, podWorld, sealNotice } from '../support/pod-world.ts'

describe('a pod', () => {
  it('takes alice in, tells bob whose key she has, and brings her his notice live', async () => {
    await using world = podWorld()
    const host = await world.host()
    const alice = await world.device(await personNamed('alice'))
    const bob = await world.device(await personNamed('bob'))

    const link = await alice.enter(host)
    const { certificate, untilMs } = await link.register('Alice', alice.person.certificate)
    assert.equal(certificate.fingerprint, alice.person.certificate.fingerprint)
    assert.ok(untilMs > world.clock.now() + 364 * 24 * 3_600_000)
    const box = makeBox()
    await link.listen(box.take, 0)

    const other = await bob.open(host)
    const found = await other.lookup('alice@one.test')
    assert.equal(found.alias, 'alice@one.test')
    assert.equal(found.certificate.fingerprint, alice.person.certificate.fingerprint)
    assert.deepEqual(found.hpkeKey, host.hpkeKey)
    const notice = noticeFor(found.intro, world.clock.now())
    const receipt = await other.submit(await sealNotice(found.hpkeKey, notice))
    assert.equal(receipt.podPeer, host.keys.self)
    assert.equal(receipt.atMs, world.clock.now())

    await box.has(1)
    const [got] = box.all
    assert.equal(got?.how, 'push')
    assert.deepEqual(got?.notice.key, notice.key)
    assert.deepEqual(got?.notice.slip, notice.slip)
  })

  it('plays back what came while alice was away', async () => {
    await using world = podWorld()
    const host = await world.host()
    const alice = await world.device(await personNamed('alice'))
    const bob = await world.device(await personNamed('bob'))
    const first = await alice.enter(host)
    await first.register('alice', alice.person.certificate)
    await first[Symbol.asyncDispose]()

    const other = await bob.open(host)
    const { intro } = await other.lookup('alice')
    for (let i = 0; i < 3; i++)
      await other.submit(await sealNotice(host.hpkeKey, noticeFor(intro, world.clock.now())))

    const box = makeBox()
    const second = await alice.enter(host)
    await second.listen(box.take, 0)
    assert.deepEqual(
      box.all.map(({ notice, how }) => [notice.sequence, how]),
      [
        [1, 'playback'],
        [2, 'playback'],
        [3, 'playback']
      ]
    )
    assert.equal(host.pod.usage().notices, 0)
  })
})
