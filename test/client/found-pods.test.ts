import assert from 'node:assert/strict'
import type { FindPod } from '../../src/client/found-pods.ts'
import { openFoundPods } from '../../src/client/found-pods.ts'
import { memoryState } from '../../src/store/memory.ts'

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
})
