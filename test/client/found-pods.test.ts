import assert from 'node:assert/strict'
import { MuttrError } from '../../src/base/errors.ts'
import type { FindPod, FoundPods } from '../../src/client/found-pods.ts'
import { isNearby, openFoundPods } from '../../src/client/found-pods.ts'
import { makeMove } from '../../src/keys/move.ts'
import type { FoundPod } from '../../src/pod/finding.ts'
import { memoryState } from '../../src/store/memory.ts'
import { ClientWorld } from '../support/client-world.ts'

const fingerprint = 'ab'.repeat(20)
const silent = { debug() {}, info() {}, warn() {} }
const forever = new AbortController().signal

describe('pods that were found by their hostnames', () => {
  it('are kept with whose word it was, also when they are found elsewhere later', async () => {
    const state = memoryState()
    let port = 4420
    const findPod: FindPod = async ({ hostname, pinned }) => ({
      ...{ hostname, fingerprint, addresses: [`/dns/one.pods/tcp/${port}`] },
      by: pinned === undefined ? 'dns' : 'pin'
    })
    const open = () => openFoundPods({ state, log: silent, findPod, allowLocal: false })
    const found = await open()
    assert.equal(found.get('one.pods'), undefined)
    const first = await found.find('one.pods', undefined, forever)
    assert.equal(first.by, 'dns')
    const again = await open()
    assert.deepEqual(again.get('one.pods'), first)
    port = 4421
    await again.find('one.pods', fingerprint, forever)
    const moved = (await open()).get('one.pods')
    assert.deepEqual([moved?.by, moved?.addresses], ['dns', ['/dns/one.pods/tcp/4421']])
  })

  it('are none after a search that failed', async () => {
    const state = memoryState()
    const findPod: FindPod = () => Promise.reject(new Error('no'))
    const found = await openFoundPods({ state, log: silent, findPod, allowLocal: false })
    await assert.rejects(found.find('one.pods', undefined, forever))
    assert.equal(found.get('one.pods'), undefined)
  })

  it('are not kept for the word of who moves there, which counts where nothing is published', async () => {
    const state = memoryState()
    const said = { fingerprint: 'cd'.repeat(20), peer: 'peer', addresses: ['/dns/x.pods/tcp/1'] }
    const about = { hostname: 'one.pods', pinned: undefined, said, isNear: false }
    const searches: unknown[] = []
    let answer: () => Promise<FoundPod> = () => Promise.reject(new Error('nothing yet'))
    const findPod: FindPod = asked => {
      searches.push(asked.pinned)
      return answer()
    }
    const found = await openFoundPods({ state, log: silent, findPod, allowLocal: false })
    const published = { hostname: 'one.pods', fingerprint, addresses: [], by: 'https' as const }
    answer = async () => published
    await assert.rejects(found.introduced(about, forever), { code: 'POD_CHANGED' })
    for (const code of ['POD_UNREACHABLE', 'SIGNATURE_INVALID', 'CANCELLED'] as const) {
      answer = () => Promise.reject(new MuttrError(code, 'the search ends'))
      await assert.rejects(found.introduced(about, forever), { code })
    }
    answer = () => Promise.reject(new MuttrError('POD_UNKNOWN', 'nowhere'))
    const there = await found.introduced(about, forever)
    assert.deepEqual(
      [there.fingerprint, there.addresses, there.by],
      [said.fingerprint, ['/dns/x.pods/tcp/1/p2p/peer'], 'move']
    )
    assert.deepEqual(new Set(searches), new Set([undefined]))
    const again = await openFoundPods({ state, log: silent, findPod, allowLocal: false })
    assert.deepEqual([found.get('one.pods'), again.get('one.pods')], [undefined, undefined])
    await found.keep(there)
    assert.equal(found.get('one.pods')?.by, 'move')
  })

  it('are not where a contact says that they are in private networks, unless the network lives there, or that pod is known there', async () => {
    const state = memoryState()
    const inside = [
      '/ip4/192.168.1.9/tcp/631',
      '/ip6/2002:c0a8:109::1/tcp/1',
      '/dns/pod.local/tcp/1'
    ]
    const outside = ['/ip4/198.41.0.4/tcp/1', '/dns/pod.one.pods/tcp/1']
    const addresses = [...inside, '/dnsaddr/one.pods', ...outside]
    const said = { peer: 'peer', fingerprint, addresses }
    const about = { hostname: 'one.pods', pinned: undefined, said, isNear: false }
    const findPod: FindPod = () => Promise.reject(new MuttrError('POD_UNKNOWN', 'nowhere'))
    const local = await openFoundPods({ state, log: silent, findPod, allowLocal: true })
    const there = await local.introduced(about, forever)
    assert.deepEqual(
      there.addresses,
      addresses.map(address => `${address}/p2p/peer`)
    )
    const found = await openFoundPods({ state, log: silent, findPod, allowLocal: false })
    const wanted = outside.map(address => `${address}/p2p/peer`)
    assert.deepEqual((await found.introduced(about, forever)).addresses, wanted)
    const near = { ...about, isNear: true }
    assert.deepEqual((await found.introduced(near, forever)).addresses, there.addresses)
    const place = { hostname: 'former.pods', fingerprint }
    const at = (...addresses: string[]) => isNearby([{ ...place, addresses }], fingerprint)
    assert.deepEqual(
      [at(...outside), at(inside[0]!), at(outside[0]!, inside[2]!)],
      [false, true, true]
    )
    assert.equal(isNearby([{ ...place, addresses: inside }], 'cd'.repeat(20)), false)
  })

  it('that a contact says they moved to are kept when the contact is there', async () => {
    await using world = await ClientWorld.make(['one.test', 'two.test'])
    const { peer, person } = world.pod('two.test')
    const { fingerprint: key } = person.certificate
    const findPod: FindPod = async ({ hostname }) => ({
      ...{ hostname, addresses: [hostname], fingerprint: key, by: 'https' }
    })
    const found = await openFoundPods({
      state: memoryState(),
      log: silent,
      findPod,
      allowLocal: false
    })
    const alice = await world.join('alice')
    const bob = await world.join('bob', { found })
    await world.join('carol', { hostname: 'two.test' })
    await bob.client.lookup('alice@one.test')
    const move = await makeMove(alice.person, {
      ...{ from: 'alice@one.test', to: 'carol@two.test', sequence: 1, nowMs: world.clock.now() },
      pod: { fingerprint: key, peer, addresses: [] }
    })
    const { moved } = world.pod('one.test')
    moved.set('alice@one.test', { certificate: alice.person.certificate, move })
    await assert.rejects(bob.client.lookup('alice@one.test'), { code: 'KEY_CHANGED' })
    assert.equal(found.get('two.test'), undefined)
    moved.clear()
    await alice.client.move('alice@two.test')
    assert.equal((await bob.client.lookup('alice@one.test')).alias, 'alice@two.test')
    assert.equal(found.get('two.test')?.by, 'https')
  })

  it('are waited for by letters to who is known, while nobody says where they are; not by a first letter', async () => {
    await using world = await ClientWorld.make(['one.test', 'two.test'])
    const known = new Map<string, FoundPod>()
    let isSilent = false
    const found: FoundPods = {
      get: hostname => known.get(hostname),
      hostnames: () => [...known.keys()],
      introduced: () => Promise.reject(new MuttrError('POD_UNKNOWN', 'nobody moves')),
      keep: async () => undefined,
      async find(hostname) {
        if (isSilent) throw new MuttrError('POD_UNREACHABLE', 'no name server answers')
        const key = world.pod(hostname).person.certificate.fingerprint
        const pod = { hostname, addresses: [hostname], fingerprint: key, by: 'https' as const }
        known.set(hostname, pod)
        return pod
      }
    }
    const alice = await world.join('alice', { found })
    const bob = await world.join('bob', { hostname: 'two.test' })
    await alice.client.lookup('bob@two.test')
    known.clear()
    isSilent = true
    await alice.restart()
    const unreachable = { code: 'POD_UNREACHABLE' }
    await assert.rejects(alice.client.send({ to: 'carol@two.test', body: 'Hello' }), unreachable)
    world.clock.advance(8 * 24 * 3_600_000)
    const sent = await alice.client.send({ to: 'bob@two.test', body: 'Hello' })
    assert.equal(sent.waiting?.code, 'POD_UNREACHABLE')
    await alice.restart()
    isSilent = false
    const opened = bob.seen('opened', ({ letter }) => letter === sent.id)
    world.clock.advance(24 * 3_600_000)
    await opened
  })
})
