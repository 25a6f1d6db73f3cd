import assert from 'node:assert/strict'
import { renamedSince } from '../../src/pod/renamed-since.ts'
import { markPlaces, namesNow, openHostnames, renamed, wantNames } from '../../src/pod/renaming.ts'
import type { State } from '../../src/store/state.ts'
import { peerOfKey } from '../../src/wire/contact.ts'
import { makeRecord } from '../../src/wire/record.ts'
import { encodeWhereabouts, whereaboutsKind } from '../../src/wire/records/whereabouts.ts'
import { fakeDht } from '../support/fake-dht.ts'
import type { PodHost, PodWorld } from '../support/pod-world.ts'
import { podWorld } from '../support/pod-world.ts'
import { ed25519Author } from '../support/record-authors.ts'

const [old, now, last] = ['one.test', 'two.test', 'three.test']
const dayMs = 24 * 3_600_000

describe('a copy of a pod from before it was renamed', () => {
  let world: PodWorld
  let host: PodHost
  let state: State
  const { author, sign } = ed25519Author(1)
  const self = peerOfKey(author.bytes)
  beforeEach(async () => {
    world = podWorld()
    host = await world.host({ hostname: old })
    state = host.state
  })
  afterEach(() => world[Symbol.asyncDispose]())

  const fingerprint = () => host.pod.certificate.fingerprint
  /** What the network says of the pod, in the pod's own word. */
  async function ask(
    said: { hostname: string; sequence: number; fingerprint?: string } | undefined
  ): Promise<string | null> {
    const dht = fakeDht(world.clock)
    if (said) {
      const body = encodeWhereabouts(self, {
        ...{ addresses: ['/ip4/127.0.0.1/tcp/1'], hpkeKey: new Uint8Array(32) },
        ...{ fingerprint: fingerprint(), ...said }
      })!
      const { sequence } = said
      const { frame } = await makeRecord({ kind: whereaboutsKind, author, sequence, body }, sign)
      await dht.putRecord(frame, { signal: new AbortController().signal })
    }
    const names = await namesNow(state)
    const parts = { state, dht, self, fingerprint: fingerprint(), names }
    return await renamedSince(parts, new AbortController().signal)
  }
  async function rename(to: string): Promise<void> {
    await markPlaces(state, await namesNow(state))
    await wantNames(state, renamed(await namesNow(state), to))
    host = await world.host({ hostname: to, beside: host, state })
  }

  it('is told by what the pod itself said later, and begins under the former name no more', async () => {
    const sequence = world.clock.now()
    assert.equal(await ask(undefined), null)
    assert.equal(await ask({ hostname: old, sequence }), null)
    assert.equal(await ask({ hostname: now, sequence, fingerprint: 'ab'.repeat(20) }), null)
    assert.equal((await openHostnames(state, old)).hostname, old)
    assert.equal(await ask({ hostname: now, sequence }), now)
    const refused = { code: 'CONFIG_INVALID', hint: /muttr pod rename --to two\.test/ }
    await assert.rejects(openHostnames(state, old), refused)
    await assert.rejects(world.host({ hostname: old, beside: host, state }), refused)
    await rename(now)
    assert.equal(await ask({ hostname: now, sequence }), null)
    assert.deepEqual((await namesNow(state)).former, [old])
  })

  it('has its former name all the same where its operator says so', async () => {
    const sequence = world.clock.now()
    await ask({ hostname: now, sequence })
    world.clock.advance(1)
    await rename(old)
    assert.equal((await namesNow(state)).hostname, old)
    assert.equal(await ask({ hostname: now, sequence }), null)
    assert.equal((await openHostnames(state, old)).hostname, old)
  })

  it('has the name that its operator says after that, also where what was said is of a clock that went ahead', async () => {
    const sequence = world.clock.now() + 40 * dayMs
    await rename(now)
    assert.equal(await ask({ hostname: old, sequence }), old)
    await assert.rejects(openHostnames(state, now), { code: 'CONFIG_INVALID' })
    await rename(now)
    assert.equal(await ask({ hostname: old, sequence }), null)
    assert.equal((await openHostnames(state, now)).hostname, now)
    assert.equal(await ask({ hostname: last, sequence: sequence + 1 }), last)
  })

  it('is not seen in what was said before a rename, nor by a process that heard of it late', async () => {
    world.clock.advance(dayMs)
    await rename(now)
    const renamedMs = world.clock.now()
    assert.equal(await ask({ hostname: old, sequence: renamedMs - 1 }), null)
    assert.equal(await ask({ hostname: old, sequence: renamedMs + dayMs / 2 }), null)
    assert.equal(await ask({ hostname: last, sequence: renamedMs - 1 }), null)
    // Renamed back since.
    assert.equal(await ask({ hostname: old, sequence: renamedMs + 2 * dayMs }), old)
  })

  it('gets the names that it had in between from its operator', async () => {
    await ask({ hostname: last, sequence: world.clock.now() })
    const names = renamed(await namesNow(state), last, [now, last])
    assert.deepEqual(names, { hostname: last, former: [now, old] })
    assert.throws(() => renamed(names, 'x.test', ['a.test', 'b.test']), { code: 'LIMIT_EXCEEDED' })
  })
})
