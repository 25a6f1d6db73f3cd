import assert from 'node:assert/strict'
import { MuttrError } from '../../src/base/errors.ts'
import type { FindPod, FoundPods } from '../../src/client/found-pods.ts'
import { openFoundPods } from '../../src/client/found-pods.ts'
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
    const open = () => openFoundPods({ state, log: silent, findPod })
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
    const found = await openFoundPods({ state, log: silent, findPod })
    await assert.rejects(found.find('one.pods', undefined, forever))
    assert.equal(found.get('one.pods'), undefined)
  })

  it('are waited for by letters to who is known, while nobody says where they are; not by a first letter', async () => {
    await using world = await ClientWorld.make(['one.test', 'two.test'])
    const known = new Map<string, FoundPod>()
    let isSilent = false
    const found: FoundPods = {
      get: hostname => known.get(hostname),
      introduced: async () => undefined,
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
