import assert from 'node:assert/strict'
import { compareBytes, toHex } from '../../src/base/bytes.ts'
import { codeOf } from '../../src/base/errors.ts'
import { overheadBytes } from '../../src/store/seed-rows.ts'
import type { SeedStore } from '../../src/store/store.ts'
import { makeBlob } from '../../src/wire/blob.ts'
import { countedBytes } from './store-blobs.ts'

const hourMs = 3_600_000

export interface ModelStep {
  /** `together` puts a blob without waiting for it. */
  what: 'blob' | 'together' | 'tombstone' | 'record' | 'expire' | 'drop'
  n: number
  hours: number
  lengthBytes: number
}
interface Thing {
  kind: 'blob' | 'tombstone' | 'record'
  key: Uint8Array
  bytes: Uint8Array
  counted: number
  expiryMs: number
}

/** What a SeedStore should do, as plainly as it can be said. */
export function storeModel(capBytes: number, startMs: number) {
  const things = new Map<string, Thing>()
  const total = () => [...things.values()].reduce((sum, thing) => sum + thing.counted, 0)

  function put(name: string, thing: Thing): string | undefined {
    const freed = things.get(name)?.counted ?? 0
    if (thing.counted > freed && total() - freed + thing.counted > capBytes) return 'STORE_FULL'
    things.set(name, thing)
    return undefined
  }

  /** A blob's key commits to its expiry, so of each number there is one. */
  function blobOf(n: number) {
    const secret = new Uint8Array(32).fill(n + 1)
    const expiryMs = startMs + ((n % 6) + 1) * hourMs
    const sealed = new Uint8Array(1 + n * 20).fill(n)
    const blob = makeBlob(sealed, { expiryMs, retract: secret, accept: null })
    return { ...blob, stamp: new Uint8Array(14).fill(n) }
  }

  /** Does a step to both; the outcomes must be the same. */
  async function step(store: SeedStore, { what, n, hours, lengthBytes }: ModelStep): Promise<void> {
    const expiryMs = startMs + hours * hourMs
    const blob = blobOf(n)
    const { key } = blob
    const bytes = new Uint8Array(lengthBytes).fill(n)
    const counted = lengthBytes + overheadBytes
    const name = toHex(key)
    if (what === 'record') {
      const expected = put(`record ${name}`, { kind: what, key, bytes, counted, expiryMs })
      assert.equal(await outcome(store.putRecord(key, bytes, expiryMs)), expected)
    } else if (what === 'tombstone') {
      const expected = put(name, { kind: what, key, bytes, counted, expiryMs })
      assert.equal(await outcome(store.putTombstone(key, bytes, expiryMs)), expected)
    } else if (what === 'drop') {
      if (things.get(name)?.kind === 'blob') things.delete(name)
      await store.drop(key)
    } else if (what === 'expire') {
      const gone = [...things].filter(([, thing]) => thing.expiryMs <= expiryMs)
      for (const [gonesName] of gone) things.delete(gonesName)
      assert.equal(await store.expire(expiryMs, 1_000), gone.length)
    } else {
      const counted = countedBytes(blob)
      const thing: Thing = {
        kind: 'blob',
        key,
        bytes: blob.sealed,
        counted,
        expiryMs: blob.header.expiryMs
      }
      const stands = things.get(name)?.kind
      const expected =
        stands === 'tombstone' ? 'BLOB_RELEASED' : stands === 'blob' ? undefined : put(name, thing)
      assert.equal(await outcome(store.putBlob(blob)), expected)
    }
  }

  async function compare(store: SeedStore): Promise<void> {
    const all = [...things.values()]
    const blobs = all.filter(({ kind }) => kind === 'blob')
    assert.deepEqual(store.usage(), { blobs: blobs.length, bytes: total(), capBytes })
    const listed: Uint8Array[] = []
    for await (const { key } of store.entries()) listed.push(key)
    const standing = all.filter(({ kind }) => kind !== 'record')
    assert.deepEqual(listed, standing.map(({ key }) => key).sort(compareBytes))
    for (const { kind, key, bytes } of all) {
      if (kind === 'blob') assert.deepEqual((await store.getBlob(key, startMs))?.sealed, bytes)
      if (kind === 'tombstone') assert.deepEqual(await store.getTombstone(key, startMs), bytes)
      if (kind === 'record') assert.deepEqual(await store.getRecord(key, startMs), bytes)
      else assert.deepEqual(await store.holding([key], startMs), [kind])
    }
  }

  return { step, compare }
}

const outcome = (asked: Promise<void>) => asked.then(() => undefined, codeOf)
