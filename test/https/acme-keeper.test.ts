import assert from 'node:assert/strict'
import { MuttrError } from '../../src/base/errors.ts'
import { keepOrdered } from '../../src/https/acme-keeper.ts'
import type { Keeper, Pair } from '../../src/https/certificate.ts'
import { factsOf } from '../../src/https/certificate.ts'
import type { FakeClock } from '../support/fake-clock.ts'
import { fakeClock } from '../support/fake-clock.ts'
import { random } from '../support/pod-world.ts'
import { temporaryFolder } from '../support/store-folder.ts'
import type { TestCa } from '../support/test-ca.ts'
import { testCa } from '../support/test-ca.ts'

const silent = { debug() {}, info() {}, warn() {} }
const hourMs = 3_600_000
const dayMs = 24 * hourMs

describe('a certificate that is ordered', () => {
  let folder: Awaited<ReturnType<typeof temporaryFolder>>
  let ca: TestCa
  let clock: FakeClock
  let used: Pair[]
  let saved: Pair | undefined
  /** Each order is given what stands here, or fails. */
  let give: Pair | undefined
  let orders: number
  let isFull: boolean
  let keeper: Keeper | undefined

  before(async () => {
    folder = await temporaryFolder()
    ca = await testCa(folder.path)
  })
  after(() => folder[Symbol.asyncDispose]())
  beforeEach(() => {
    clock = fakeClock(Date.now())
    ;[used, saved, give, orders, isFull] = [[], undefined, undefined, 0, false]
  })
  afterEach(() => keeper?.[Symbol.asyncDispose]())

  const keep = async () => {
    keeper = await keepOrdered({
      load: async () => saved,
      async save(pair) {
        if (isFull) throw new MuttrError('DISK_FULL', 'no room')
        saved = pair
      },
      async order() {
        orders++
        if (!give) throw new MuttrError('ORDER_FAILED', 'no')
        return give
      },
      use: pair => void used.push(pair),
      names: ['pod.test'],
      ...{ clock, random, log: silent }
    })
    await settled()
  }
  const settled = () => new Promise(resolve => setImmediate(resolve))
  /** In steps, as hours pass. */
  const pass = async (ms: number) => {
    for (let left = ms; left > 0; left -= hourMs) {
      clock.advance(Math.min(left, hourMs))
      await settled()
    }
  }

  it('is ordered at once where there is none, or one for another name', async () => {
    give = await ca.issue(['pod.test'])
    await keep()
    assert.deepEqual([orders, used, saved], [1, [give], give])
    await keeper?.[Symbol.asyncDispose]()
    saved = await ca.issue(['other.test'])
    await keep()
    assert.equal(orders, 2)
  })

  it('is ordered again when between a third and five twelfths of its life are left', async () => {
    give = await ca.issue(['pod.test'], 90)
    await keep()
    await pass(52 * dayMs)
    assert.equal(orders, 1)
    give = await ca.issue(['pod.test'], 180)
    await pass(9 * dayMs)
    assert.equal(orders, 2)
    assert.equal(keeper?.state.untilMs, factsOf(give, ['pod.test']).untilMs)
  })

  it('stays in use while orders fail, which are tried ever more seldom', async () => {
    give = await ca.issue(['pod.test'], 90)
    await keep()
    const { untilMs } = keeper!.state
    give = undefined
    await pass(65 * dayMs)
    assert.equal(keeper?.state.problem?.code, 'ORDER_FAILED')
    assert.equal(keeper?.state.untilMs, untilMs)
    assert.equal(used.length, 1)
    const before = orders
    await pass(10 * dayMs)
    assert.ok(orders - before >= 15 && orders - before <= 30, String(orders - before))
    give = await ca.issue(['pod.test'], 180)
    await pass(dayMs)
    assert.equal(keeper?.state.problem, null)
    assert.equal(used.length, 2)
  })

  it('is in use though the disk is full, and is saved when there is room, without another order', async () => {
    give = await ca.issue(['pod.test'], 90)
    isFull = true
    await keep()
    assert.deepEqual([orders, used, saved], [1, [give], undefined])
    await pass(dayMs)
    assert.equal(keeper?.state.problem?.code, 'DISK_FULL')
    isFull = false
    await pass(dayMs)
    assert.deepEqual([orders, used, saved], [1, [give], give])
    assert.equal(keeper?.state.problem, null)
  })

  it('that does not fit its key is not taken', async () => {
    saved = await ca.issue(['pod.test'])
    const before = saved
    clock.advance(8 * dayMs)
    give = { ...(await ca.issue(['pod.test'])), key: (await ca.issue(['pod.test'])).key }
    await keep()
    assert.equal(keeper?.state.problem?.code, 'CERTIFICATE_INVALID')
    assert.deepEqual([saved, used], [before, [before]])
  })
})
