import assert from 'node:assert/strict'
import { VirtualNetwork } from '../../src/sim/network.ts'
import { World } from '../../src/sim/world.ts'
import { timeDials } from '../../src/worlds/real/dials.ts'

describe('the time that dials take', () => {
  const setUp = () => {
    const net = new VirtualNetwork(new World({ seed: 1 }), {
      latency: { type: 'constant', ms: 10 },
      dialMs: { type: 'constant', value: 900 }
    })
    const [node, peer] = [net.add(), net.add()]
    peer.serve('echo', async payload => payload)
    const timed = timeDials(node, net.clock)
    const ask = (timeoutMs: number) =>
      timed.network.request(peer.contact(), 'echo', new Uint8Array(), { timeoutMs })
    return { net, node, peer, ask, dialMs: timed.dialMs }
  }
  const dialledMs = 900 + 3 * 20 + 10

  it('is from the request to the connection, once for each', async () => {
    const { net, node, peer, ask, dialMs } = setUp()
    await net.run(Promise.all([ask(3_000), ask(3_000)]))
    await net.run(ask(3_000))
    assert.deepEqual(dialMs, [dialledMs])
    node.drop(peer)
    await net.run(ask(3_000))
    assert.deepEqual(dialMs, [dialledMs, dialledMs])
  })

  it('counts where the request was given up before, and not what came to us', async () => {
    const { net, node, peer, ask, dialMs } = setUp()
    await assert.rejects(net.run(ask(100)), { code: 'PEER_TIMEOUT' })
    await net.pass(1_000)
    assert.deepEqual(dialMs, [dialledMs])
    node.drop(peer)
    await net.run(peer.dial(node.address, { timeoutMs: 3_000 }))
    assert.equal(dialMs.length, 1)
  })
})
