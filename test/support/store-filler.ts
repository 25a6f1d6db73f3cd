import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { codeOf } from '../../src/base/errors.ts'
import { levelState, levelStore } from '../../src/store/level.ts'
import type { SeedStore } from '../../src/store/store.ts'
import { blobOf, countedBytes, noonMs } from './store-blobs.ts'

/**
 * Fills a store until its disk is full, makes room, goes on and checks that nothing acknowledged is gone.
 * Usage: node store-filler.ts seed|state ballast|limit FOLDER
 * `ballast`: FOLDER is on a small disk; a file beside the store takes some of it and is removed to make room.
 * `limit`: the process may not write large files; it is allowed to, to make room.
 */
const [what, how, folder = ''] = process.argv.slice(2)
const ballast = join(folder, 'ballast')
const database = join(folder, 'db')
const KiB = 1024

function makeRoom() {
  if (how === 'ballast') rmSync(ballast)
  else execFileSync('prlimit', ['--pid', `${process.pid}`, '--fsize=unlimited'])
}

/** Writes numbered things, eight at once, until one is refused. @returns the numbers acknowledged, and why the rest was not. */
async function writeUntilFull(first: number, write: (n: number) => Promise<void>) {
  const acknowledged: number[] = []
  const codes = new Set<string | undefined>()
  let next = first
  const writer = async () => {
    while (codes.size === 0) {
      const n = next++
      await write(n).then(
        () => acknowledged.push(n),
        err => codes.add(codeOf(err) ?? String(err))
      )
    }
  }
  await Promise.all(Array.from({ length: 8 }, writer))
  return { acknowledged, codes: [...codes] }
}

const numbered = (n: number) => blobOf(n, [1, 4, 16, 64, 256][n % 5]! * KiB)

/**
 * Writes of 256 KiB until ten were refused. The database may tidy up behind a refusal and find room for some more; what it then
 * acknowledges counts like all else.
 * @returns what was taken after all.
 */
async function largeUntilRefused(write: (n: number) => Promise<void>): Promise<number[]> {
  const taken: number[] = []
  let refused = 0
  for (let n = 1_004; refused < 10; n += 5) {
    assert(n < 2_000, 'a full disk takes more than it can hold')
    try {
      await write(n)
      taken.push(n)
    } catch (err) {
      assert.equal(codeOf(err), 'DISK_FULL')
      refused++
    }
  }
  return taken
}

async function checkAll(store: SeedStore, numbers: number[]) {
  for (const n of numbers)
    assert.deepEqual(await store.getBlob(numbered(n).key, noonMs), numbered(n), `blob ${n}`)
  const counted = numbers.reduce((sum, n) => sum + countedBytes(numbered(n)), 0)
  assert.equal(store.usage().blobs, numbers.length)
  assert.equal(store.usage().bytes, counted)
}

async function fillSeed() {
  let store = await levelStore(database, { capBytes: 2 ** 40 })
  const put = (n: number) => store.putBlob(numbered(n))
  await put(0)
  const { acknowledged, codes } = await writeUntilFull(1, put)
  assert.deepEqual(codes, ['DISK_FULL'])
  acknowledged.push(0)
  // Still full: large ones go on being refused, and reading goes on.
  acknowledged.push(...(await largeUntilRefused(put)))
  await checkAll(store, acknowledged)

  makeRoom()
  for (let n = 2_000; n < 2_040; n++) {
    await put(n)
    acknowledged.push(n)
  }
  await checkAll(store, acknowledged)
  await store[Symbol.asyncDispose]()
  store = await levelStore(database, { capBytes: 2 ** 40 })
  await checkAll(store, acknowledged)
  await store[Symbol.asyncDispose]()
  return acknowledged.length
}

async function fillState() {
  let state = await levelState(database)
  const sequences = new Map<number, number>()
  const append = async (n: number) => {
    const written = await state.write([{ type: 'append', log: 'log', entry: numbered(n).sealed }])
    sequences.set(n, written.sequences[0]!)
  }
  const check = async () => {
    for (const [n, sequence] of sequences)
      assert.deepEqual(await state.page('log', sequence - 1, 1), [
        { sequence, entry: numbered(n).sealed }
      ])
  }
  const { codes } = await writeUntilFull(0, append)
  assert.deepEqual(codes, ['DISK_FULL'])
  await largeUntilRefused(append)
  await check()
  makeRoom()
  for (let n = 2_000; n < 2_040; n++) await append(n)
  await state[Symbol.asyncDispose]()
  state = await levelState(database)
  await check()
  await state[Symbol.asyncDispose]()
  return sequences.size
}

if (how === 'ballast') writeFileSync(ballast, Buffer.alloc(20 * KiB * KiB, 1))
const count = await (what === 'seed' ? fillSeed() : fillState())
process.stdout.write(`${count} kept\n`)
