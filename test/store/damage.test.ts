import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { levelState, levelStore } from '../../src/store/level.ts'
import { blobOf, countedBytes, noonMs } from '../support/store-blobs.ts'
import { damages, spoil } from '../support/store-damage.ts'
import { temporaryFolder } from '../support/store-folder.ts'

const capBytes = 100_000_000
const blobs = Array.from({ length: 40 }, (_, n) => blobOf(n, 3_000))
const writer = fileURLToPath(import.meta.resolve('../support/store-writer.ts'))

/** A database with something in it, closed, and its tables written. */
async function filledStore(path: string) {
  await using store = await levelStore(path, { capBytes })
  await Promise.all(blobs.map(blob => store.putBlob(blob)))
  await store[Symbol.asyncDispose]()
  await using again = await levelStore(path, { capBytes }) // turns the log into a table
  assert.equal(again.usage().blobs, blobs.length)
}

describe('a database', () => {
  it('is open once at a time', async () => {
    await using folder = await temporaryFolder()
    const path = join(folder.path, 'db')
    await using _store = await levelStore(path, { capBytes })
    await assert.rejects(levelStore(path, { capBytes }), { code: 'HOME_IN_USE' })
    await using _state = await levelState(join(folder.path, 'state'))
    await assert.rejects(levelState(join(folder.path, 'state')), { code: 'HOME_IN_USE' })
  })

  it('is open in one process at a time, and free again when that one is killed', async () => {
    await using folder = await temporaryFolder()
    const child = spawn(process.execPath, [writer, 'seed', folder.path, '0'], {
      stdio: ['ignore', 'pipe', 'inherit']
    })
    try {
      await once(createInterface({ input: child.stdout }), 'line')
      await assert.rejects(levelStore(folder.path, { capBytes }), { code: 'HOME_IN_USE' })
    } finally {
      child.kill('SIGKILL')
      child.stdout.resume()
      await once(child, 'close')
    }
    await using _store = await levelStore(folder.path, { capBytes })
  })

  it('is not taken for another', async () => {
    await using folder = await temporaryFolder()
    await using store = await levelStore(folder.path, { capBytes })
    await store[Symbol.asyncDispose]()
    await assert.rejects(levelState(folder.path), {
      code: 'HOME_DAMAGED',
      message: /muttr seed store 1/
    })
    await using _again = await levelStore(folder.path, { capBytes })
  })

  it('is refused where no folder can be', async () => {
    await using folder = await temporaryFolder()
    await writeFile(join(folder.path, 'file'), '')
    await assert.rejects(levelStore(join(folder.path, 'file', 'db'), { capBytes }), {
      code: 'DISK_FAILED'
    })
  })

  it('is made again where making it was interrupted', async () => {
    await using folder = await temporaryFolder()
    await writeFile(join(folder.path, 'MANIFEST-000001'), '')
    await writeFile(join(folder.path, 'LOCK'), '')
    await using _store = await levelStore(folder.path, { capBytes })
  })

  for (const [what, damage] of damages)
    it(`that lost ${what} is refused as damaged`, async () => {
      await using folder = await temporaryFolder()
      await filledStore(folder.path)
      await damage(folder.path)
      await assert.rejects(levelStore(folder.path, { capBytes }), { code: 'HOME_DAMAGED' })
    })

  it('of a seed drops a blob whose bytes the disk spoiled, so that repair brings it back', async () => {
    await using folder = await temporaryFolder()
    await filledStore(folder.path)
    const spoiled = blobs[17]!
    await spoil(folder.path, spoiled.header.hash)
    await using store = await levelStore(folder.path, { capBytes })
    assert.deepEqual(await store.holding([spoiled.key], noonMs), ['blob'])
    const gets = [store.getBlob(spoiled.key, noonMs), store.getBlob(spoiled.key, noonMs)]
    assert.deepEqual(await Promise.all(gets), [undefined, undefined])
    assert.deepEqual(await store.holding([spoiled.key], noonMs), ['none'])
    const rest = blobs.filter(blob => blob !== spoiled)
    const bytes = rest.reduce((sum, blob) => sum + countedBytes(blob), 0)
    assert.deepEqual(store.usage(), { blobs: rest.length, bytes, capBytes })
    for (const blob of rest) assert.deepEqual(await store.getBlob(blob.key, noonMs), blob)
    await store.putBlob(spoiled)
    assert.deepEqual(await store.getBlob(spoiled.key, noonMs), spoiled)
  })

  it('of a state says that a row is not what was written', async () => {
    await using folder = await temporaryFolder()
    const value = blobOf(1).sealed
    await using state = await levelState(folder.path)
    await state.write([
      { type: 'put', table: 't', key: 'k', value },
      { type: 'put', table: 't', key: 'l', value: new Uint8Array([1]) }
    ])
    await state[Symbol.asyncDispose]()
    await using table = await levelState(folder.path) // turns the log into a table
    await table[Symbol.asyncDispose]()
    await spoil(folder.path, value.subarray(10, 40))
    await using again = await levelState(folder.path)
    await assert.rejects(again.get('t', 'k'), { code: 'HOME_DAMAGED' })
    await assert.rejects(again.list('t'), { code: 'HOME_DAMAGED' })
    assert.deepEqual(await again.get('t', 'l'), new Uint8Array([1]))
  })

  it('counts the same when it is opened again, and holds to a smaller cap', async () => {
    await using folder = await temporaryFolder()
    await filledStore(folder.path)
    const bytes = blobs.reduce((sum, blob) => sum + countedBytes(blob), 0)
    await using store = await levelStore(folder.path, { capBytes: bytes - 1 })
    assert.deepEqual(store.usage(), { blobs: blobs.length, bytes, capBytes: bytes - 1 })
    await store.putBlob(blobs[0]!)
    await assert.rejects(store.putBlob(blobOf(99, 1)), { code: 'STORE_FULL' })
    await store.putTombstone(blobs[0]!.key, new Uint8Array(100), noonMs)
    await store.putBlob(blobOf(99, 1))
  })
})
