import assert from 'node:assert/strict'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { utf8 } from '../../src/base/bytes.ts'
import { levelState, levelStore } from '../../src/store/level.ts'
import { repairState, repairStore } from '../../src/store/repair.ts'
import { overheadBytes } from '../../src/store/seed-rows.ts'
import type { Change } from '../../src/store/state.ts'
import type { SeedStore } from '../../src/store/store.ts'
import { blobOf, countedBytes, noonMs } from '../support/store-blobs.ts'
import { damages, filesOf, spoil } from '../support/store-damage.ts'
import { temporaryFolder } from '../support/store-folder.ts'

const capBytes = 100_000_000
const blobs = Array.from({ length: 50 }, (_, n) => blobOf(n, 3_000))
const frame = utf8('a frame')
const append = (n: number): Change => ({ type: 'append', log: 'log', entry: utf8(`entry ${n}`) })
const put = (n: number): Change => ({
  type: 'put',
  table: 't',
  key: `${n}`,
  value: utf8(`row ${n}`)
})

async function fillStore(path: string) {
  await using store = await levelStore(path, { capBytes })
  await Promise.all(blobs.map(blob => store.putBlob(blob)))
  await store.putTombstone(blobs[0]!.key, frame, noonMs + 1)
  await store.putRecord(blobs[1]!.key, frame, noonMs + 2)
}

async function fillState(path: string) {
  await using state = await levelState(path)
  for (let n = 1; n <= 20; n++) await state.write([append(n), put(n)])
  await state.write([{ type: 'trim', log: 'log', through: 5 }])
}

/** Opening once more turns the log into a table. */
async function settle(path: string, open: (path: string) => Promise<AsyncDisposable>) {
  await using _once = await open(path)
}
const open = (path: string) => levelStore(path, { capBytes })

async function assertCounted(store: SeedStore) {
  let [count, bytes] = [0, 0]
  for await (const { key, kind } of store.entries()) {
    if (kind === 'tombstone') continue
    bytes += countedBytes((await store.getBlob(key, noonMs))!)
    count += 1
  }
  for (const { key } of blobs)
    for (const found of [await store.getTombstone(key, 0), await store.getRecord(key, 0)])
      if (found) bytes += found.byteLength + overheadBytes
  assert.deepEqual(store.usage(), { blobs: count, bytes, capBytes })
  return count
}

describe('repair', () => {
  for (const [what, damage] of damages)
    it(`gives back what is left of a seed's store that lost ${what}`, async () => {
      await using folder = await temporaryFolder()
      await fillStore(folder.path)
      await settle(folder.path, open)
      await damage(folder.path)
      await assert.rejects(open(folder.path), { code: 'HOME_DAMAGED' })

      const { kept } = await repairStore(folder.path)
      await using store = await open(folder.path)
      const count = await assertCounted(store)
      if (!what.includes('table')) assert.equal(count, blobs.length - 1)
      if (!what.includes('table')) assert.equal(kept, blobs.length + 1)
      await Promise.all(blobs.slice(1).map(blob => store.putBlob(blob)))
      assert.equal(await assertCounted(store), blobs.length - 1)
      assert.equal(await store.expire(noonMs + 2, 10), what.includes('table') ? 0 : 2)
    })

  it('of a seed drops what the disk spoiled', async () => {
    await using folder = await temporaryFolder()
    await fillStore(folder.path)
    await settle(folder.path, open)
    await spoil(folder.path, blobs[7]!.header.hash)
    assert.deepEqual(await repairStore(folder.path), { kept: 50, dropped: 1 })
    await using store = await open(folder.path)
    assert.equal(await assertCounted(store), blobs.length - 2)
    assert.deepEqual(await store.getTombstone(blobs[0]!.key, noonMs), frame)
    assert.deepEqual(await store.getRecord(blobs[1]!.key, noonMs), frame)
  })

  it('of a whole database changes nothing', async () => {
    await using folder = await temporaryFolder()
    await fillStore(join(folder.path, 'seed'))
    await fillState(join(folder.path, 'state'))
    assert.deepEqual(await repairStore(join(folder.path, 'seed')), { kept: 51, dropped: 0 })
    assert.deepEqual(await repairState(join(folder.path, 'state')), { kept: 36, dropped: 0 })
    await using store = await open(join(folder.path, 'seed'))
    assert.equal(await assertCounted(store), blobs.length - 1)
    await using state = await levelState(join(folder.path, 'state'))
    assert.deepEqual((await state.write([append(21)])).sequences, [21])
    assert.equal((await state.page('log', 0, 100))[0]!.sequence, 6)
    assert.equal((await state.list('t')).length, 20)
  })

  it('is refused while the database is open', async () => {
    await using folder = await temporaryFolder()
    await using _store = await open(folder.path)
    await assert.rejects(repairStore(folder.path), { code: 'HOME_IN_USE' })
  })

  it('of a state drops rows that are not what was written', async () => {
    await using folder = await temporaryFolder()
    await fillState(folder.path)
    await settle(folder.path, levelState)
    await spoil(folder.path, utf8('row 7'))
    await spoil(folder.path, utf8('entry 9'))
    assert.deepEqual(await repairState(folder.path), { kept: 34, dropped: 2 })
    await using state = await levelState(folder.path)
    assert.equal(await state.get('t', '7'), undefined)
    assert.equal((await state.list('t')).length, 19)
    const entries = await state.page('log', 0, 100)
    assert.deepEqual(entries.map(({ sequence }) => sequence).slice(0, 4), [6, 7, 8, 10])
    await state.write([{ type: 'trim', log: 'log', through: 12 }])
    assert.equal((await state.page('log', 0, 100))[0]!.sequence, 13)
  })

  it('of a state never lets a log use a number twice, also when its counter is lost', async () => {
    await using folder = await temporaryFolder()
    await fillState(folder.path)
    await settle(folder.path, levelState)
    await spoil(folder.path, utf8('clog')) // the key of the counter's row
    for (const file of await filesOf(folder.path, /^(CURRENT|MANIFEST.*)$/)) await rm(file)
    await assert.rejects(levelState(folder.path), { code: 'HOME_DAMAGED' })
    await repairState(folder.path)
    await using state = await levelState(folder.path)
    assert.equal((await state.page('log', 0, 100)).length, 15)
    assert.deepEqual((await state.write([append(21)])).sequences, [1_000_021])
  })
})
