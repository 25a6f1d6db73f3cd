import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { sha256 } from '../../src/base/bytes.ts'
import { limits } from '../../src/base/limits.ts'
import { systemClock } from '../../src/net/clock.ts'
import type { WorkerStamper } from '../../src/net/stamper.ts'
import { createStamper } from '../../src/net/stamper.ts'
import { readStamp } from '../../src/wire/stamp.ts'
import { fakeClock } from '../support/fake-clock.ts'

const hourMs = limits.expiryStepMs
const issuedMs = 480_000 * hourMs
const jobOf = (n: number, factor = 1) => ({
  key: sha256(Uint8Array.of(n, n >> 8)),
  lengthBytes: 1_024,
  expiryMs: issuedMs + 24 * hourMs,
  issuedMs,
  factor
})
/** Too dear to be searched without a worker; some ten milliseconds. */
const dear = (n: number) => jobOf(n, 30)
/** Nobody waits for the end of it. */
const endless = (n: number) => ({ ...jobOf(n), factor: 1e9 })
const check = (frame: Uint8Array, n: number, factor = 1) =>
  assert(readStamp(frame, jobOf(n), issuedMs).pays(factor))

describe('the stamper', () => {
  let stamper: WorkerStamper
  beforeEach(() => {
    stamper = createStamper({ clock: systemClock, threads: 2 })
  })
  afterEach(() => stamper[Symbol.asyncDispose]())

  it('makes stamps that are worth what was asked', async () => {
    const made = await Promise.all(Array.from({ length: 40 }, (_, n) => stamper.make(jobOf(n))))
    for (const [n, frame] of made.entries()) check(frame, n)
    check(await stamper.make(jobOf(1, 30)), 1, 30)
  })

  it('uses as many threads as there are stamps to make, and no more than it may', async () => {
    assert.equal(stamper.workers, 0)
    check(await stamper.make(dear(0)), 0, 30)
    assert.equal(stamper.workers, 1)
    await Promise.all([1, 2, 3, 4].map(n => stamper.make(jobOf(n))))
    assert.equal(stamper.workers, 2)
  })

  it('starts none for one stamp of a letter', async () => {
    for (let n = 0; n < 20; n++) check(await stamper.make(jobOf(n, 5)), n, 5)
    assert.equal(stamper.workers, 0)
    const both = await Promise.all([stamper.make(jobOf(1)), stamper.make(jobOf(2))])
    for (const [i, frame] of both.entries()) check(frame, i + 1)
    assert.equal(stamper.workers, 2)
  })

  it('stops where it stands, too', async () => {
    const stop = new AbortController()
    const asked = stamper.make(jobOf(1, 16), { signal: stop.signal })
    stop.abort()
    await assert.rejects(asked, { code: 'CANCELLED' })
    check(await stamper.make(jobOf(2)), 2)
  })

  it('searches one dear stamp with all threads', async () => {
    const stop = new AbortController()
    const asked = stamper.make(endless(1), { signal: stop.signal })
    await new Promise(setImmediate)
    assert.equal(stamper.workers, 2)
    stop.abort()
    await assert.rejects(asked, { code: 'CANCELLED' })
  })

  it('makes a cheap one while dear ones take all its threads', async () => {
    const stop = new AbortController()
    const long = [1, 2].map(n => stamper.make(endless(n), { signal: stop.signal }))
    check(await stamper.make(jobOf(3)), 3)
    stop.abort()
    for (const one of long) await assert.rejects(one, { code: 'CANCELLED' })
    check(await stamper.make(jobOf(4)), 4)
  })

  it('says how far it is, and ends when it is told', async () => {
    const stop = new AbortController()
    const shares: number[] = []
    const { promise, resolve } = Promise.withResolvers<void>()
    const asked = stamper.make(
      { ...jobOf(1), factor: 20_000 },
      {
        signal: stop.signal,
        onProgress(share) {
          shares.push(share)
          if (shares.length === 3) resolve()
        }
      }
    )
    await Promise.race([promise, asked])
    stop.abort()
    await asked.catch(err => assert.equal(err.code, 'CANCELLED'))
    assert.deepEqual(shares, shares.toSorted())
    assert(shares.every(share => share > 0 && share < 1))
    await assert.rejects(stamper.make(jobOf(1), { signal: stop.signal }), { code: 'CANCELLED' })
  })

  it('ends its threads when nothing was asked of it for a while, and starts them again', async () => {
    const clock = fakeClock()
    await using idle = createStamper({ clock, threads: 2, idleMs: 10_000 })
    check(await idle.make(dear(1)), 1)
    clock.advance(9_999)
    assert.equal(idle.workers, 1)
    check(await idle.make(jobOf(2)), 2)
    clock.advance(9_999)
    assert.equal(idle.workers, 1)
    clock.advance(1)
    assert.equal(idle.workers, 0)
    check(await idle.make(dear(3)), 3)
    assert.equal(idle.workers, 1)
  })

  it('keeps no process from ending', async () => {
    const url = (path: string) => JSON.stringify(import.meta.resolve(path))
    const program = `
      const { createStamper } = await import(${url('../../src/net/stamper.ts')})
      const { systemClock: clock } = await import(${url('../../src/net/clock.ts')})
      const job = { key: new Uint8Array(32), lengthBytes: 9, expiryMs: 7_200_000, issuedMs: 3_600_000, factor: 40 }
      console.log((await createStamper({ clock }).make(job)).length)`
    const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
      stdio: ['ignore', 'pipe', 'inherit']
    })
    const said = text(child.stdout)
    const [status] = await once(child, 'exit')
    assert.equal(status, 0)
    assert.equal(Number(await said), 10)
  })

  it('ends with everything that was asked of it', async () => {
    const asked = stamper.make(endless(1))
    await Promise.all([
      assert.rejects(asked, { code: 'CANCELLED' }),
      stamper[Symbol.asyncDispose]()
    ])
    assert.equal(stamper.workers, 0)
    await assert.rejects(stamper.make(jobOf(1)), { code: 'CANCELLED' })
  })
})
