import { toHex } from '../../base/bytes.ts'
import { limits } from '../../base/limits.ts'
import type { Log, Millis } from '../../base/ports.ts'
import type { State } from '../../store/state.ts'
import {
  bytes,
  decodeCbor,
  encodeCbor,
  literal,
  mapped,
  oneOf,
  text,
  tuple,
  uint
} from '../../wire/cbor.ts'
import type { Table } from '../table.ts'
import { createTable } from '../table.ts'
import type { Problem } from './problem.ts'
import { problemField, problemRow } from './problem.ts'

/** `ahead`: only its keys are fetched, for a pod that fetches the rest. */
const stages = ['fetching', 'paused', 'here', 'lost', 'ahead'] as const
type Stage = (typeof stages)[number]

/** A file of a received letter that a person asked for. */
export interface InRow {
  /** 32 hex digits, of our own dice: what lies in the spool for it is called so. */
  readonly id: string
  /** Of the letter: its id, its blob's key (both hex), and which of its files. */
  readonly letter: string
  readonly key: string
  readonly index: number
  readonly createdMs: Millis
  readonly expiryMs: Millis
  readonly sizeBytes: number
  stage: Stage
  problem: Problem
  /** Who sent it, to which of our aliases, and the manifest: in the closet. */
  readonly secret: Uint8Array
}

const hash = mapped(bytes(32), toHex)
const unhex = (hex: string) => Buffer.from(hex, 'hex')

const row = mapped(
  tuple(
    literal(1),
    mapped(bytes(16), toHex),
    tuple(hash, hash, uint(limits.letterAttachmentsMax - 1)),
    tuple(uint(), uint(), uint(limits.attachmentBytesMax)),
    oneOf<Stage>(...stages),
    problemField,
    bytes(1, 8_192)
  ),
  ([, id, of, numbers, stage, problem, secret]): InRow => ({
    ...{ id, letter: of[0], key: of[1], index: of[2] },
    ...{
      createdMs: numbers[0],
      expiryMs: numbers[1],
      sizeBytes: numbers[2],
      stage,
      problem,
      secret
    }
  })
)

/** By id. */
export const inTable = (state: State, log: Log): Table<InRow> =>
  createTable({
    state,
    log,
    name: 'fetched-files',
    field: row,
    write: r => [
      1,
      unhex(r.id),
      [unhex(r.letter), unhex(r.key), r.index],
      [r.createdMs, r.expiryMs, r.sizeBytes],
      r.stage,
      problemRow(r.problem),
      r.secret
    ],
    maxBytes: 10_240
  })

/** What a fetch needs to know of its letter. */
export interface InSecret {
  readonly from: string
  /** Of the key that signed the letter. Hex. */
  readonly fingerprint: string
  readonly to: string
  readonly manifest: Uint8Array
}

const aliasText = text(limits.fullAliasCharsMax)
const secret = mapped(
  tuple(literal(1), aliasText, text(64), aliasText, bytes(1, limits.letterManifestBytesMax)),
  ([, from, fingerprint, to, manifest]): InSecret => ({ from, fingerprint, to, manifest })
)

export const encodeInSecret = (s: InSecret): Uint8Array =>
  encodeCbor([1, s.from, s.fingerprint, s.to, s.manifest])

/** @throws {MuttrError} `HOME_DAMAGED` */
export const decodeInSecret = (plaintext: Uint8Array): InSecret =>
  decodeCbor(plaintext, 'a file that is fetched', secret, 8_192, 'HOME_DAMAGED')
