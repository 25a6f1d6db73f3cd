import assert from 'node:assert/strict'
import { makeMove } from '../../src/keys/move.ts'
import type { Person } from '../../src/keys/person.ts'
import { revoke } from '../../src/keys/revoke.ts'
import {
  formerNames,
  markPlaces,
  namesNow,
  openHostnames,
  renamed,
  wantNames
} from '../../src/pod/renaming.ts'
import { quiet } from '../support/client-world.ts'
import { olga } from '../support/federation-world.ts'
import type { PodHost, PodWorld, TestDevice } from '../support/pod-world.ts'
import { makeBox, noticeFor, personNamed, podWorld, sealNotice } from '../support/pod-world.ts'
import { renamedHost } from '../support/renamed-pod.ts'

const [old, now] = ['one.test', 'two.test']

describe('a pod that has another name', () => {
  let world: PodWorld
  let before: PodHost
  let alice: Person
  let device: TestDevice
  beforeEach(async () => {
    world = podWorld()
    before = await world.host({ hostname: old })
    alice = await personNamed('alice')
    device = await world.device(alice)
    await (await device.enter(before)).register('alice', alice.certificate)
  })
  afterEach(() => world[Symbol.asyncDispose]())

  const under = (host: PodHost, hostname: string): PodHost => ({ ...host, hostname })
  const stranger = async (host: PodHost) =>
    (await world.device(await personNamed('bob'))).open(host)
  const rename = () => renamedHost(world, before, { hostname: now })

  it('answers under both, for each alias as its person has it', async () => {
    const { intro } = await (await stranger(before)).lookup('alice')
    const host = await rename()
    assert.deepEqual([host.pod.hostname, host.pod.former], [now, [old]])
    const byOld = await stranger(under(host, old))
    const byNew = await stranger(host)
    assert.deepEqual([byOld.pod.now, byNew.pod.now], [now, now])
    assert.equal((await byOld.lookup('alice')).alias, `alice@${old}`)
    await assert.rejects(byNew.lookup('alice'), { code: 'ALIAS_UNKNOWN' })
    await assert.rejects(stranger(under(host, 'three.test')), { code: 'POD_CHANGED' })

    // A client that knows the former name alone is let in, and nobody else gets the name meanwhile.
    const link = await device.enter(under(host, old))
    const bob = await personNamed('bob', ['bob', 'alice'])
    const his = await (await world.device(bob)).enter(host)
    await assert.rejects(his.register('alice', bob.certificate), { code: 'ALIAS_TAKEN' })
    await assert.rejects((await device.enter(host)).move(await said()), { code: 'ALIAS_UNKNOWN' })

    const here = await device.enter(host)
    const { certificate } = await here.register('alice', alice.certificate)
    for (const at of [byOld, byNew])
      assert.equal((await at.lookup('alice')).certificate.pin, certificate.pin)
    const word = await said({ from: `alice@${old}`, to: `alice@${now}` })
    assert.deepEqual(await link.move(word), await link.move(word))
    await assert.rejects(byOld.lookup('alice'), { code: 'ALIAS_MOVED' })
    assert.deepEqual((await byOld.moved('alice'))?.move, word)
    assert.equal(await byNew.moved('alice'), null)
    assert.equal((await byNew.lookup('alice')).alias, `alice@${now}`)
    assert.equal(host.pod.usage().aliases, 1)

    const box = makeBox()
    await here.listen(box.take, 0)
    await byOld.submit(await sealNotice(host.hpkeKey, noticeFor(intro, world.clock.now())))
    await box.has(1)
  })

  let sequence = 0
  const said = (more: { from?: string; to?: string } = {}) =>
    makeMove(alice, {
      ...{ from: `alice@${now}`, to: 'alice@elsewhere.test', sequence: ++sequence },
      ...{ nowMs: world.clock.now(), ...more },
      pod: { fingerprint: 'ab'.repeat(20), peer: before.keys.self, addresses: [] }
    })

  it('lets people leave for another pod from the former name', async () => {
    const host = await rename()
    const link = await device.enter(under(host, old))
    const word = await said({ from: `alice@${old}` })
    await link.move(word)
    const asks = await stranger(under(host, old))
    await assert.rejects(asks.lookup('alice'), { code: 'ALIAS_MOVED' })
    assert.deepEqual((await asks.moved('alice'))?.move, word)
    assert.equal(host.pod.usage().aliases, 0)
  })

  it('still says where those went who had left before, of now and of the names it gets after', async () => {
    const word = await said({ from: `alice@${old}` })
    await (await device.enter(before)).move(word)
    const host = await rename()
    const [byOld, byNew] = [await stranger(under(host, old)), await stranger(host)]
    assert.deepEqual((await byOld.moved('alice'))?.move, word)
    await assert.rejects(byOld.lookup('alice'), { code: 'ALIAS_MOVED' })
    assert.equal(await byNew.moved('alice'), null)
    await assert.rejects(byNew.lookup('alice'), { code: 'ALIAS_UNKNOWN' })
    await byOld.revoke('alice', await revoke(alice, 'compromised', world.clock.now()))
    assert.equal((await byOld.moved('alice'))?.certificate.revoked, true)
    await assert.rejects(device.enter(host), { code: 'IDENTIFY_REFUSED' })
  })

  it('says who has not gone along, and when the former name may go', async () => {
    const host = await rename()
    const names = { hostname: now, former: [old] }
    const standing = () => formerNames(host.state, names, world.clock.now())
    assert.deepEqual(await standing(), [{ hostname: old, aliases: 1, untilMs: null }])
    const link = await device.enter(host)
    await link.register('alice', alice.certificate)
    await (await device.enter(under(host, old))).move(
      await said({ from: `alice@${old}`, to: `alice@${now}` })
    )
    const untilMs = world.clock.now() + 108 * 24 * 3_600_000
    assert.deepEqual(await standing(), [{ hostname: old, aliases: 0, untilMs }])
  })

  it('is the same as before where the rename was ended in the middle, and finishes it on the next run', async () => {
    const { state } = before
    await assert.rejects(
      markPlaces(state, await namesNow(state), { signal: AbortSignal.abort() }),
      { code: 'CANCELLED' }
    )
    assert.equal((await openHostnames(state, old)).hostname, old)
    // Begun, and muttr.json does not say it yet.
    await wantNames(state, { hostname: now, former: [old] })
    assert.deepEqual((await openHostnames(state, old)).former, [])
    assert.equal((await (await stranger(before)).lookup('alice')).alias, `alice@${old}`)
    // It does now, and nobody marked the aliases.
    const host = await world.host({ hostname: now, beside: before, state: before.state })
    const asks = await stranger(under(host, old))
    assert.equal((await asks.lookup('alice')).alias, `alice@${old}`)
  })

  it('does not begin under a name that nobody gave it', async () => {
    await assert.rejects(world.host({ hostname: now, beside: before, state: before.state }), {
      code: 'CONFIG_INVALID'
    })
    await rename()
    await assert.rejects(world.host({ hostname: old, beside: before, state: before.state }), {
      code: 'CONFIG_INVALID'
    })
  })

  it('ends a process that goes on under the former name once another has begun under the new one', async () => {
    const { state } = before
    const warned = Promise.withResolvers<object | undefined>()
    const log = {
      ...quiet,
      warn: (what: string, about?: object) =>
        what === 'pod.renamed' ? warned.resolve(about) : undefined
    }
    const onRenamed = Promise.withResolvers<void>()
    const late = await world.host({
      ...{ hostname: old, beside: before, state, log },
      onRenamed: () => onRenamed.resolve()
    })
    const link = await device.enter(late)
    const host = await rename()
    assert.deepEqual(await warned.promise, { from: old, to: now })
    await onRenamed.promise
    await assert.rejects(link.register('alice', alice.certificate), { code: 'POD_UNREACHABLE' })
    await assert.rejects(device.open(late), { code: 'POD_UNREACHABLE' })
    // Nor does it sign its own name back.
    await assert.rejects(late.pod.office.leave(olga), { code: 'CONFIG_INVALID' })
    assert.deepEqual((await namesNow(state)).hostname, now)
    await device.enter(host)
  })

  it('keeps what is wanted when a process under the former name signs meanwhile', async () => {
    const { state } = before
    await markPlaces(state, await namesNow(state))
    await wantNames(state, renamed(await namesNow(state), now))
    await world.host({ hostname: old, beside: before, state })
    const host = await world.host({ hostname: now, beside: before, state })
    assert.deepEqual([host.pod.hostname, host.pod.former], [now, [old]])
  })

  it('goes back, and has four former names at most', () => {
    const first = renamed({ hostname: 'a.test', former: [] }, 'b.test')
    assert.deepEqual(renamed(first, 'a.test'), { hostname: 'a.test', former: ['b.test'] })
    assert.deepEqual(renamed(first, 'B.test'), first)
    const names = { hostname: 'e.test', former: ['d.test', 'c.test', 'b.test', 'a.test'] }
    assert.throws(() => renamed(names, 'f.test'), { code: 'LIMIT_EXCEEDED' })
    assert.throws(() => renamed(names, 'no name'), { code: 'ALIAS_INVALID' })
  })
})
