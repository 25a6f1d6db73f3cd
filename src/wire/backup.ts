import { concatBytes } from '../base/bytes.ts'
import { MuttrError } from '../base/errors.ts'
import { limits } from '../base/limits.ts'
import type { Millis } from '../base/ports.ts'
import { bytes, decodeCbor, encodeCbor, literal, mapped, oneOf, text, tuple, uint } from './cbor.ts'
import { fingerprint } from './fingerprint.ts'

/** What a backup holds, item by item: one head, files, rows of the client's tables, a pod's state where one is, and an end. Source: docs/protocol/backup.md */
export type BackupItem =
  | { type: 'head'; madeMs: Millis; fingerprint: string }
  | { type: 'file'; name: BackupFile; content: Uint8Array }
  | { type: 'row'; table: string; key: string; value: Uint8Array }
  | PodItem
  /** How many rows and pieces of a pod's state there were. */
  | { type: 'end'; rows: number }

/** A piece of a pod's state: rows of its tables, and of each log its last number before its entries. */
export type PodItem =
  | { type: 'pod-row'; table: string; key: string; value: Uint8Array }
  | { type: 'pod-log'; log: string; last: number }
  | { type: 'pod-entry'; log: string; sequence: number; entry: Uint8Array }

/** `secret`: the person's key as OpenPGP writes it, unlocked; `former`: each that came before it, newest first; the others as they lie in the home; the keys, of a pod's only. */
export const backupFiles = [
  'secret',
  'former',
  'muttr.json',
  'network.json',
  'joined.json',
  'peer.key',
  'device.key',
  'hpke.key'
] as const
export type BackupFile = (typeof backupFiles)[number]

const fileBytesMax = 256 * 1024
const valueBytesMax = limits.payloadBytesMax + 64 * 1024
const itemBytesMax = valueBytesMax + 4 * 1024
const lengthBytes = 4

const head = mapped(
  tuple(literal(0), literal(1), uint(), fingerprint),
  ([, , madeMs, fingerprint]): BackupItem => ({ type: 'head', madeMs, fingerprint })
)
const file = mapped(
  tuple(literal(1), oneOf(...backupFiles), bytes(0, fileBytesMax)),
  ([, name, content]): BackupItem => ({ type: 'file', name, content })
)
const row = mapped(
  tuple(literal(2), text(800, 1), text(2_048), bytes(0, valueBytesMax)),
  ([, table, key, value]): BackupItem => ({ type: 'row', table, key, value })
)
const podRow = mapped(
  tuple(literal(4), text(800, 1), text(2_048), bytes(0, valueBytesMax)),
  ([, table, key, value]): BackupItem => ({ type: 'pod-row', table, key, value })
)
const podLog = mapped(
  tuple(literal(5), text(800, 1), uint()),
  ([, log, last]): BackupItem => ({ type: 'pod-log', log, last })
)
const podEntry = mapped(
  tuple(literal(6), text(800, 1), uint(), bytes(0, valueBytesMax)),
  ([, log, sequence, entry]): BackupItem => ({ type: 'pod-entry', log, sequence, entry })
)
const end = mapped(tuple(literal(3), uint()), ([, rows]): BackupItem => ({ type: 'end', rows }))
const oneItem = (value: unknown): BackupItem => {
  const field = [head, file, row, end, podRow, podLog, podEntry][
    Array.isArray(value) ? Number(value[0]) : -1
  ]
  if (!field) throw new TypeError('an item of no known kind')
  return field(value)
}

export const isPodItem = (item: BackupItem): item is PodItem => item.type.startsWith('pod-')

function fieldsOf(i: BackupItem): unknown[] {
  if (i.type === 'head') return [0, 1, i.madeMs, Buffer.from(i.fingerprint, 'hex')]
  if (i.type === 'file') return [1, i.name, i.content]
  if (i.type === 'row') return [2, i.table, i.key, i.value]
  if (i.type === 'pod-row') return [4, i.table, i.key, i.value]
  if (i.type === 'pod-log') return [5, i.log, i.last]
  if (i.type === 'pod-entry') return [6, i.log, i.sequence, i.entry]
  return [3, i.rows]
}

/** @throws {MuttrError} `BACKUP_INVALID` */
export const decodeBackupItem = (encoded: Uint8Array): BackupItem =>
  decodeCbor(encoded, 'an item of a backup', oneItem, itemBytesMax, 'BACKUP_INVALID')

/** The item's length in 4 bytes, big-endian, and the item. */
export function encodeBackupItem(i: BackupItem): Uint8Array {
  const encoded = encodeCbor(fieldsOf(i))
  const length = new Uint8Array(lengthBytes)
  new DataView(length.buffer).setUint32(0, encoded.byteLength)
  return concatBytes(length, encoded)
}

/**
 * Reads items out of the bytes of a backup, in whatever parts they come: first a head, last an end, and as many rows as that says.
 * @throws {MuttrError} `BACKUP_INVALID`
 */
export async function* readBackupItems(
  source: AsyncIterable<Uint8Array>
): AsyncGenerator<BackupItem> {
  let waiting: Uint8Array = new Uint8Array()
  let before: BackupItem | undefined
  let rows = 0
  const take = (): BackupItem | undefined => {
    if (waiting.byteLength < lengthBytes) return undefined
    const length = new DataView(waiting.buffer, waiting.byteOffset).getUint32(0)
    if (length > itemBytesMax) throw invalid('an item above its size')
    if (waiting.byteLength < lengthBytes + length) return undefined
    const encoded = waiting.subarray(lengthBytes, lengthBytes + length)
    waiting = waiting.subarray(lengthBytes + length)
    const read = decodeBackupItem(encoded)
    if ((before === undefined) !== (read.type === 'head') || before?.type === 'end')
      throw invalid('items out of their order')
    if (read.type === 'row' || isPodItem(read)) rows++
    if (read.type === 'end' && read.rows !== rows) throw invalid('rows are missing')
    before = read
    return read
  }
  for await (const part of source) {
    waiting = waiting.byteLength === 0 ? part : concatBytes(waiting, part)
    for (let next = take(); next; next = take()) yield next
  }
  if (before?.type !== 'end' || waiting.byteLength > 0) throw invalid('its end is missing')
}

const invalid = (what: string): MuttrError =>
  new MuttrError('BACKUP_INVALID', `the backup is not whole: ${what}`)
