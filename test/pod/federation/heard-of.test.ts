import assert from 'node:assert/strict'
import { MuttrError } from '../../../src/base/errors.ts'
import { openPgp } from '../../../src/keys/crypto.ts'
import { PeerPods } from '../../../src/pod/federation/peers.ts'
import { memoryState } from '../../../src/store/memory.ts'
import { quiet } from '../../support/client-world.ts'
import { neighbours, olga } from '../../support/federation-world.ts'

const home = '/ip4/198.41.0.4/tcp/1/p2p/a'
const told = [
  ...['/ip4/192.168.1.9/tcp/22', '/ip4/127.0.0.1/tcp/631', '/ip6/fd00::1/tcp/80'],
  ...['/dns/router/tcp/80', '/ip6/2001::3f57:fef6/tcp/80', '/ip6/64:ff9b::c0a8:109/tcp/80'],
  ...['/ip4/198.41.0.5/tcp/4420', '/dns/pod.friends.org/tcp/4420']
].map(address => `${address}/p2p/a`)
const outside = told.slice(-2)

describe('where a friend says that it is', () => {
  /** What is dialled for one that is not there any more. */
  async function dialled(o: { place?: string; allowLocal?: boolean }): Promise<string[]> {
    const state = memoryState()
    await using all = await neighbours({ state })
    await all.one.pod.peers!.allow(olga, 'two.test')
    await (await all.alice.enter(all.one)).blind.papers('two.test')
    const asked: string[] = []
    const nobody = () => Promise.reject(new MuttrError('PEER_UNREACHABLE', 'nobody is there'))
    const { place = home, allowLocal } = o
    const peers = await PeerPods.open({
      ...{ state, clock: all.world.clock, log: quiet, crypto: openPgp, policy: 'open' as const },
      ...{ hostname: 'one.test', peersMax: 10 },
      network: {
        self: 'self',
        open: nobody,
        async dial(address) {
          asked.push(address)
          return await nobody()
        }
      },
      finder: {
        ...(allowLocal !== undefined && { allowLocal }),
        find: async hostname => ({ hostname, addresses: [place] })
      }
    })
    peers.heardOf(() => told)
    await assert.rejects(peers.meet('two.test', new AbortController().signal), {
      code: 'POD_UNREACHABLE'
    })
    assert.equal(asked[0], place)
    return asked.slice(1)
  }

  it('leads into no private network, nor to a name that only one has', async () => {
    assert.deepEqual(await dialled({}), outside)
  })

  it('does so for one that was known to be there, or where all are', async () => {
    assert.deepEqual(await dialled({ place: '/ip4/192.168.1.9/tcp/1/p2p/a' }), told)
    assert.deepEqual(await dialled({ allowLocal: true }), told)
  })
})
