import { equalBytes } from '../base/bytes.ts'
import { MuttrError } from '../base/errors.ts'
import type { View } from './committer.ts'
import type { Rows } from './rows.ts'
import { rowAfter } from './rows.ts'
import type { Expiring } from './seed-rows.ts'
import {
  blobRow,
  decodeBlob,
  decodeCount,
  decodeMeta,
  decodeRecord,
  encodeCount,
  expiryRange,
  expiryRow,
  kinds,
  metaRow,
  overheadBytes,
  readExpiryRow,
  recordRow
} from './seed-rows.ts'

/** What the expiry index adds up to: it has one row for each blob, tombstone and record, with the bytes that count for it. */
export interface Counted {
  readonly blobs: number
  readonly bytes: number
}
export type SeedView = View<Counted>

const pageRows = 8_192

/**
 * Adds the index up. Done at every opening (a few seconds for a million rows), it is exact after any crash, without
 * a counter that each put would have to write.
 */
export async function countIndex(rows: Rows): Promise<Counted> {
  let blobs = 0
  let bytes = 0
  let { gte, lt } = expiryRange()
  for (;;) {
    const page = await rows.range({ gte, lt, limit: pageRows })
    for (const [row, value] of page) {
      bytes += decodeCount(row, value)
      if (readExpiryRow(row).kind === kinds.blob) blobs += 1
    }
    if (page.length < pageRows) return { blobs, bytes }
    gte = rowAfter(page.at(-1)![0])
  }
}

/**
 * Indexes `next`, of `ownBytes`, in the place of what stands under its key; the caller writes the thing itself.
 * @throws {MuttrError} `STORE_FULL` when that would pass the cap. What shrinks is always taken.
 */
export function place(view: SeedView, next: Expiring, ownBytes: number, capBytes: number): void {
  const index = expiryRow(next)
  const old = standing(view, next)
  const replaced = old === undefined || equalBytes(old, index) ? [index] : [old, index]
  let freed = 0
  for (const row of replaced) freed += decodeCount(row, view.read(row))
  checkRoom(view, ownBytes, freed, capBytes)
  for (const row of replaced) unindex(view, row)
  enter(view, index, next, ownBytes)
}

/** As {@link place}, where no row stands under the key: nothing is read. */
export function placeNew(view: SeedView, next: Expiring, ownBytes: number, capBytes: number): void {
  checkRoom(view, ownBytes, 0, capBytes)
  enter(view, expiryRow(next), next, ownBytes)
}

function checkRoom({ state }: SeedView, ownBytes: number, freed: number, capBytes: number): void {
  const counted = ownBytes + overheadBytes
  if (counted > freed && state.bytes - freed + counted > capBytes)
    throw new MuttrError('STORE_FULL', `the cap of ${capBytes} bytes leaves no room for ${counted}`)
}

function enter(view: SeedView, index: Uint8Array, next: Expiring, ownBytes: number): void {
  const counted = ownBytes + overheadBytes
  view.write(index, encodeCount(index, counted))
  add(view, next, 1, counted)
}

/** Drops what an index row names, if it still stands as named. @returns whether the row was there. */
export function drop(view: SeedView, index: Uint8Array): boolean {
  if (view.read(index) === undefined) return false
  const named = readExpiryRow(index)
  const old = standing(view, named)
  unindex(view, index)
  if (old === undefined || !equalBytes(old, index)) return true
  if (named.kind === kinds.record) view.write(recordRow(named.key), null)
  else view.write(metaRow(named.key), null)
  if (named.kind === kinds.blob) view.write(blobRow(named.key), null)
  return true
}

/** Drops the blob under `key`, where one stands. */
export function dropBlob(view: SeedView, key: Uint8Array): void {
  const index = standing(view, { kind: kinds.blob, key })
  if (index !== undefined && readExpiryRow(index).kind === kinds.blob) drop(view, index)
}

/** Drops a blob whose bytes are no longer those that were written, with all that says it is here. */
export function dropSpoiled(view: SeedView, key: Uint8Array): void {
  const row = blobRow(key)
  const found = view.read(row)
  if (found === undefined || decodeBlob(row, found) !== undefined) return
  const old = standing(view, { kind: kinds.blob, key })
  if (old !== undefined) drop(view, old)
  view.write(row, null)
}

/** The index row of what stands under the same key: a record, or a blob or tombstone. */
function standing(view: SeedView, { kind, key }: Omit<Expiring, 'expiryMs'>) {
  const isRecord = kind === kinds.record
  const row = isRecord ? recordRow(key) : metaRow(key)
  const found = isRecord ? decodeRecord(row, view.read(row)) : decodeMeta(row, view.read(row))
  return found && expiryRow({ key, expiryMs: found.expiryMs, kind: found.kind })
}

function unindex(view: SeedView, index: Uint8Array): void {
  const found = view.read(index)
  if (found === undefined) return
  view.write(index, null)
  add(view, readExpiryRow(index), -1, -decodeCount(index, found))
}

function add(view: SeedView, { kind }: Expiring, things: number, bytes: number): void {
  const blobs = view.state.blobs + (kind === kinds.blob ? things : 0)
  view.state = { blobs, bytes: view.state.bytes + bytes }
}
