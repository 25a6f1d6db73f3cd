import { MuttrError } from '../base/errors.ts'
import type { Millis } from '../base/ports.ts'
import type { StampedBlob } from '../wire/blob.ts'
import { Committer } from './committer.ts'
import type { Rows } from './rows.ts'
import { rowAfter } from './rows.ts'
import type { Counted, SeedView } from './seed-index.ts'
import { drop, dropBlob, dropSpoiled, place, placeNew } from './seed-index.ts'
import type { Meta } from './seed-rows.ts'
import {
  blobMeta,
  blobRow,
  countedBytes,
  decodeBlob,
  decodeMeta,
  decodeRecord,
  encodeBlob,
  encodeMeta,
  encodeRecord,
  expiryRange,
  kinds,
  metaRange,
  metaRow,
  recordRow
} from './seed-rows.ts'
import type { Entry, Holding, SeedStore } from './store.ts'

/** Rows that one read of a list, or one group of drops, takes. */
const pageRows = 128

/** A SeedStore on ordered rows; `counted` is what its index adds up to. Source: docs/protocol/store.md */
export function createSeedStore(
  rows: Rows,
  { capBytes, counted }: { capBytes: number; counted: Counted }
): SeedStore {
  const committer = new Committer<Counted>(rows, counted)
  return {
    putBlob: blob => committer.run(view => putBlob(view, blob, capBytes)),

    async getBlob(key, nowMs) {
      const row = blobRow(key)
      const found = await rows.get(row)
      if (found === undefined) return undefined
      const blob = decodeBlob(row, found)
      // What the disk spoiled is dropped, so that we no longer say that we hold it and repair brings it back.
      if (blob === undefined) await committer.run(view => dropSpoiled(view, key))
      return blob && blob.header.expiryMs > nowMs ? blob : undefined
    },

    async holding(keys, nowMs) {
      const metas = keys.map(metaRow)
      const found = await rows.getMany(metas)
      return metas.map((row, i) => holdingOf(decodeMeta(row, found[i]), nowMs))
    },

    putTombstone: (key, frame, expiryMs) =>
      committer.run(view => {
        const meta: Meta = { kind: kinds.tombstone, expiryMs, lengthBytes: 0, frame }
        place(view, { kind: meta.kind, key, expiryMs }, frame.byteLength, capBytes)
        view.write(blobRow(key), null)
        view.write(metaRow(key), encodeMeta(metaRow(key), meta))
      }),

    async getTombstone(key, nowMs) {
      const row = metaRow(key)
      const meta = decodeMeta(row, await rows.get(row))
      return holdingOf(meta, nowMs) === 'tombstone' ? meta?.frame : undefined
    },

    putRecord: (key, frame, expiryMs) =>
      committer.run(view => {
        place(view, { kind: kinds.record, key, expiryMs }, frame.byteLength, capBytes)
        view.write(recordRow(key), encodeRecord(recordRow(key), expiryMs, frame))
      }),

    async getRecord(key, nowMs) {
      const row = recordRow(key)
      const record = decodeRecord(row, await rows.get(row))
      return record && record.expiryMs > nowMs ? record.frame : undefined
    },

    entries: range => listEntries(rows, range),
    drop: key => committer.run(view => dropBlob(view, key)),
    expire: (nowMs, limit) => expire(rows, committer, nowMs, limit),
    usage: () => ({ ...committer.state, capBytes }),
    [Symbol.asyncDispose]: () => committer[Symbol.asyncDispose]()
  }
}

function holdingOf(meta: Meta | undefined, nowMs: Millis): Holding {
  if (meta === undefined || meta.expiryMs <= nowMs) return 'none'
  return meta.kind === kinds.blob ? 'blob' : 'tombstone'
}

function putBlob(view: SeedView, blob: StampedBlob, capBytes: number): void {
  const { key } = blob
  const [row, blobsRow] = [metaRow(key), blobRow(key)]
  const stands = view.read(row)
  const found = decodeMeta(row, stands)
  if (found?.kind === kinds.tombstone)
    throw new MuttrError('BLOB_RELEASED', 'a tombstone stands in its place')
  if (found !== undefined) return // the key commits to the bytes: it is the same blob
  const meta = blobMeta(blob)
  const enter = stands === undefined ? placeNew : place
  enter(view, { kind: meta.kind, expiryMs: meta.expiryMs, key }, countedBytes(blob), capBytes)
  view.write(blobsRow, encodeBlob(blobsRow, blob))
  view.write(row, encodeMeta(row, meta))
}

/** By pages, so that a slow reader holds no snapshot of the database. */
async function* listEntries(
  rows: Rows,
  range?: { gte?: Uint8Array; lt?: Uint8Array }
): AsyncGenerator<Entry> {
  let { gte, lt } = metaRange(range?.gte, range?.lt)
  for (;;) {
    const page = await rows.range({ gte, lt, limit: pageRows })
    for (const [row, value] of page) {
      const meta = decodeMeta(row, value)
      if (meta === undefined) continue
      const { expiryMs, lengthBytes } = meta
      const kind = meta.kind === kinds.blob ? 'blob' : 'tombstone'
      yield { key: row.slice(1), kind, expiryMs, lengthBytes }
    }
    if (page.length < pageRows) return
    gte = rowAfter(page.at(-1)![0])
  }
}

async function expire(rows: Rows, committer: Committer<Counted>, nowMs: Millis, limit: number) {
  let dropped = 0
  while (dropped < limit) {
    const size = Math.min(pageRows, limit - dropped)
    const page = await rows.range({ ...expiryRange(nowMs), limit: size })
    dropped += await committer.run(view => {
      let rowsDropped = 0
      for (const [index] of page) if (drop(view, index)) rowsDropped += 1
      return rowsDropped
    })
    if (page.length < size) break
  }
  return dropped
}
