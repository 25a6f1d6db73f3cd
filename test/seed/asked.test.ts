import assert from 'node:assert/strict'
import { Table } from '../../src/routing/table.ts'
import { Asked } from '../../src/seed/asked.ts'
import { Peers } from '../../src/seed/peers.ts'
import type { Reach } from '../../src/seed/reach.ts'
import { simPlaceOf } from '../../src/sim/keys.ts'
import { silentLog } from '../../src/sim/network.ts'
import { simNetwork, simSeeds } from '../support/sim-seeds.ts'

/** A seed whose requests wait until they are settled by hand. */
function withHeldRequests() {
  const sim = simNetwork()
  const [node, peer] = [sim.add(), sim.add()]
  const { clock, random } = sim
  const table = new Table({ place: simPlaceOf(node.self), placeOf: simPlaceOf, nowMs: clock.now() })
  const requests: { method: string; fail(): void }[] = []
  const reach: Reach = {
    ask(_to, method) {
      const { promise, reject } = Promise.withResolvers<never>()
      requests.push({ method, fail: () => reject(new Error('held')) })
      return promise
    },
    cost: () => 2,
    [Symbol.dispose]() {}
  }
  const asked = new Asked()
  const own = { network: node, clock, random, log: silentLog, keys: node.keys }
  const peers = new Peers({ ...own, table, reach, asked, onChange() {} })
  return { sim, node, peer, peers, asked, requests }
}

describe('a peer that others name', () => {
  it('is pinged once, however many name it before it has answered', async () => {
    const { sim, peer, peers, asked, requests } = withHeldRequests()
    using _ = peers
    for (let times = 0; times < 3; times++) peers.hear([peer.contact()])
    const idle = peers.idle()
    assert.deepEqual(
      requests.map(({ method }) => method),
      ['ping']
    )
    requests[0]!.fail()
    await sim.run(idle)
    assert.equal(requests.length, 1)
    assert.deepEqual(asked.status().pings, { candidate: 1 })
    assert.deepEqual(asked.status().unanswered, { candidate: 1 })
  })

  it('is pinged again when it connects by itself while nobody answers where it was said to be', async () => {
    const { sim, node, peer, peers, requests } = withHeldRequests()
    using _ = peers
    peers.hear([peer.contact()])
    await sim.run(peer.dial(node.address, { timeoutMs: 1_000 }))
    assert.equal(requests.length, 1)
    const idle = peers.idle()
    requests[0]!.fail()
    await sim.pass(1)
    assert.equal(requests.length, 2)
    requests[1]!.fail()
    await sim.run(idle)
  })
})

describe('a neighbour', () => {
  it('whose connection is closed because there are too many is not asked for a sign of life, one that is gone is', async () => {
    const { sim, seeds } = await simSeeds(40, { connectionsMax: 12, seed: 5, noticeMs: 60_000 })
    let closed = 0
    for (const { node } of seeds)
      node.onPeer(({ type }) => {
        if (type === 'disconnected') closed += 1
      })
    await sim.pass(9 * 60_000)
    assert(closed > 0)
    const cutOff = () =>
      seeds.reduce((sum, { seed }) => sum + (seed.asked().pings['cut-off'] ?? 0), 0)
    assert.equal(cutOff(), 0)
    seeds[3]!.node.kill()
    await sim.pass(2 * 60_000)
    assert(cutOff() > 0)
  })
})

describe('what a seed asked of others', () => {
  it('is told by reason and by method', async () => {
    const { sim, seeds } = await simSeeds(10, { connectionsMax: 4, seed: 5 })
    seeds[3]!.node.kill()
    await sim.pass(13 * 60_000)
    const all = seeds.filter(s => s !== seeds[3]).map(({ seed }) => seed.asked())
    const sum = (kind: 'pings' | 'unanswered', reason: 'silent' | 'lost' | 'candidate') =>
      all.reduce((count, status) => count + (status[kind][reason] ?? 0), 0)
    assert(all.slice(1).every(({ lookups }) => lookups.join! > 0))
    assert(sum('pings', 'candidate') > 0)
    assert(sum('pings', 'silent') > sum('unanswered', 'silent'))
    assert(sum('pings', 'lost') > 0)
    assert.equal(sum('unanswered', 'lost'), sum('pings', 'lost'))
    const forwards = all.flatMap(({ forwards }) => Object.values(forwards))
    assert(forwards.length > 0)
  })
})
