import assert from 'node:assert/strict'
import { MuttrError } from '../../../src/base/errors.ts'
import { openPgp } from '../../../src/keys/crypto.ts'
import { signDetached } from '../../../src/keys/sign.ts'
import { makePeerKey, peerKeys } from '../../../src/net/peer-key.ts'
import { PeerPods } from '../../../src/pod/federation/peers.ts'
import { memoryState } from '../../../src/store/memory.ts'
import type { State } from '../../../src/store/state.ts'
import { podRecord, podRecordLabel } from '../../../src/wire/pod.ts'
import { quiet } from '../../support/client-world.ts'
import { olga, until } from '../../support/federation-world.ts'
import { personNamed, podWorld } from '../../support/pod-world.ts'

describe("an operator's word about another pod", () => {
  it('holds, also when it was said while that pod was being tried', async () => {
    await using world = podWorld()
    const state = memoryState()
    const read = Promise.withResolvers<void>()
    const go = Promise.withResolvers<void>()
    let isHeld = true
    const get: State['get'] = async (table, key) => {
      const value = await state.get(table, key)
      if (isHeld) {
        isHeld = false
        read.resolve()
        await go.promise
      }
      return value
    }
    const { clock, network } = world
    const parts = {
      ...{ clock, log: quiet, crypto: openPgp, network: network.at('one') },
      finder: { find: () => Promise.reject(new MuttrError('POD_UNKNOWN', 'not looked for')) },
      ...{ policy: 'open' as const, hostname: 'one.test', peersMax: 9 }
    }
    const slow = await PeerPods.open({ ...parts, state: { ...state, get } })
    const failed = slow.failed('two.test', { failures: 1, retryMs: 0, code: 'POD_UNREACHABLE' })
    await read.promise
    const { changes, apply } = await slow.word('two.test', 'blocked', 'ab'.repeat(20))
    await state.write(changes)
    apply()
    go.resolve()
    await failed
    for (const peers of [slow, await PeerPods.open({ ...parts, state })]) {
      const { standing, pin, code } = peers.get('two.test')!
      assert.deepEqual([standing, pin, code], ['blocked', 'ab'.repeat(20), 'POD_UNREACHABLE'])
      assert.throws(() => peers.check('two.test'), { code: 'FEDERATION_REFUSED' })
    }
  })

  it('goes on for a pod that has another name, and for nobody who only says so', async () => {
    await using world = podWorld()
    const { clock, network } = world
    const { self } = peerKeys(await makePeerKey())
    const papersOf = async (hostname: string, by: string) => {
      const signer = await personNamed(by, [])
      const nowMs = clock.now()
      const record = podRecord.encode({
        ...{ hostname, former: ['old.test'], peers: [self], hpkeKey: new Uint8Array(32) },
        ...{ policy: 'open', escrow: false, udp: null, sequence: nowMs, issuedMs: nowMs }
      })
      const signature = await signDetached(signer, podRecordLabel, record, nowMs)
      const { bytes: certificate, fingerprint } = signer.certificate
      return { papers: { record, signature, certificate }, fingerprint }
    }
    const own = await papersOf('new.test', 'old.test')
    const other = await papersOf('mallory.test', 'mallory')
    const vouched = new Map([
      ['new.test', own.fingerprint],
      ['mallory.test', other.fingerprint]
    ])
    const state = memoryState()
    const peers = await PeerPods.open({
      ...{ clock, log: quiet, crypto: openPgp, network: network.at('one'), state },
      finder: {
        find: async hostname => ({ hostname, addresses: [], fingerprint: vouched.get(hostname) })
      },
      ...{ policy: 'list' as const, hostname: 'one.test', peersMax: 9 }
    })
    const { changes, apply } = await peers.word('old.test', 'allowed', own.fingerprint)
    await state.write(changes)
    apply()
    const { signal } = new AbortController()
    assert.equal(await peers.introduced(own.papers, self, signal), 'new.test')
    peers.check('new.test')
    assert.equal(await peers.introduced(other.papers, self, signal), 'mallory.test')
    assert.throws(() => peers.check('mallory.test'), { code: 'FEDERATION_REFUSED' })
  })

  it('counts for every process of the pod at once', async () => {
    await using world = podWorld()
    const state = memoryState()
    const first = await world.host({ state, federation: 'open' })
    const second = await world.host({ state, federation: 'open', beside: first })
    const standing = () => second.pod.peers!.view().peers.map(peer => peer.standing)
    await first.pod.peers!.block(olga, 'two.test')
    await until(() => standing().join() === 'blocked')
    await first.pod.peers!.allow(olga, 'two.test')
    await until(() => standing().join() === 'allowed')
  })
})
