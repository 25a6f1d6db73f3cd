import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { utf8 } from '../../src/base/bytes.ts'
import { placeOfKey } from '../../src/routing/distance.ts'
import { levelState, levelStore } from '../../src/store/level.ts'
import { overheadBytes } from '../../src/store/seed-rows.ts'
import type { SeedStore } from '../../src/store/store.ts'
import { readBlob } from '../../src/wire/blob.ts'
import { countedBytes, noonMs } from '../support/store-blobs.ts'
import { temporaryFolder } from '../support/store-folder.ts'
import { isStray, numbered, releaseOf, roomBytes } from '../support/store-writer.ts'

const writer = fileURLToPath(import.meta.resolve('../support/store-writer.ts'))
const rounds = 10
const perRound = 2_000

/** Lets the writer acknowledge `count` things and kills it in the middle of the next. @returns all that it said. */
async function writeUntilKilled(what: string, folder: string, first: number, count: number) {
  const child = spawn(process.execPath, [writer, what, folder, `${first}`], {
    stdio: ['ignore', 'pipe', 'inherit']
  })
  const said: string[] = []
  const closed = once(child, 'close')
  if (count === 0) child.kill('SIGKILL') // while it starts or opens
  for await (const line of createInterface({ input: child.stdout })) {
    said.push(line)
    if (said.length === count) child.kill('SIGKILL')
  }
  await closed
  assert.equal(child.signalCode, 'SIGKILL')
  return said.map(line => line.split(' '))
}

/** Counts what is really there, thing by thing. */
async function recount(store: SeedStore, numbers: Iterable<number>) {
  let [blobs, bytes] = [0, 0]
  for await (const { key, kind } of store.entries()) {
    if (kind === 'tombstone') continue
    const blob = await store.getBlob(key, 0)
    assert(blob, 'listed, so it is there')
    readBlob(blob.headerBytes, blob.sealed, key)
    blobs += 1
    bytes += countedBytes(blob)
  }
  for (const n of numbers) {
    const { key } = numbered(n)
    const frames = [await store.getTombstone(key, 0), await store.getRecord(key, 0)]
    for (const frame of frames) if (frame) bytes += frame.byteLength + overheadBytes
  }
  return { blobs, bytes }
}

describe('kill -9', () => {
  it('takes nothing that a SeedStore acknowledged', async () => {
    await using folder = await temporaryFolder()
    const path = join(folder.path, 'db')
    const said: string[][] = []
    for (let round = 0; round < rounds; round++) {
      const count = round === 0 ? 0 : 1 + Math.floor(Math.random() * 150)
      said.push(...(await writeUntilKilled('seed', path, round * perRound, count)))
    }
    // Up to eight are under way beside what was acknowledged last.
    const numbers = new Set<number>()
    const firsts = Array.from({ length: rounds }, (_, round) => `${round * perRound}`)
    for (const n of [...firsts, ...said.map(([, n]) => n!)])
      for (let near = -8; near <= 16; near++) numbers.add(Math.max(0, Number(n) + near))

    await using store = await levelStore(path, { capBytes: 2 ** 30 })
    const tombstones = new Set(said.filter(([what]) => what === 'tombstone').map(([, n]) => n))
    for (const [what, number] of said) {
      const n = Number(number)
      const blob = numbered(n)
      if (what === 'record') assert.deepEqual(await store.getRecord(blob.key, noonMs), releaseOf(n))
      else if (blob.header.expiryMs <= noonMs)
        continue // may be dropped
      else if (tombstones.has(number))
        assert.deepEqual(await store.getTombstone(blob.key, noonMs), releaseOf(n))
      else {
        // One that was about to be released may have been.
        const released = n % 10 === 3 && (await store.getTombstone(blob.key, noonMs)) !== undefined
        if (!released) assert.deepEqual(await store.getBlob(blob.key, noonMs), blob, `blob ${n}`)
      }
    }
    assert(said.length > rounds, 'something was acknowledged')
    const { blobs, bytes } = store.usage()
    assert.deepEqual({ blobs, bytes }, await recount(store, numbers))
  })

  it('takes nothing that a full SeedStore acknowledged and is responsible for', async () => {
    await using folder = await temporaryFolder()
    const path = join(folder.path, 'db')
    const said: string[][] = []
    for (let round = 0; round < rounds / 2; round++) {
      const count = 50 + Math.floor(Math.random() * 100)
      said.push(...(await writeUntilKilled('room', path, round * perRound, count)))
    }
    await using store = await levelStore(path, { capBytes: roomBytes })
    let dropped = 0
    for (const [what, n] of said) {
      const blob = numbered(Number(n))
      if (what !== 'blob' || blob.header.expiryMs <= noonMs) continue
      const found = await store.getBlob(blob.key, noonMs)
      if (found === undefined && isStray(placeOfKey(blob.key))) dropped += 1
      else assert.deepEqual(found, blob, `blob ${n}`)
    }
    assert(dropped > 0, 'something made room')
    const { blobs, bytes } = store.usage()
    assert(bytes <= roomBytes)
    assert.deepEqual({ blobs, bytes }, await recount(store, []))
  })

  it('takes nothing that a State acknowledged', async () => {
    await using folder = await temporaryFolder()
    const path = join(folder.path, 'db')
    const said: string[][] = []
    for (let round = 0; round < rounds / 2; round++) {
      const count = 1 + Math.floor(Math.random() * 80)
      said.push(...(await writeUntilKilled('state', path, round * perRound, count)))
    }
    await using state = await levelState(path)
    const entries = await state.page('log', 0, 100_000)
    assert.deepEqual(
      entries.map(({ sequence }) => sequence),
      entries.map((_, i) => i + 1),
      'no number is missing and none was used twice'
    )
    for (const [, n, sequence] of said) {
      assert.deepEqual(entries[Number(sequence) - 1]!.entry, utf8(n!))
      assert.deepEqual(await state.get('table', n!), utf8(n!))
    }
    assert.equal((await state.list('table')).length, entries.length)
  })
})
