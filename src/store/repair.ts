import { codeOf } from '../base/errors.ts'
import type { StampedBlob } from '../wire/blob.ts'
import { checkSealed, readHeader } from '../wire/blob.ts'
import { openRow, sealRow } from './checked.ts'
import { levelRows } from './level-rows.ts'
import { rowOf } from './row-bytes.ts'
import type { KeyValue, RowChange, Rows } from './rows.ts'
import { rowAfter } from './rows.ts'
import type { Expiring } from './seed-rows.ts'
import {
  blobMeta,
  countedBytes,
  decodeBlob,
  decodeMeta,
  decodeRecord,
  encodeCount,
  encodeMeta,
  expiryRow,
  kinds,
  metaRow,
  overheadBytes,
  seedFormat
} from './seed-rows.ts'
import { decodeEnds, encodeEnds, logOf, logRow, sequenceOf, stateFormat } from './state-rows.ts'

export interface Repaired {
  /** Rows that are what was written: of a seed its blobs, tombstones and records. */
  kept: number
  /** Rows that were damaged, or useless without another that is lost. */
  dropped: number
}

/** Blobs come by the dozen: a page of the largest holds 4 MiB. */
const pageRows = 16
/** After a log's counter is lost, so many numbers are left out, so that none is used twice. */
const sequencesLeftOut = 1_000_000

/**
 * Salvages a damaged SeedStore: what still verifies is kept, and its index is made anew. The folder must not be open.
 * @throws {MuttrError} `HOME_IN_USE`, `HOME_DAMAGED` when nothing can be made of it, `DISK_FULL`, `DISK_FAILED`
 */
export async function repairStore(folder: string): Promise<Repaired> {
  await using rows = await levelRows(folder, { format: seedFormat, sync: true, salvage: true })
  const repaired: Repaired = { kept: 0, dropped: 0 }
  const index = (thing: Expiring, ownBytes: number): RowChange => {
    repaired.kept += 1
    const key = expiryRow(thing)
    return { key, value: encodeCount(key, ownBytes + overheadBytes) }
  }
  const drop = (key: Uint8Array): RowChange => {
    repaired.dropped += 1
    return { key, value: null }
  }

  await sweep(rows, 'e', ([key]) => [{ key, value: null }])
  await sweep(rows, 'm', ([row, value]) => {
    const meta = decodeMeta(row, value)
    if (meta?.kind === kinds.blob) return [{ key: row, value: null }] // comes back with its blob
    if (meta === undefined) return [drop(row)]
    return [index({ ...meta, key: row.slice(1) }, meta.frame.byteLength)]
  })
  await sweep(rows, 'b', ([row, value]) => {
    const blob = verifiedBlob(row, value)
    const meta = metaRow(row.subarray(1))
    if (blob === undefined || rows.readNow(meta) !== undefined) return [drop(row)]
    const made = blobMeta(blob)
    return [
      { key: meta, value: encodeMeta(meta, made) },
      index({ ...made, key: blob.key }, countedBytes(blob))
    ]
  })
  await sweep(rows, 'r', ([row, value]) => {
    const record = decodeRecord(row, value)
    return [record ? index({ ...record, key: row.slice(1) }, record.frame.byteLength) : drop(row)]
  })
  return repaired
}

function verifiedBlob(row: Uint8Array, value: Uint8Array): StampedBlob | undefined {
  try {
    const blob = decodeBlob(row, value)
    if (blob) checkSealed(readHeader(blob.headerBytes, row.subarray(1)).header, blob.sealed)
    return blob
  } catch (err) {
    if (codeOf(err) === 'BLOB_INVALID') return undefined
    throw err
  }
}

/**
 * Salvages a damaged State: drops rows that are not what was written, and sees to it that no log uses a number twice.
 * Rows may be missing, or come back that were deleted. The folder must not be open. @throws as {@link repairStore}
 */
export async function repairState(folder: string): Promise<Repaired> {
  await using rows = await levelRows(folder, { format: stateFormat, sync: true, salvage: true })
  const repaired: Repaired = { kept: 0, dropped: 0 }
  const ends = new Map<string, { first: number; last: number; counted: boolean }>()
  const check = ([key, value]: KeyValue): Uint8Array | undefined => {
    const whole = openRow(key, value)
    if (whole) repaired.kept += 1
    else repaired.dropped += 1
    return whole
  }
  const dropDamaged = (row: KeyValue) => (check(row) ? [] : [{ key: row[0], value: null }])

  await sweep(rows, 't', dropDamaged)
  await sweep(rows, 'c', row => {
    const value = check(row)
    if (value === undefined) return [{ key: row[0], value: null }]
    ends.set(Buffer.from(row[0].subarray(1)).toString(), { ...decodeEnds(value), counted: true })
    return []
  })
  await sweep(rows, 'l', row => {
    const changes = dropDamaged(row)
    const sequence = sequenceOf(row[0])
    const log = logOf(row[0])
    const known = ends.get(log) ?? { first: sequence, last: 0, counted: false }
    const first = Math.min(known.first, sequence)
    ends.set(log, { ...known, first, last: Math.max(known.last, sequence) })
    return changes
  })
  const counters = [...ends].map(([log, { first, last, counted }]) => {
    const key = logRow(log)
    const after = counted ? 0 : sequencesLeftOut
    return { key, value: sealRow(key, encodeEnds({ first, last: last + after })) }
  })
  await rows.write(counters)
  return repaired
}

/** Walks all rows of a space, page by page, and writes what `judge` makes of each. */
async function sweep(rows: Rows, space: string, judge: (row: KeyValue) => RowChange[]) {
  const lt = rowOf(String.fromCharCode(space.charCodeAt(0) + 1))
  for (let gte = rowOf(space); ; ) {
    const page = await rows.range({ gte, lt, limit: pageRows })
    const changes = page.flatMap(judge)
    if (changes.length > 0) await rows.write(changes)
    if (page.length < pageRows) return
    gte = rowAfter(page.at(-1)![0])
  }
}
