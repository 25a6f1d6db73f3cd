import assert from 'node:assert/strict'
import { MuttrError } from '../../src/base/errors.ts'
import { podFinder, podSearch } from '../../src/nodes/pod-finder.ts'
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

  it('remembers, in all processes and after a restart, that a zone was signed', async () => {
    const state = memoryState()
    const searches: [string, boolean | undefined][] = []
    const fresh = () =>
      podFinder({
        ...{ state, places: [], allowLocal: false, log: { debug() {}, info() {}, warn() {} } },
        async findPod({ hostname, pinned, wasSigned }) {
          searches.push([hostname, wasSigned])
          const by = hostname === 'one.pods' ? 'dnssec' : 'dns'
          return { hostname, addresses, fingerprint, by: pinned ? 'pin' : by }
        }
      })
    for (const pin of [null, null, fingerprint])
      for (const hostname of ['one.pods', 'three.pods']) await fresh().find(hostname, pin)
    assert.deepEqual(searches, [
      ['one.pods', false],
      ['three.pods', false],
      ['one.pods', true],
      ['three.pods', false],
      ['one.pods', true],
      ['three.pods', false]
    ])
  })

  it('is said once where nobody is left to prove what a signed zone says', async () => {
    const warned: unknown[] = []
    const log = { debug() {}, info() {}, warn: (what: string) => void warned.push(what) }
    const { signal } = new AbortController()
    const config = { connections: { max: 24, groupLocal: false } }
    const by = (dns: { validating?: string }) => podSearch({ ...config, dns } as never, log)
    const search = by({})
    // Such names are in no DNS: nobody is asked.
    const asked = { hostname: 'one.test', pinned: undefined }
    for (const wasSigned of [false, true, true])
      await assert.rejects(search({ ...asked, wasSigned }, signal), { code: 'POD_UNKNOWN' })
    assert.equal(warned.length, 1)
    const signed = by({ validating: '127.0.0.1:53' })
    await assert.rejects(signed({ ...asked, wasSigned: true }, signal), { code: 'POD_UNKNOWN' })
    assert.equal(warned.length, 1)
  })
})
