import { sha256, toHex } from '../../base/bytes.ts'
import { limits } from '../../base/limits.ts'
import type { Log, Millis } from '../../base/ports.ts'
import type { State } from '../../store/state.ts'
import type { ChunkPlace } from '../../wire/attachment.ts'
import { chunkAt, shapeOf } from '../../wire/attachment.ts'
import type { BlobHeader } from '../../wire/blob.ts'
import {
  array,
  bool,
  bytes,
  decodeCbor,
  encodeCbor,
  literal,
  mapped,
  nullable,
  oneOf,
  text,
  tuple,
  uint
} from '../../wire/cbor.ts'
import type { Table } from '../table.ts'
import { createTable } from '../table.ts'
import type { Problem } from './problem.ts'
import { problemField, problemRow } from './problem.ts'

const stages = ['sealing', 'storing', 'stored', 'failed', 'withdrawing'] as const
type Stage = (typeof stages)[number]

/** A file that a person attaches: what outbox and watch need while the vault is locked, and what only its owner may know, sealed. */
export interface OutRow {
  /** 32 hex digits. */
  readonly id: string
  readonly createdMs: Millis
  readonly expiryMs: Millis
  /** The pod through which its chunks are stored. */
  readonly via: string | null
  /** Of the file; while it is being sealed, as announced, or 0. */
  sizeBytes: number
  stage: Stage
  paused: boolean
  /** Its sealed chunks are still on this disk. */
  spooled: boolean
  /** Keys of its topmost level, once it is sealed. */
  roots: readonly Uint8Array[]
  problem: Problem
  /** How often its holders were asked, and when they are asked again. */
  checks: number
  checkMs: Millis
  /** {@link OutSecret} in the closet. */
  readonly secret: Uint8Array
}

const id = mapped(bytes(16), toHex)

const row = mapped(
  tuple(
    literal(1),
    tuple(id, uint(), uint(), nullable(text(limits.hostnameCharsMax, 1))),
    uint(limits.attachmentBytesMax),
    oneOf<Stage>(...stages),
    tuple(bool, bool),
    array(bytes(32), limits.attachmentRootsMax),
    problemField,
    tuple(uint(), uint()),
    bytes(1, 2_048)
  ),
  ([, first, sizeBytes, stage, flags, roots, problem, checks, secret]): OutRow => ({
    ...{ id: first[0], createdMs: first[1], expiryMs: first[2], via: first[3] },
    ...{ sizeBytes, stage, paused: flags[0], spooled: flags[1], roots },
    problem,
    ...{ checks: checks[0], checkMs: checks[1], secret }
  })
)

/** By id. */
export const outTable = (state: State, log: Log): Table<OutRow> =>
  createTable({
    state,
    log,
    name: 'attachments',
    field: row,
    write: r => [
      1,
      [Buffer.from(r.id, 'hex'), r.createdMs, r.expiryMs, r.via],
      r.sizeBytes,
      r.stage,
      [r.paused, r.spooled],
      r.roots,
      problemRow(r.problem),
      [r.checks, Math.round(r.checkMs)],
      r.secret
    ],
    maxBytes: 4_096
  })

/** What a file is called, what opens it, and what takes its chunks back. */
export interface OutSecret {
  readonly name: string
  readonly mimeType: string
  readonly fileKey: Uint8Array
  readonly retract: Uint8Array
}

const secret = mapped(
  tuple(
    literal(1),
    text(limits.attachmentNameBytesMax, 1),
    text(limits.mimeTypeBytesMax, 3),
    bytes(32),
    bytes(32)
  ),
  ([, name, mimeType, fileKey, retract]): OutSecret => ({ name, mimeType, fileKey, retract })
)

export const encodeOutSecret = (s: OutSecret): Uint8Array =>
  encodeCbor([1, s.name, s.mimeType, s.fileKey, s.retract])

/** @throws {MuttrError} `HOME_DAMAGED` */
export const decodeOutSecret = (plaintext: Uint8Array): OutSecret =>
  decodeCbor(plaintext, 'an attachment', secret, 2_048, 'HOME_DAMAGED')

/** What withdraws one chunk: made of one secret, so that none has to be kept for each. */
export function retractOf(secretBytes: Uint8Array, chunk: number): Uint8Array {
  const place = new Uint8Array(8)
  new DataView(place.buffer).setBigUint64(0, BigInt(chunk))
  return sha256(Buffer.from('muttr chunk retract 1'), secretBytes, place)
}

/** Of each chunk, in a file: the hash of what is sealed, and what its `retract` hashes to. With it the header is made again. */
export const recordBytes = 64

export const recordOf = ({ hash, retract }: Pick<BlobHeader, 'hash' | 'retract'>): Uint8Array =>
  Buffer.concat([hash, retract])

export const headerOf = (
  { sealedBytes }: ChunkPlace,
  expiryMs: Millis,
  record: Uint8Array
): BlobHeader => ({
  expiryMs,
  lengthBytes: sealedBytes,
  hash: record.subarray(0, 32),
  retract: record.subarray(32, 64),
  accept: null
})

/** Where a sealed chunk lies in its file. */
export const spotOf = (chunk: number): number => chunk * limits.blobBytesMax

/** What its sealed chunks take on a disk. */
export function sealedBytesOf(sizeBytes: number): number {
  const shape = shapeOf(sizeBytes)
  return shape.levels.reduce(
    (sum, { first, count }) =>
      count === 0
        ? sum
        : sum + (count - 1) * limits.blobBytesMax + chunkAt(shape, first + count - 1).sealedBytes,
    0
  )
}
