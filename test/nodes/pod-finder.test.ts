import assert from 'node:assert/strict'
import { MuttrError } from '../../src/base/errors.ts'
import { podFinder } from '../../src/nodes/pod-finder.ts'
import { memoryState } from '../../src/store/memory.ts'

const fingerprint = 'ab'.repeat(20)
const addresses = ['/dns/one.pods/tcp/4420']
const listed = { hostname: 'two.pods', addresses: ['/ip4/192.0.2.2/tcp/4420'] }

describe('where a pod finds others', () => {
  const asked: string[] = []
  let fails = false
  const finder = () =>
    podFinder({
      places: [listed],
      async findPod({ hostname, pinned }) {
        asked.push(pinned === undefined ? hostname : `${hostname} ${pinned}`)
        if (fails) throw new MuttrError('POD_UNREACHABLE', 'no name server answered')
        return { hostname, addresses, fingerprint, by: 'https' }
      },
      state: memoryState(),
      allowLocal: false,
      log: { debug() {}, info() {}, warn() {} }
    })
  beforeEach(() => {
    asked.length = 0
    fails = false
  })

  it('is in its files first, and looked for once in a while else', async () => {
    const { find } = finder()
    assert.equal(await find('two.pods'), listed)
    const found = { hostname: 'one.pods', addresses, fingerprint }
    assert.deepEqual(await Promise.all([find('one.pods'), find('one.pods')]), [found, found])
    assert.deepEqual(asked, ['one.pods'])
  })

  it('is no word about a key that is known: only where is asked', async () => {
    const { find } = finder()
    const pin = 'cd'.repeat(32)
    await find('one.pods')
    for (let i = 0; i < 2; i++)
      assert.deepEqual(await find('one.pods', pin), { hostname: 'one.pods', addresses })
    await find('one.pods', null)
    assert.deepEqual(asked, ['one.pods', `one.pods ${pin}`])
  })

  it('is not asked again at once when nobody said', async () => {
    const { find } = finder()
    fails = true
    for (let i = 0; i < 3; i++) await assert.rejects(find('one.pods'), { code: 'POD_UNREACHABLE' })
    assert.equal(asked.length, 1)
  })
})
