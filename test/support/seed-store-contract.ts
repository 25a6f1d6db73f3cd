import assert from 'node:assert/strict'
import fc from 'fast-check'
import { compareBytes, toHex } from '../../src/base/bytes.ts'
import { codeOf } from '../../src/base/errors.ts'
import { overheadBytes } from '../../src/store/seed-rows.ts'
import type { SeedStore } from '../../src/store/store.ts'
import { blobOf, countedBytes, hourMs, noonMs } from './store-blobs.ts'
import type { ModelStep } from './store-model.ts'
import { storeModel } from './store-model.ts'

const keyOf = (n: number) => new Uint8Array(32).fill(n)
const frameOf = (n: number, lengthBytes = 50) => new Uint8Array(lengthBytes).fill(n)

async function keysOf(store: SeedStore, range?: { gte?: Uint8Array; lt?: Uint8Array }) {
  const keys: string[] = []
  for await (const { key } of store.entries(range)) keys.push(toHex(key))
  return keys
}

async function kindsOf(store: SeedStore) {
  const kinds: string[] = []
  for await (const { kind } of store.entries()) kinds.push(kind)
  return kinds
}

/** What every SeedStore keeps. `open` makes an empty one. */
export const seedStoreContract = (
  name: string,
  open: (options: { capBytes: number }) => Promise<SeedStore>
) =>
  describe(`${name} keeps the SeedStore contract`, () => {
    const roomy = { capBytes: 100_000_000 }

    it('gives back what it was given, until it expires', async () => {
      await using store = await open(roomy)
      for (const blob of [blobOf(1), blobOf(2, 1), blobOf(3, 256 * 1024)]) {
        assert.equal(await store.getBlob(blob.key, noonMs), undefined)
        await store.putBlob(blob)
        assert.deepEqual(await store.getBlob(blob.key, noonMs), blob)
        assert.deepEqual(await store.getBlob(blob.key, blob.header.expiryMs - 1), blob)
        assert.equal(await store.getBlob(blob.key, blob.header.expiryMs), undefined)
      }
    })

    it('keeps its own copy of the bytes', async () => {
      await using store = await open(roomy)
      const blob = blobOf(1)
      await store.putBlob({ ...blob, sealed: blob.sealed.slice() })
      const got = await store.getBlob(blob.key, noonMs)
      got!.sealed.fill(0)
      assert.deepEqual(await store.getBlob(blob.key, noonMs), blob)
    })

    it('counts a blob once, however often it is put', async () => {
      await using store = await open(roomy)
      const blob = blobOf(1)
      await Promise.all([store.putBlob(blob), store.putBlob(blob), store.putBlob(blob)])
      await store.putBlob(blob)
      assert.deepEqual(store.usage(), { ...roomy, blobs: 1, bytes: countedBytes(blob) })
    })

    it('refuses above the cap, exactly, also when many put at once', async () => {
      const blobs = [...Array(20).keys()].map(n => blobOf(n * 2))
      const each = countedBytes(blobs[0]!)
      await using store = await open({ capBytes: 5 * each })
      const outcomes = await Promise.allSettled(blobs.map(blob => store.putBlob(blob)))
      const refused = outcomes.filter(outcome => outcome.status === 'rejected')
      assert.deepEqual(
        refused.map(({ reason }) => codeOf(reason)),
        Array(15).fill('STORE_FULL')
      )
      assert.deepEqual(store.usage(), { blobs: 5, bytes: 5 * each, capBytes: 5 * each })
      for (const [i, outcome] of outcomes.entries())
        assert.equal(
          (await store.getBlob(blobs[i]!.key, noonMs)) !== undefined,
          outcome.status === 'fulfilled'
        )
      await assert.rejects(store.putRecord(keyOf(1), frameOf(1), noonMs), { code: 'STORE_FULL' })
      await assert.rejects(store.putTombstone(keyOf(1), frameOf(1), noonMs), { code: 'STORE_FULL' })
      const kept = outcomes.findIndex(outcome => outcome.status === 'fulfilled')
      await store.putTombstone(blobs[kept]!.key, frameOf(1), noonMs) // shrinks
      await assert.rejects(store.putBlob(blobs[19]!), { code: 'STORE_FULL' })
    })

    it('takes one byte more than nothing at a cap of one blob', async () => {
      const blob = blobOf(1)
      await using exact = await open({ capBytes: countedBytes(blob) })
      await exact.putBlob(blob)
      await using short = await open({ capBytes: countedBytes(blob) - 1 })
      await assert.rejects(short.putBlob(blob), { code: 'STORE_FULL' })
      assert.deepEqual(await short.holding([blob.key], noonMs), ['none'])
      assert.equal(short.usage().bytes, 0)
    })

    it('lets a tombstone beat the blob, before and after it', async () => {
      await using store = await open(roomy)
      const [early, late] = [blobOf(1), blobOf(2)]
      await store.putTombstone(early.key, frameOf(1), early.header.expiryMs)
      await assert.rejects(store.putBlob(early), { code: 'BLOB_RELEASED' })
      await store.putBlob(late)
      await store.putTombstone(late.key, frameOf(2), late.header.expiryMs)
      await store.putTombstone(late.key, frameOf(3, 60), late.header.expiryMs)
      assert.equal(await store.getBlob(late.key, noonMs), undefined)
      assert.deepEqual(await store.getTombstone(late.key, noonMs), frameOf(3, 60))
      assert.equal(await store.getTombstone(late.key, late.header.expiryMs), undefined)
      assert.deepEqual(await kindsOf(store), ['tombstone', 'tombstone'])
      assert.deepEqual(await store.holding([early.key, late.key, keyOf(9)], noonMs), [
        'tombstone',
        'tombstone',
        'none'
      ])
      assert.deepEqual(store.usage(), { ...roomy, blobs: 0, bytes: 110 + 2 * overheadBytes })
    })

    it('replaces a record and counts the one that stands', async () => {
      await using store = await open(roomy)
      await store.putRecord(keyOf(1), frameOf(1), noonMs + hourMs)
      await store.putRecord(keyOf(1), frameOf(2, 10), noonMs + 2 * hourMs)
      assert.deepEqual(await store.getRecord(keyOf(1), noonMs + hourMs), frameOf(2, 10))
      assert.equal(await store.getRecord(keyOf(1), noonMs + 2 * hourMs), undefined)
      assert.deepEqual(store.usage(), { ...roomy, blobs: 0, bytes: 10 + overheadBytes })
      assert.equal(await store.expire(noonMs + hourMs, 10), 0)
      assert.equal(await store.expire(noonMs + 2 * hourMs, 10), 1)
      assert.equal(store.usage().bytes, 0)
    })

    it('keeps a record and a blob of the same key apart', async () => {
      await using store = await open(roomy)
      const blob = blobOf(1)
      await store.putRecord(blob.key, frameOf(1), noonMs + hourMs)
      assert.deepEqual(await store.holding([blob.key], noonMs), ['none'])
      await store.putBlob(blob)
      assert.deepEqual(await store.getRecord(blob.key, noonMs), frameOf(1))
      assert.deepEqual(await store.getBlob(blob.key, noonMs), blob)
    })

    it('drops the soonest to expire first, as many as it is told', async () => {
      await using store = await open(roomy)
      const blobs = [...Array(700).keys()].map(n =>
        blobOf(n, 30, noonMs + ((n * 37) % 700) * hourMs)
      )
      await Promise.all(blobs.map(blob => store.putBlob(blob)))
      assert.equal(await store.expire(noonMs - 1, 1_000), 0)
      assert.equal(await store.expire(noonMs + 9 * hourMs, 4), 4)
      assert.equal(await store.expire(noonMs + 9 * hourMs, 1_000), 6)
      const left = blobs.filter(blob => blob.header.expiryMs > noonMs + 9 * hourMs)
      assert.equal(
        store.usage().bytes,
        left.reduce((sum, blob) => sum + countedBytes(blob), 0)
      )
      const both = [
        store.expire(noonMs + 699 * hourMs, 1_000),
        store.expire(noonMs + 699 * hourMs, 1_000)
      ]
      const [one = 0, other = 0] = await Promise.all(both)
      assert.equal(one + other, 690, 'two at once drop each thing once')
      assert.deepEqual(store.usage(), { ...roomy, blobs: 0, bytes: 0 })
      assert.deepEqual(await keysOf(store), [])
    })

    it('lists blobs and tombstones in the order of their keys, within a range', async () => {
      await using store = await open(roomy)
      const blobs = [...Array(600).keys()].map(n => blobOf(n, 40))
      await Promise.all(blobs.map(blob => store.putBlob(blob)))
      const released = blobs[0]!
      await store.putTombstone(released.key, frameOf(1), noonMs)
      await store.putRecord(keyOf(1), frameOf(1), noonMs)
      const keys = blobs.map(({ key }) => key).sort(compareBytes)
      assert.deepEqual(await keysOf(store), keys.map(toHex))
      const range = { gte: keys[100]!, lt: keys[400]! }
      assert.deepEqual(await keysOf(store, range), keys.slice(100, 400).map(toHex))
      assert.deepEqual(
        await keysOf(store, { gte: new Uint8Array([128]) }),
        keys.map(toHex).filter(key => key >= '80')
      )
      assert.deepEqual(await keysOf(store, { lt: new Uint8Array() }), [])
      for await (const entry of store.entries())
        assert.deepEqual(
          entry,
          compareBytes(entry.key, released.key) === 0
            ? { key: entry.key, kind: 'tombstone', expiryMs: noonMs, lengthBytes: 0 }
            : { key: entry.key, kind: 'blob', expiryMs: noonMs + hourMs, lengthBytes: 40 }
        )
    })

    it('forgets a blob it is told to drop, and keeps tombstones and records', async () => {
      await using store = await open(roomy)
      const [dropped, kept] = [blobOf(1), blobOf(2)]
      await store.putBlob(dropped)
      await store.putTombstone(kept.key, frameOf(1), kept.header.expiryMs)
      await store.putRecord(dropped.key, frameOf(2), noonMs + hourMs)
      const { bytes } = store.usage()
      for (const key of [dropped.key, dropped.key, kept.key, keyOf(3)]) await store.drop(key)
      assert.deepEqual(await store.holding([dropped.key, kept.key], noonMs), ['none', 'tombstone'])
      assert.equal(await store.getBlob(dropped.key, noonMs), undefined)
      assert.deepEqual(await store.getRecord(dropped.key, noonMs), frameOf(2))
      assert.deepEqual(store.usage(), { ...roomy, blobs: 0, bytes: bytes - countedBytes(dropped) })
      assert.deepEqual(await kindsOf(store), ['tombstone'])
      await store.putBlob(dropped)
      assert.deepEqual(await store.getBlob(dropped.key, noonMs), dropped)
    })

    it('refuses when it is closed, after it did what was asked before', async () => {
      const store = await open(roomy)
      const before = store.putBlob(blobOf(1))
      const closed = store[Symbol.asyncDispose]()
      await assert.rejects(store.putBlob(blobOf(2)), { code: 'CANCELLED' })
      await Promise.all([before, closed])
    })

    it('does what a plain model does, whatever is asked in whatever order', async () => {
      const whats = [
        'blob',
        'together',
        'together',
        'tombstone',
        'record',
        'expire',
        'drop'
      ] as const
      const step = fc.record({
        what: fc.constantFrom<ModelStep['what']>(...whats),
        n: fc.nat(12),
        hours: fc.integer({ min: 1, max: 6 }),
        lengthBytes: fc.integer({ min: 1, max: 300 })
      })
      const property = fc.asyncProperty(fc.array(step, { maxLength: 60 }), async steps => {
        const capBytes = 2_500
        await using store = await open({ capBytes })
        const model = storeModel(capBytes, noonMs)
        const asked: Promise<void>[] = []
        for (const step of steps) {
          if (step.what === 'expire') await Promise.all(asked.splice(0))
          asked.push(model.step(store, step))
          if (step.what !== 'together') await Promise.all(asked.splice(0))
        }
        await Promise.all(asked)
        await model.compare(store)
      })
      await fc.assert(property, { numRuns: 40 })
    })
  })
