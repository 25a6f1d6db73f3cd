import assert from 'node:assert/strict'
import { limits } from '../../src/base/limits.ts'
import { Asked } from '../../src/seed/asked.ts'
import { createReach } from '../../src/seed/reach.ts'
import { simPlaceOf } from '../../src/sim/keys.ts'
import type { VirtualNetwork } from '../../src/sim/network.ts'
import type { VirtualNode } from '../../src/sim/node.ts'
import {
  decodeForwarded,
  encodeForward,
  encodeForwarded,
  encodeGet,
  encodePing
} from '../../src/wire/dht.ts'
import type { SimSeed } from '../support/sim-seeds.ts'
import { addSeed, simBlob, simNetwork, simSeeds } from '../support/sim-seeds.ts'

const timeoutMs = 4_000
const ping = encodePing(null)
const read = (answer: Uint8Array) => answer

/** Three seeds: the first connected to the second, the second to the third, and each aware of it. */
async function chain() {
  const sim = simNetwork({ latency: { type: 'pairwise', ms: 10 } })
  const [asker, middle, holder] = [addSeed(sim), addSeed(sim), addSeed(sim)]
  const greet = (a: SimSeed, b: SimSeed) =>
    sim.run(a.node.request(b.node.contact(), 'ping', ping, { timeoutMs }))
  await greet(middle, holder)
  await greet(asker, middle)
  await sim.pass(61_000)
  const forward = (from: VirtualNode, to: VirtualNode, method: 'ping' | 'get', payload = ping) => {
    const frame = encodeForward({ to: to.self, method, payload })
    return sim.run(from.request(middle.node.contact(), 'forward', frame, { timeoutMs }))
  }
  return { sim, asker, middle, holder, forward }
}

describe('a seed that forwards', () => {
  it('passes a request on over a connection it has, and the answer back', async () => {
    const { asker, holder, forward } = await chain()
    const answer = decodeForwarded(await forward(asker.node, holder.node, 'ping'))
    assert.equal(answer[0], 0)
  })

  it('dials nobody, and forwards to neither end nor itself', async () => {
    const { sim, asker, middle, holder, forward } = await chain()
    const unreachable = { code: 'PEER_UNREACHABLE' }
    const stranger = addSeed(sim)
    const dials = sim.totals.dials
    for (const to of [stranger, asker, middle])
      await assert.rejects(forward(asker.node, to.node, 'ping'), unreachable)
    assert.equal(sim.totals.dials, dials)
    middle.node.drop(holder.node)
    await assert.rejects(forward(asker.node, holder.node, 'ping'), unreachable)
  })

  it('gives the refusal of the peer meant as its answer', async () => {
    const { asker, holder, forward } = await chain()
    const answer = await forward(asker.node, holder.node, 'get', new Uint8Array(3))
    assert.deepEqual(decodeForwarded(answer), [1, 'WIRE_MALFORMED'])
  })

  it('does so much for one peer at a time, and for others still', async () => {
    const { sim, asker, middle, holder } = await chain()
    holder.node.serve('ping', () => new Promise(() => {}))
    const frame = encodeForward({ to: holder.node.self, method: 'ping', payload: ping })
    const ask = (from: VirtualNode) =>
      from.request(middle.node.contact(), 'forward', frame, { timeoutMs: 300 })
    const mine = Array.from({ length: limits.forwardsPerPeerMax + 5 }, () => ask(asker.node))
    const outcome = (p: Promise<unknown>) =>
      p.then(
        () => 'answered',
        err => err.code as string
      )
    const codes = await sim.run(Promise.all([...mine.map(outcome), outcome(ask(sim.add()))]))
    assert.equal(codes.filter(code => code === 'LIMIT_EXCEEDED').length, 5)
    assert.equal(codes.at(-1), 'PEER_TIMEOUT')
  })
})

describe('reaching a peer we are not connected to', () => {
  const reachOf = (sim: VirtualNetwork, { node }: SimSeed, mode: 'dial' | 'forward') => {
    const stop = new AbortController()
    return createReach({
      network: node,
      clock: sim.clock,
      mode,
      placeOf: simPlaceOf,
      asked: new Asked(),
      stop: stop.signal
    })
  }

  it('goes through a neighbour that is connected to it, when told to', async () => {
    const { sim, asker, holder } = await chain()
    const { dials } = sim.totals
    const forward = reachOf(sim, asker, 'forward')
    await sim.pass(61_000)
    assert.equal(forward.cost(holder.node.self), 1)
    const through = forward.ask(holder.node.contact(), 'ping', ping, { read, timeoutMs })
    assert.equal((await sim.run(through)).direct, false)
    assert.equal(sim.totals.dials, dials)

    const dial = reachOf(sim, asker, 'dial')
    assert.equal(dial.cost(holder.node.self), 2)
    const straight = dial.ask(holder.node.contact(), 'ping', ping, { read, timeoutMs })
    assert.equal((await sim.run(straight)).direct, true)
    assert.equal(sim.totals.dials, dials + 1)
    assert.equal(dial.cost(holder.node.self), 0)
  })

  it('dials after all when the neighbour fails or invents an answer', async () => {
    const { sim, asker, middle, holder } = await chain()
    const reach = reachOf(sim, asker, 'forward')
    await sim.pass(61_000)
    middle.node.serve('forward', async () => encodeForwarded([0, new Uint8Array([1, 2, 3])]))
    const strict = (answer: Uint8Array) => {
      if (answer.byteLength === 3) throw new Error('invented')
      return answer
    }
    const asking = reach.ask(holder.node.contact(), 'ping', ping, { read: strict, timeoutMs })
    assert.equal((await sim.run(asking)).direct, true)
    assert(asker.node.isConnected(holder.node.self))
  })

  it('through a liar does not put anybody into the table, nor out of it', async () => {
    const { sim, asker, middle, holder } = await chain()
    middle.node.serve('forward', async () => encodeForwarded([1, 'METHOD_UNKNOWN']))
    const { table, dht } = asker.seed
    await sim.run(asker.seed.join([middle.node.contact(), holder.node.contact()]))
    assert(table.has(holder.node.self))
    asker.node.drop(holder.node)
    await sim.pass(61_000)
    const blob = simBlob(sim)
    await sim.run(
      dht.put(blob).then(
        ({ settled }) => settled,
        () => {}
      )
    )
    assert(table.has(holder.node.self))
  })
})

describe('eighty seeds with sixteen connections each', () => {
  const measure = async (reach: 'dial' | 'forward') => {
    const { sim, seeds } = await simSeeds(80, {
      reach,
      connectionsMax: 16,
      warmShare: 0.4,
      seed: 2
    })
    const users = seeds.slice(10, 13)
    const once = async (count: number) => {
      const before = sim.totals.dials
      for (let i = 0; i < count; i++) {
        const blob = simBlob(sim)
        const { settled } = await sim.run(users[i % 3]!.seed.dht.put(blob))
        await sim.run(settled)
        const got = await sim.run(users[(i + 1) % 3]!.seed.dht.get(blob.key))
        assert.deepEqual(got.blob.key, blob.key)
      }
      return sim.totals.dials - before
    }
    await once(15)
    return once(30)
  }

  it('need far fewer dials with forwarding', async () => {
    const [dialled, forwarded] = [await measure('dial'), await measure('forward')]
    assert(forwarded < dialled / 3, `${forwarded} instead of ${dialled}`)
  })

  it('read a blob by its key alone, whichever way', async () => {
    const { sim, seeds } = await simSeeds(30, {
      reach: 'forward',
      connectionsMax: 8,
      warmShare: 0.4
    })
    const blob = simBlob(sim, limits.blobBytesMax)
    await sim.run(seeds[3]!.seed.dht.put(blob))
    const { from, blob: got } = await sim.run(seeds[20]!.seed.dht.get(blob.key))
    assert.deepEqual(got.sealed, blob.sealed)
    assert.notEqual(from, undefined)
    assert.equal(encodeGet(blob.key).byteLength, 35)
  })
})
