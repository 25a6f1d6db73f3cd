import assert from 'node:assert/strict'
import type { ErrorCode } from '../../src/base/errors.ts'
import { MuttrError } from '../../src/base/errors.ts'
import type { StrangersBy } from '../../src/client/stranger-fetch.ts'
import { createStrangerFetch } from '../../src/client/stranger-fetch.ts'
import type { DhtOptions, GetResult } from '../../src/seed/dht.ts'

const fail = (code: ErrorCode) => Promise.reject(new MuttrError(code, `because ${code}`))
const pod = { peer: 'pod', addresses: [] }

/** @param o.relay what the pod says when it is asked to pass on; @param o.get what a get through it ends with */
function world(by: StrangersBy, o: { relay?: ErrorCode; get?: ErrorCode } = {}) {
  const ways: (string | undefined)[] = []
  const now = { ...o }
  const fetch = createStrangerFetch({
    by,
    life: new AbortController().signal,
    relay: () => (now.relay ? fail(now.relay) : Promise.resolve(pod)),
    dht: {
      async get(_key: Uint8Array, { via }: DhtOptions = {}) {
        ways.push(via?.peer)
        return via && now.get ? fail(now.get) : ({} as GetResult)
      }
    }
  })
  return { fetch, ways, now, get: () => fetch.get('one.test', new Uint8Array(32)) }
}

describe('the fetch of a stranger’s letter', () => {
  it('goes through the pod that announced it, or directly where that is wanted', async () => {
    for (const by of ['relayed', 'relayed-first', 'direct'] as const) {
      const { ways, get, fetch } = world(by)
      await get()
      assert.deepEqual(ways, [by === 'direct' ? undefined : 'pod'])
      assert.deepEqual(fetch.problems, [])
    }
  })

  it('waits when the pod is of no use, whatever is wrong with it, and is never given up for that', async () => {
    const wrongs = [
      ['RELAY_UNREACHABLE', 'RELAY_UNREACHABLE'],
      ['POD_UNREACHABLE', 'RELAY_UNREACHABLE'],
      ['POD_CHANGED', 'RELAY_REFUSED'],
      ['SIGNATURE_INVALID', 'RELAY_REFUSED'],
      ['KEY_INVALID', 'RELAY_REFUSED']
    ] as const
    for (const [relay, code] of wrongs) {
      const { get, ways, now, fetch } = world('relayed', { relay })
      await assert.rejects(get(), { code })
      assert.deepEqual(ways, [])
      assert.deepEqual(
        fetch.problems.map(p => [p.pod, p.problem.code]),
        [['one.test', code]]
      )
      delete now.relay
      await get()
      assert.deepEqual(fetch.problems, [])
    }
    for (const code of ['RELAY_REFUSED', 'RELAY_UNREACHABLE'] as const) {
      const { get, ways } = world('relayed', { get: code })
      await assert.rejects(get(), { code })
      assert.deepEqual(ways, ['pod'])
    }
  })

  it('goes directly after that only where it is allowed, and the trouble is still told', async () => {
    for (const wrong of [{ relay: 'POD_UNREACHABLE' }, { get: 'RELAY_REFUSED' }] as const) {
      const { get, ways, fetch } = world('relayed-first', wrong)
      await get()
      assert.equal(ways.at(-1), undefined)
      assert.equal(fetch.problems.length, 1)
    }
  })

  it('does not ask past the pod for a letter that is not there', async () => {
    for (const by of ['relayed', 'relayed-first'] as const) {
      const { get, ways, fetch } = world(by, { get: 'BLOB_UNKNOWN' })
      await assert.rejects(get(), { code: 'BLOB_UNKNOWN' })
      assert.deepEqual([ways, fetch.problems], [['pod'], []])
    }
  })

  it('ends with the client', async () => {
    const { get } = world('relayed-first', { relay: 'CANCELLED' })
    await assert.rejects(get(), { code: 'CANCELLED' })
  })
})
