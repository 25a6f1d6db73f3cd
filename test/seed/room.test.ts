import assert from 'node:assert/strict'
import { toHex } from '../../src/base/bytes.ts'
import { commonPrefix, placeOfKey } from '../../src/routing/distance.ts'
import { createRoom } from '../../src/seed/room.ts'
import { silentLog } from '../../src/sim/network.ts'
import { memoryStore } from '../../src/store/memory.ts'
import type { StampedBlob } from '../../src/wire/blob.ts'
import { fakeClock } from '../support/fake-clock.ts'
import { blobOf, countedBytes, hourMs, noonMs } from '../support/store-blobs.ts'

const self = new Uint8Array(32)
const bitsOf = ({ key }: StampedBlob) => commonPrefix(self, placeOfKey(key))
const size = 2_000

/** Blobs of one size, as far from us as it is asked for: with so many bits of their place shared. */
function* blobsAt(fits: (bits: number) => boolean, expiryMs = noonMs + hourMs) {
  for (let n = 0; ; n++) {
    const blob = blobOf(n, size, expiryMs)
    if (fits(bitsOf(blob))) yield blob
  }
}
const some = (count: number, blobs: Iterable<StampedBlob>): StampedBlob[] =>
  Iterator.from(blobs).take(count).toArray()

/** Room in a store of ten blobs; what shares less than two bits is nobody's duty here. */
function open(o: { isStray?: (place: Uint8Array) => boolean } = {}) {
  const each = countedBytes(blobOf(0, size))
  const store = memoryStore({ capBytes: 10 * each + 100 })
  const clock = fakeClock(noonMs)
  const { isStray = place => commonPrefix(self, place) < 2 } = o
  const room = createRoom({ store, clock, log: silentLog, self, isStray })
  const put = (blobs: readonly StampedBlob[]) =>
    Promise.allSettled(blobs.map(b => room.store.putBlob(b)))
  const left = async () => {
    const keys: string[] = []
    for await (const { key } of store.entries()) keys.push(toHex(key))
    return keys.sort()
  }
  const named = (blobs: readonly StampedBlob[]) => blobs.map(({ key }) => toHex(key)).sort()
  return { store, room, clock, put, left, named }
}

describe('a full store', () => {
  const near = some(
    30,
    blobsAt(bits => bits >= 2)
  )
  const far = some(
    30,
    blobsAt(bits => bits === 0)
  )
  const between = some(
    30,
    blobsAt(bits => bits === 1)
  )

  it('never gives up what it is responsible for: a flood is refused', async () => {
    const { room, put, left, named } = open()
    await put(near.slice(0, 10))
    const refused = await put([...near.slice(10), ...far])
    assert(refused.every(r => r.status === 'rejected' && r.reason.code === 'STORE_FULL'))
    assert.deepEqual(await left(), named(near.slice(0, 10)))
    assert.equal(room.evicted(), 0)
  })

  it('gives up the farthest for what is nearer, and nothing for what is as far', async () => {
    const { put, left, named, room } = open()
    await put([...near.slice(0, 4), ...far.slice(0, 3), ...between.slice(0, 3)])
    const asFar = await put(far.slice(10, 13))
    assert(asFar.every(r => r.status === 'rejected'))
    assert.equal(room.evicted(), 0)
    await put([between[3]!])
    const after = await left()
    for (const name of named([...near.slice(0, 4), ...between.slice(0, 4)]))
      assert(after.includes(name))
    assert(room.evicted() >= 1)
  })

  it('gives up the soonest to expire of those as far', async () => {
    const { put, left, named, store } = open()
    const [soon] = some(
      1,
      blobsAt(bits => bits === 0, noonMs + 2 * hourMs)
    )
    const late = some(
      2,
      blobsAt(bits => bits === 0, noonMs + 9 * hourMs)
    )
    await put([...near.slice(0, 7), late[0]!, soon!, late[1]!])
    assert.equal(store.usage().blobs, 10)
    await put([near[7]!])
    const after = await left()
    assert(!after.includes(named([soon!])[0]!))
    assert.equal(after.filter(key => named(near.slice(0, 8)).includes(key)).length, 8)
  })

  it('gives up what has expired before anything else', async () => {
    const { put, left, named, clock } = open()
    const old = some(
      2,
      blobsAt(bits => bits >= 2, noonMs + hourMs)
    )
    const later = some(
      8,
      blobsAt(bits => bits === 0, noonMs + 5 * hourMs)
    )
    await put([...old, ...later])
    clock.advance(2 * hourMs)
    const fresh = some(
      2,
      blobsAt(bits => bits >= 2, noonMs + 9 * hourMs)
    )
    await put(fresh)
    assert.deepEqual(await left(), named([...later, ...fresh]))
  })

  it('keeps what has come to be its duty since it looked', async () => {
    let strays = true
    const { put, left, named } = open({ isStray: place => strays && commonPrefix(self, place) < 2 })
    await put([...near.slice(0, 5), ...between.slice(0, 5)])
    await put([near[5]!])
    strays = false
    const before = await left()
    await put(near.slice(6, 12))
    for (const name of before) assert((await left()).includes(name))
    assert(named(near.slice(0, 6)).every(name => before.includes(name)))
  })

  it('says before anything is paid whether something may fit', async () => {
    const { put, room, clock } = open()
    const may = (blob: StampedBlob) => room.mayTake(blob.key, size)
    await put([...near.slice(0, 8), between[0]!])
    assert(may(near[9]!), 'there is room')
    await put([near[8]!])
    assert(may(near[9]!), 'it has not looked yet, and does so now')
    await room.relieve()
    assert(may(near[9]!) && !may(far[0]!), 'for what is near there would be')
    await put([near[9]!])
    assert.equal(room.evicted(), 1)
    assert(!may(near[10]!), 'and now there is not')
    clock.advance(10 * 60_000)
    assert(may(near[10]!), 'it will look again')
  })

  it('comes below a cap that was lowered, as far as it may', async () => {
    const each = countedBytes(near[0]!)
    const store = memoryStore({ capBytes: 11 * each })
    await Promise.all([...near.slice(0, 4), ...far.slice(0, 6)].map(b => store.putBlob(b)))
    const lowered = { ...store, usage: () => ({ ...store.usage(), capBytes: 5 * each }) }
    const isStray = (place: Uint8Array) => commonPrefix(self, place) < 2
    const clock = fakeClock(noonMs)
    const room = createRoom({ store: lowered, clock, log: silentLog, self, isStray })
    await room.relieve()
    assert(store.usage().bytes <= 5 * each)
    assert.deepEqual(
      await store.holding(
        near.slice(0, 4).map(b => b.key),
        noonMs
      ),
      Array(4).fill('blob')
    )
  })

  it('makes room for many at once, one after the other, and passes its cap never', async () => {
    const { put, store } = open()
    await put([...near.slice(0, 3), ...far.slice(0, 7)])
    const results = await put(near.slice(3, 20))
    assert.equal(results.filter(r => r.status === 'fulfilled').length, 7)
    const { bytes, capBytes, blobs } = store.usage()
    assert(bytes <= capBytes && blobs === 10)
  })
})
