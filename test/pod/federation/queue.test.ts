import assert from 'node:assert/strict'
import { sha256, toHex } from '../../../src/base/bytes.ts'
import { tables } from '../../../src/pod/rows.ts'
import type { QueueState } from '../../../src/wire/federation.ts'
import { announcedBytes } from '../../../src/wire/notice.ts'
import { dyingState } from '../../support/dying-state.ts'
import type { Neighbours, Sealed } from '../../support/federation-world.ts'
import { neighbours, olga, until } from '../../support/federation-world.ts'
import { fillingState } from '../../support/filling-state.ts'
import { dayMs, hourMs } from '../../support/pod-world.ts'

const minuteMs = 60_000

/** The other pod's signature, which anybody can check. */
function assertReceipt(all: Neighbours, { sealed }: Sealed, state: QueueState): void {
  assert(state.type === 'accepted', state.type)
  assert.equal(state.peer, all.two.keys.self)
  assert(all.alice.keys.verify(state.peer, announcedBytes(sealed, state.atMs), state.signature))
}

const failuresOf = (all: Neighbours): number =>
  all.one.pod.peers!.view().peers.find(({ hostname }) => hostname === 'two.test')?.failures ?? 0

/** Both ends of time: what failed was tried again once it was due. */
async function tryAgain(all: Neighbours): Promise<void> {
  const before = failuresOf(all)
  all.world.clock.advance(6 * hourMs + 1)
  await until(() => failuresOf(all) > before)
}

describe("a notice through the sender's pod", () => {
  it('comes to the reader, and the sender is told with the signature of the reader’s pod', async () => {
    await using all = await neighbours()
    const sealed = await all.seal()
    await all.give(sealed)
    await all.box.has(1)
    await until(() => all.news.length === 1)
    assert.deepEqual(all.news[0]!.hash, sha256(sealed.sealed))
    assertReceipt(all, sealed, all.news[0]!.state)
    assertReceipt(all, sealed, await all.stateOf(sealed))
    const papers = await all.link.queue.papers('two.test')
    assert.deepEqual(papers.certificate, all.two.person.certificate.bytes)

    await all.link.queue.done([sha256(sealed.sealed)])
    assert.deepEqual(await all.stateOf(sealed), { type: 'unknown' })
    assert.equal(all.one.pod.usage().queued, 0)
  })

  it('waits while the other pod is away for hours, is tried less and less often, and goes when it is back', async () => {
    await using all = await neighbours()
    await all.world.network.unplug(all.two.keys.self)
    const [first, second] = [await all.seal(), await all.seal()]
    await all.give(first)
    await until(() => failuresOf(all) === 1)
    await all.give(second)
    assert.equal(failuresOf(all), 1, 'what is away is not tried again for each notice')
    const waits: number[] = []
    for (let failures = 1; failures < 12; failures++) {
      const state = await all.stateOf(first)
      assert(state.type === 'queued' && state.code === 'POD_UNREACHABLE')
      waits.push(state.nextMs - all.world.clock.now())
      all.world.clock.advance(waits.at(-1)!)
      await until(() => failuresOf(all) === failures + 1)
    }
    for (const [i, waitMs] of waits.entries()) {
      const usualMs = minuteMs * 2 ** i
      assert(waitMs <= 6 * hourMs && waitMs <= usualMs * 1.2)
      assert(waitMs >= Math.min(usualMs * 0.8, 6 * hourMs))
    }
    assert(waits.includes(6 * hourMs))
    all.world.network.plug(all.two.keys.self)
    all.world.clock.advance(6 * hourMs)
    await until(() => all.news.length === 2)
    assertReceipt(all, first, await all.stateOf(first))
    assertReceipt(all, second, await all.stateOf(second))
    assert.equal(failuresOf(all), 0)
  })

  it('goes at once when the other pod comes by itself', async () => {
    await using all = await neighbours()
    await all.world.network.unplug(all.two.keys.self)
    const sealed = await all.seal()
    await all.give(sealed)
    await tryAgain(all)
    await tryAgain(all)
    all.world.network.plug(all.two.keys.self)
    // Bob writes to alice: his pod introduces itself to hers.
    const bobs = await all.bob.enter(all.two)
    const { intro } = await all.link.lookup('alice')
    const back = await all.seal({ address: intro })
    all.world.clock.advance(minuteMs / 2)
    const { expiryMs } = back.notice
    await bobs.queue.give({ notice: back.sealed, hostname: 'one.test', pin: null, expiryMs })
    await until(() => all.news.length === 1)
    assertReceipt(all, sealed, await all.stateOf(sealed))
  })

  it('goes at once when the other pod is seen again', async () => {
    await using all = await neighbours()
    await all.give(await all.seal())
    await until(() => all.news.length === 1)
    await all.world.network.unplug(all.two.keys.self)
    await all.give(await all.seal())
    await until(() => failuresOf(all) === 1)
    await tryAgain(all)
    await tryAgain(all)
    all.world.network.plug(all.two.keys.self)
    all.world.clock.advance(2_000)
    all.world.network.meet(all.two.keys.self)
    await until(() => all.news.length === 2)
  })

  it('is given up when it expires, and its sender is told', async () => {
    await using all = await neighbours()
    await all.world.network.unplug(all.two.keys.self)
    const nowMs = all.world.clock.now()
    const sealed = await all.seal({ expiryMs: nowMs + 2 * hourMs })
    await all.give(sealed)
    await until(() => failuresOf(all) === 1)
    all.world.clock.advance(2 * hourMs + 10 * minuteMs)
    await until(() => all.news.length === 1)
    assert.deepEqual(all.news[0]!.state, { type: 'expired' })
    await until(() => all.one.pod.usage().queued === 0)
  })

  it('of an account that is suspended meanwhile is passed on no more, and its sender is told', async () => {
    await using all = await neighbours()
    await all.world.network.unplug(all.two.keys.self)
    const sealed = await all.seal()
    await all.give(sealed)
    await until(() => failuresOf(all) === 1)
    await all.one.pod.office.suspend(olga, 'alice', { reason: 'spam' })
    all.world.network.plug(all.two.keys.self)
    all.world.clock.advance(6 * hourMs)
    await until(() => all.news.length === 1)
    assert.deepEqual(all.news[0]!.state, { type: 'refused', code: 'ACCOUNT_SUSPENDED' })
    assert.equal(all.box.all.length, 0)
    assert.equal(all.one.pod.usage().queued, 0)
  })

  it('of an account that is removed is dropped, also one that another process takes up late', async () => {
    await using all = await neighbours()
    await all.world.network.unplug(all.two.keys.self)
    await all.give(await all.seal())
    await until(() => failuresOf(all) === 1)
    const { state, pod } = all.one
    const [{ key, value }] = (await state.list(tables.queue)) as [
      { key: string; value: Uint8Array }
    ]
    await pod.office.remove(olga, 'alice', { reason: 'fraud' })
    assert.equal(pod.usage().queued, 0)
    assert.deepEqual(await state.list(tables.queue), [])
    await state.write([{ type: 'put', table: tables.queue, key, value }])
    await pod.sweep()
    assert.deepEqual(await state.list(tables.queue), [])
  })

  it('survives the end of the process, also one that was never told', async () => {
    await using all = await neighbours()
    await all.world.network.unplug(all.two.keys.self)
    const sealed = await all.seal()
    await all.give(sealed)
    await tryAgain(all)
    await tryAgain(all)
    await all.one.restart()
    await all.enter()
    assert.equal(all.one.pod.usage().queued, 1)
    await until(() => failuresOf(all) >= 2)
    all.world.network.plug(all.two.keys.self)
    all.world.clock.advance(6 * hourMs)
    await until(() => all.news.length === 1)
    assertReceipt(all, sealed, await all.stateOf(sealed))
    await all.one.restart()
    await all.enter()
    assertReceipt(all, sealed, await all.stateOf(sealed))
  })

  it('is not lost wherever the machine of the pod dies', async () => {
    let deaths = 0
    for (let writes = 0; writes < 5; writes++) {
      const disk = dyingState()
      await using all = await neighbours({ state: disk.state })
      const sealed = await all.seal()
      let isDead = false
      void disk.killed.then(() => {
        isDead = true
      })
      disk.killAfter(writes, () => void all.world.network.unplug(all.one.keys.self))
      const given = all.give(sealed).then(
        () => true,
        () => false
      )
      const isTold = until(() => isDead || all.news.length === 1).then(() => 'told')
      const ended = await Promise.race([disk.killed.then(() => 'killed'), isTold])
      disk.killAfter(Number.POSITIVE_INFINITY, () => undefined)
      if (ended === 'killed') await all.one.revive()
      else await all.one.restart()
      await all.enter()
      // Who was told nothing, or that it is not there, gives it again.
      const isKnown = (await all.stateOf(sealed)).type !== 'unknown'
      if (!isKnown) assert.equal(await given, false, `write ${writes}`)
      if (!isKnown) await all.give(sealed)
      await until(async () => (await all.stateOf(sealed)).type === 'accepted')
      assertReceipt(all, sealed, await all.stateOf(sealed))
      assert.deepEqual(all.box.keys(), [toHex(sealed.notice.key)], `write ${writes}`)
      deaths += ended === 'killed' ? 1 : 0
    }
    assert(deaths >= 2)
  })

  it('is passed on by another process of the pod when the one that took it is gone', async () => {
    await using all = await neighbours()
    const { one, world } = all
    const other = await world.host({ beside: one, state: one.state, federation: 'open' })
    await world.network.unplug(all.two.keys.self)
    const sealed = await all.seal()
    await all.give(sealed)
    await until(() => failuresOf(all) === 1)
    await world.network.unplug(one.keys.self)
    world.network.plug(all.two.keys.self)
    assert.equal(other.pod.usage().queued, 0)
    world.clock.advance(20 * minuteMs)
    await other.pod.sweep()
    const link = await all.alice.enter(other)
    const asked = async () => (await link.queue.states([sha256(sealed.sealed)]))[0]!
    await until(async () => (await asked()).type === 'accepted')
    assertReceipt(all, sealed, await asked())
    // The first one comes back with what it remembers, and sends nothing twice.
    world.network.plug(one.keys.self)
    world.clock.advance(6 * hourMs)
    await until(() => one.pod.usage().queued === 0)
    assert.equal(all.two.pod.usage().notices, 1)
  })

  it('is refused when the disk is full, and what waits is not lost by it', async () => {
    const { state, disk } = fillingState()
    await using all = await neighbours({ state })
    await all.world.network.unplug(all.two.keys.self)
    const first = await all.seal()
    await all.give(first)
    await until(() => failuresOf(all) === 1)
    disk.isFull = true
    await assert.rejects(async () => all.give(await all.seal()), { code: 'DISK_FULL' })
    assert.equal(all.one.pod.usage().queued, 1)
    // The other pod is back: it takes the notice, and the word of it has no room.
    all.world.network.plug(all.two.keys.self)
    all.world.clock.advance(2 * minuteMs)
    await until(() => failuresOf(all) === 2)
    assert.equal((await all.stateOf(first)).type, 'queued')
    disk.isFull = false
    all.world.clock.advance(5 * minuteMs)
    await until(() => all.news.length === 1)
    assertReceipt(all, first, await all.stateOf(first))
    assert.equal(all.two.pod.usage().notices, 1, 'given twice, it is one')
  })

  it('is one, however often it is given', async () => {
    await using all = await neighbours()
    await all.world.network.unplug(all.two.keys.self)
    const sealed = await all.seal()
    await Promise.all([all.give(sealed), all.give(sealed)])
    await all.give(sealed)
    assert.equal(all.one.pod.usage().queued, 1)
  })

  it('keeps bounds: of an account, for a pod, in all', async () => {
    for (const limits of [{ queuePerAccountMax: 3 }, { queuePerPodMax: 3 }, { queueMax: 3 }]) {
      await using all = await neighbours({ limits })
      await all.world.network.unplug(all.two.keys.self)
      for (let i = 0; i < 3; i++) await all.give(await all.seal())
      await assert.rejects(async () => all.give(await all.seal()), { code: 'LIMIT_EXCEEDED' })
      assert.equal(all.one.pod.usage().queued, 3)
    }
  })

  it('forgets the oldest receipts that nobody took', async () => {
    await using all = await neighbours({ limits: { queueDonePerAccountMax: 2 } })
    const given: Sealed[] = []
    for (let i = 0; i < 3; i++) {
      given.push(await all.seal())
      await all.give(given[i]!)
      await until(() => all.news.length === i + 1)
    }
    const states = await Promise.all(given.map(sealed => all.stateOf(sealed)))
    assert.deepEqual(
      states.map(({ type }) => type),
      ['unknown', 'accepted', 'accepted']
    )
  })

  it('is taken of people of the pod alone, who say who they are, within its life', async () => {
    await using all = await neighbours()
    const sealed = await all.seal()
    const { expiryMs } = sealed.notice
    const request = { notice: sealed.sealed, hostname: 'two.test', pin: null, expiryMs }
    const anybody = await all.bob.open(all.one)
    await assert.rejects(anybody.queue.give(request), { code: 'IDENTIFY_FIRST' })
    const guest = await all.bob.enter(all.one)
    await assert.rejects(guest.queue.give(request), { code: 'ALIAS_MISSING' })
    await assert.rejects(all.give(sealed, 'three.test'), { code: 'POD_UNKNOWN' })
    await assert.rejects(all.give(sealed, 'one.test'), { code: 'POD_UNKNOWN' })
    const late = { ...sealed.notice, expiryMs: all.world.clock.now() }
    await assert.rejects(all.give({ ...sealed, notice: late }), { code: 'BLOB_EXPIRED' })
    const far = { ...sealed.notice, expiryMs: expiryMs + 100 * dayMs }
    await assert.rejects(all.give({ ...sealed, notice: far }), { code: 'BLOB_EXPIRED' })
  })

  it('for pods that nobody met is taken so often, since each is looked for', async () => {
    const few = { burst: 2, everyMs: hourMs }
    await using all = await neighbours({ limits: { lookupsPerAccount: few } })
    const sealed = await all.seal()
    for (const hostname of ['three.test', 'four.test'])
      await assert.rejects(all.give(sealed, hostname), { code: 'POD_UNKNOWN' })
    await assert.rejects(all.give(sealed, 'five.test'), { code: 'LIMIT_EXCEEDED' })
  })

  it('tells what becomes of it to nobody but its sender', async () => {
    await using all = await neighbours()
    const carol = await all.world.device(all.bob.person)
    const link = await carol.enter(all.one)
    await link.register('bob', carol.person.certificate)
    const sealed = await all.seal()
    await all.give(sealed)
    await until(() => all.news.length === 1)
    assert.deepEqual(await link.queue.states([sha256(sealed.sealed)]), [{ type: 'unknown' }])
    await link.queue.done([sha256(sealed.sealed)])
    assertReceipt(all, sealed, await all.stateOf(sealed))
  })
})
