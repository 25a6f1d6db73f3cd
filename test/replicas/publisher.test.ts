import assert from 'node:assert/strict'
import fc from 'fast-check'
import { MuttrError } from '../../src/base/errors.ts'
import type { Log } from '../../src/base/ports.ts'
import { createPublisher } from '../../src/replicas/publisher.ts'
import { Rhythm } from '../../src/replicas/rhythm.ts'
import type { DhtRecord } from '../../src/wire/record.ts'
import { decodeRecord } from '../../src/wire/record.ts'
import { fakeClock } from '../support/fake-clock.ts'
import type { FakeDht } from '../support/fake-dht.ts'
import { fakeDht } from '../support/fake-dht.ts'
import { ed25519Author } from '../support/record-authors.ts'

const hourMs = 3_600_000
const options = { everyMs: hourMs, retryMs: 30_000 }
const silent: Log = { debug() {}, info() {}, warn() {} }

describe('the rhythm of a record', () => {
  it('is at once when there is something new, then again after a while', () => {
    const rhythm = new Rhythm(options)
    assert(rhythm.isDue('here', 0))
    rhythm.said('here', 'well', 0, 0.5)
    assert(!rhythm.isDue('here', hourMs - 1))
    assert(rhythm.isDue('here', hourMs))
    assert(rhythm.isDue('there', 1))
  })

  it('doubles after failures and thin puts, and begins again with something new', () => {
    const rhythm = new Rhythm(options)
    const waits = (
      ['badly', 'thinly', 'badly', 'thinly', 'badly', 'badly', 'badly', 'badly'] as const
    ).map(went => {
      rhythm.said('here', went, 0, 0.5)
      return rhythm.nextMs / 1_000
    })
    assert.deepEqual(waits, [30, 60, 120, 240, 480, 960, 1_920, 3_600])
    rhythm.said('there', 'badly', 0, 0.5)
    assert.equal(rhythm.nextMs, 30_000)
    rhythm.said('there', 'well', 0, 0.5)
    assert.equal(rhythm.nextMs, hourMs)
  })

  it('goes on where the process before ended', () => {
    const rhythm = new Rhythm({ ...options, last: { saying: 'here', atMs: 5 } })
    assert(!rhythm.isDue('here', hourMs))
    assert(rhythm.isDue('here', hourMs + 5))
    assert(rhythm.isDue('there', 6))
  })

  it('never waits less than four fifths of the least, nor longer than six fifths of the most', () => {
    const went = fc.constantFrom('well' as const, 'thinly' as const, 'badly' as const)
    const dice = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true })
    fc.assert(
      fc.property(fc.array(fc.tuple(went, dice, fc.constantFrom('a', 'b'))), steps => {
        const rhythm = new Rhythm(options)
        for (const [how, die, saying] of steps) {
          rhythm.said(saying, how, 0, die)
          assert(rhythm.nextMs >= 24_000 && rhythm.nextMs <= 1.2 * hourMs)
        }
      })
    )
  })
})

describe('a publisher', () => {
  const author = ed25519Author(1)
  let clock: ReturnType<typeof fakeClock>
  let dht: FakeDht
  let what: string | undefined
  beforeEach(() => {
    clock = fakeClock()
    dht = fakeDht(clock)
    what = 'here'
  })
  const start = (more: Partial<Parameters<typeof createPublisher>[0]> = {}) =>
    createPublisher({
      dht,
      clock,
      random: { bytes: length => new Uint8Array(length).fill(128) },
      log: silent,
      kind: 'pod',
      quorum: 5,
      rhythm: options,
      lookEveryMs: 30_000,
      say: async () =>
        what === undefined
          ? undefined
          : { author: author.author, body: new Uint8Array(Buffer.from(what)), sign: author.sign },
      ...more
    })
  const puts = (): DhtRecord[] => dht.recordPuts.map(frame => decodeRecord(frame))
  const said = () => puts().map(({ body }) => Buffer.from(body).toString())
  /** Timers that look again are set only when the look before is over. */
  async function pass(publisher: { quiet(): Promise<void> }, ms: number) {
    for (let left = ms; left > 0; left -= 30_000) {
      clock.advance(Math.min(left, 30_000))
      await publisher.quiet()
    }
  }

  it('says it at once, on every change, and every hour', async () => {
    await using publisher = start()
    await publisher.quiet()
    await pass(publisher, hourMs / 2)
    assert.deepEqual(said(), ['here'])
    what = 'there'
    await pass(publisher, 30_000)
    assert.deepEqual(said(), ['here', 'there'])
    await pass(publisher, hourMs)
    assert.deepEqual(said(), ['here', 'there', 'there'])
    const sequences = puts().map(({ sequence }) => sequence)
    assert.deepEqual(sequences, [...sequences].sort())
    assert.equal(new Set(sequences).size, 3)
  })

  it('says nothing while there is nothing, and after its end', async () => {
    what = undefined
    const publisher = start()
    await pass(publisher, 2 * hourMs)
    assert.deepEqual(said(), [])
    await publisher[Symbol.asyncDispose]()
    what = 'here'
    publisher.look()
    await pass(publisher, 2 * hourMs)
    assert.deepEqual(said(), [])
  })

  it('tries again when it failed, and when the network is still small', async () => {
    dht.recordFails = 'NETWORK_EMPTY'
    await using publisher = start()
    await pass(publisher, 60_000)
    assert.deepEqual(said(), [])
    dht.recordFails = null
    dht.recordCopies = 1
    await pass(publisher, 10 * 60_000)
    assert(said().length >= 2, `${said().length}`)
    dht.recordCopies = 8
    await pass(publisher, 20 * 60_000)
    const before = said().length
    await pass(publisher, hourMs / 2)
    assert.equal(said().length, before)
  })

  it('signs above a newer one of its own that it has forgotten', async () => {
    clock.advance(10 * hourMs)
    await using ahead = start()
    await ahead.quiet()
    const [first] = puts()
    await ahead[Symbol.asyncDispose]()
    const behind = fakeClock()
    what = 'there'
    await using publisher = start({ clock: behind })
    await publisher.quiet()
    assert.deepEqual(said(), ['here', 'there'])
    assert.equal(puts()[1]!.sequence, first!.sequence + 1)
  })

  it('tells what it put, and survives what throws', async () => {
    const told: unknown[] = []
    await using publisher = start({
      async onPut({ body }) {
        told.push(Buffer.from(body).toString())
        throw new MuttrError('DISK_FULL', 'no room for the note')
      }
    })
    await publisher.quiet()
    what = 'there'
    publisher.look()
    publisher.look()
    await publisher.quiet()
    assert.deepEqual(told, ['here', 'there'])
  })
})
