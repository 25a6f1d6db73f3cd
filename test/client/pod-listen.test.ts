import assert from 'node:assert/strict'
import fc from 'fast-check'
import { codeOf, MuttrError } from '../../src/base/errors.ts'
import type { Session } from '../../src/base/ports.ts'
import type { PodLink } from '../../src/client/pod-link.ts'
import { openPodLink } from '../../src/client/pod-link.ts'
import * as wire from '../../src/wire/pod.ts'
import type { PodHost, PodWorld, TestDevice } from '../support/pod-world.ts'
import {
  dayMs,
  makeBox,
  noticeFor,
  personNamed,
  podWorld,
  random,
  sealNotice
} from '../support/pod-world.ts'
import { sessionPair } from '../support/session-pair.ts'

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
