import assert from 'node:assert/strict'
import type { PodLink } from '../../src/client/pod-link.ts'
import { makeMove } from '../../src/keys/move.ts'
import type { Person } from '../../src/keys/person.ts'
import { hostnamesOf } from '../../src/pod/hostnames.ts'
import { tables } from '../../src/pod/rows.ts'
import type { Change, State } from '../../src/store/state.ts'
import type { PodHost, PodWorld, TestDevice } from '../support/pod-world.ts'
import { personNamed, podWorld } from '../support/pod-world.ts'
import { renamedHost } from '../support/renamed-pod.ts'

const [old, now] = ['one.test', 'two.test']

/** Over the same state, but the next write that is meant waits until it is let through. */
function held(state: State, isMeant: (change: Change) => boolean) {
  const [reached, gate] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
  let isOver = false
  const write: State['write'] = async changes => {
    if (!isOver && changes.some(isMeant)) {
      isOver = true
      reached.resolve()
      await gate.promise
    }
    return await state.write(changes)
  }
  const through = new Proxy(state, {
    get(target, key) {
      if (key === 'write') return write
      const value = Reflect.get(target, key)
      return typeof value === 'function' ? value.bind(target) : value
    }
  })
  return { state: through, reached: reached.promise, go: () => gate.resolve() }
}

describe('people who follow a pod to another name', () => {
  let world: PodWorld
  let before: PodHost
  let host: PodHost
  let alice: Person
  let devices: TestDevice[]
  let word: Uint8Array
  beforeEach(async () => {
    world = podWorld()
    before = await world.host({ hostname: old })
    alice = await personNamed('alice')
    devices = [await world.device(alice), await world.device(alice)]
    await (await devices[0]!.enter(before)).register('alice', alice.certificate)
    host = await renamedHost(world, before, { hostname: now })
    const { fingerprint } = host.person.certificate
    word = await makeMove(alice, {
      ...{ from: `alice@${old}`, to: `alice@${now}`, sequence: 1, nowMs: world.clock.now() },
      pod: { fingerprint, peer: host.keys.self, addresses: [] }
    })
  })
  afterEach(() => world[Symbol.asyncDispose]())

  const under = (at: PodHost, hostname: string): PodHost => ({ ...at, hostname })
  const places = () => hostnamesOf(host.state, { hostname: now, former: [old] }).of('alice')
  const register = (link: PodLink) => link.register('alice', alice.certificate)
  /** Another process of the pod, whose next write of that kind waits. */
  async function beside(isMeant: (change: Change) => boolean) {
    const waits = held(host.state, isMeant)
    return { ...waits, host: await world.host({ hostname: now, beside: host, state: waits.state }) }
  }
  const asks = async () => (await world.device(await personNamed('bob'))).open(under(host, old))

  it('may do so by two devices at two processes at once: the former name is left for good', async () => {
    const other = await beside(change => 'table' in change && change.table === tables.aliases)
    const [one, two] = [await devices[0]!.enter(host), await devices[1]!.enter(other.host)]
    await register(one)
    const late = register(two)
    await other.reached
    await (await devices[0]!.enter(under(host, old))).move(word)
    other.go()
    await late
    assert.deepEqual(await places(), [now])
    const stranger = await asks()
    await assert.rejects(stranger.lookup('alice'), { code: 'ALIAS_MOVED' })
    assert.deepEqual((await stranger.moved('alice'))?.move, word)
  })

  it('leaves it also where the registration overtakes the move', async () => {
    await register(await devices[0]!.enter(host))
    const other = await beside(change => 'table' in change && change.table === tables.moves)
    const moving = (await devices[0]!.enter(under(other.host, old))).move(word)
    await other.reached
    await register(await devices[1]!.enter(host))
    other.go()
    await moving
    assert.deepEqual(await places(), [now])
    await assert.rejects((await asks()).lookup('alice'), { code: 'ALIAS_MOVED' })
  })

  for (const [how, mended] of [
    ['by the next sweep', () => host.pod.sweep()],
    [
      'by the same move again',
      async () => void (await (await devices[1]!.enter(under(host, old))).move(word))
    ]
  ] as const)
    it(`is mended ${how} where the former name was put back`, async () => {
      await register(await devices[0]!.enter(host))
      const link = await devices[0]!.enter(under(host, old))
      const signature = await link.move(word)
      const { put } = hostnamesOf(host.state, { hostname: now, former: [old] })
      await host.state.write([put('alice', [old, now])])
      assert.equal((await (await asks()).lookup('alice')).alias, `alice@${old}`)
      await mended()
      assert.deepEqual(await places(), [now])
      await assert.rejects((await asks()).lookup('alice'), { code: 'ALIAS_MOVED' })
      assert.equal(host.pod.usage().aliases, 1)
      assert.deepEqual(await link.move(word), signature)
    })

  it('may let the former alias go, and the one of now with all', async () => {
    const link = await devices[0]!.enter(host)
    await register(link)
    const former = await devices[1]!.enter(under(host, old))
    await former.unregister(`alice@${old}`)
    assert.deepEqual(await places(), [now])
    await assert.rejects(former.unregister(`alice@${old}`), { code: 'ALIAS_UNKNOWN' })
    await link.unregister(`alice@${now}`)
    assert.equal(host.pod.usage().aliases, 0)
    await assert.rejects(link.unregister(`alice@${now}`), { code: 'ALIAS_UNKNOWN' })
  })
})
