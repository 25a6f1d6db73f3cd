import { toHex } from '../base/bytes.ts'
import type { ErrorCode } from '../base/errors.ts'
import { isErrorCode } from '../base/errors.ts'
import { limits } from '../base/limits.ts'
import type { Log, Millis, PeerId } from '../base/ports.ts'
import { readAlias } from '../pod/alias.ts'
import type { ReleaseWord } from '../seed/dht.ts'
import type { State } from '../store/state.ts'
import type { AddressPlace } from '../wire/address.ts'
import { addressPlace, writePlace } from '../wire/address.ts'
import type { Field } from '../wire/cbor.ts'
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
} from '../wire/cbor.ts'
import type { SealedTable } from './mailbox/sealed-table.ts'
import { createSealedTable } from './mailbox/sealed-table.ts'
import type { Table } from './table.ts'
import { createTable } from './table.ts'

type Stage = 'draft' | 'sealed' | 'stored' | 'announced' | 'accepted' | 'withdrawn' | 'expired'

interface Copy {
  readonly holder: PeerId
  readonly storedMs: Millis
  /** The holder's signed word. 64 bytes. */
  readonly signature: Uint8Array
}

/** A person asked for the letter back. */
interface Withdrawing {
  readonly sinceMs: Millis
  /** How many were asked the last time, with those that took it before. */
  asked: number
  /** Signed by holders that drop the letter. */
  words: readonly ReleaseWord[]
}

/** What the holders said the last time they were asked. */
interface Asked {
  readonly atMs: Millis
  readonly answered: number
  readonly wanted: number
  readonly holders: number
}

/** What is known of a sent letter, apart from what it says. Changes as it goes on its way. */
export interface SentRow {
  /** Hex. */
  readonly id: string
  /** The own alias that it is written from. */
  readonly from: string
  /** Their alias as it is by now: they may have moved. */
  to: string
  readonly sentMs: Millis
  readonly expiryMs: Millis
  /** The pod through which it is stored. */
  readonly via: string | null
  stage: Stage
  /** Of the key it is sealed to, hex. */
  fingerprint: string | null
  /** The blob's key, hex. */
  key: string | null
  /** The blob's, so that what was signed about it can be shown when it is gone. */
  header: Uint8Array | null
  sizeBytes: number
  copies: readonly Copy[]
  wanted: number
  /** Sealed to the reader; made with the blob's key. */
  slip: Uint8Array | null
  /** The address that the slip was made for, when that is not the intro address. */
  place: AddressPlace | null
  announced: {
    pod: string
    peer: PeerId
    /** SHA-256 of the sealed notice, which is what the pod signed. */
    notice: Uint8Array
    atMs: Millis
    signature: Uint8Array
  } | null
  waiting: { code: ErrorCode; message: string; retryAtMs: Millis } | null
  failures: number
  /** The state of its watch: how often the holders were asked, and when they are asked again. */
  checks: number
  checkMs: Millis
  asked: Asked | null
  withdrawing: Withdrawing | null
  /** All that is known of its release, our own part included. */
  tombstone: Uint8Array | null
  /** Opened and verified: the recipient's signature. */
  receipt: { readonly atMs: Millis; readonly signature: Uint8Array } | null
  /** Later letters about this one, hex. */
  correctedBy: string | null
  forgetAsked: string | null
}

const messageBytesMax = 400
const rowBytesMax = 32 * 1_024
const id = mapped(bytes(32), toHex)
const fingerprint = mapped(bytes(20, 32), toHex)
const alias = text(limits.fullAliasCharsMax, 3)
const unhex = (hex: string): Uint8Array => new Uint8Array(Buffer.from(hex, 'hex'))

const code = (value: unknown): ErrorCode => {
  if (!isErrorCode(value)) throw new TypeError('an error code')
  return value
}

const copy = mapped(
  tuple(text(limits.peerIdCharsMax, 1), uint(), bytes(64)),
  ([holder, storedMs, signature]): Copy => ({ holder, storedMs, signature })
)

const word = mapped(
  tuple(text(limits.peerIdCharsMax, 1), bool, bool, uint(), bytes(64)),
  ([holder, retract, accept, atMs, signature]): ReleaseWord => ({
    holder,
    retract,
    accept,
    atMs,
    signature
  })
)

const announced = mapped(
  tuple(
    text(limits.hostnameCharsMax, 1),
    text(limits.peerIdCharsMax, 1),
    bytes(32),
    uint(),
    bytes(0, 256)
  ),
  ([pod, peer, notice, atMs, signature]) => ({ pod, peer, notice, atMs, signature })
)

const watch = tuple(
  uint(),
  uint(),
  nullable(tuple(uint(), uint(255), uint(255), uint(255))),
  nullable(tuple(uint(), uint(255), array(word, 64))),
  nullable(bytes(1, limits.tombstoneBytesMax)),
  nullable(tuple(uint(), bytes(1, limits.signatureBytesMax))),
  nullable(id),
  nullable(id)
)

/** What is known since it was stored. */
const readWatch = ([
  checks,
  checkMs,
  asked,
  withdrawing,
  tombstone,
  receipt,
  correctedBy,
  forgetAsked
]: ReturnType<typeof watch>) => ({
  checks,
  checkMs,
  asked: asked && { atMs: asked[0], answered: asked[1], wanted: asked[2], holders: asked[3] },
  withdrawing: withdrawing && {
    sinceMs: withdrawing[0],
    asked: withdrawing[1],
    words: withdrawing[2]
  },
  tombstone,
  receipt: receipt && { atMs: receipt[0], signature: receipt[1] },
  correctedBy,
  forgetAsked
})

const stages = [
  'draft',
  'sealed',
  'stored',
  'announced',
  'accepted',
  'withdrawn',
  'expired'
] as const

const whole = mapped(
  tuple(
    literal(3),
    tuple(id, alias, alias, uint(), uint(), nullable(text(limits.hostnameCharsMax, 1))),
    oneOf<Stage>(...stages),
    tuple(
      nullable(fingerprint),
      nullable(id),
      nullable(bytes(1, limits.blobHeaderBytesMax)),
      uint(limits.blobBytesMax)
    ),
    tuple(array(copy, 64), uint(64)),
    nullable(bytes(1, limits.slipBytes)),
    nullable(addressPlace),
    nullable(announced),
    nullable(tuple(code, text(messageBytesMax), uint())),
    uint(),
    watch
  ),
  ([
    ,
    [i, from, to, sentMs, expiryMs, via],
    stage,
    sealed,
    store,
    slip,
    place,
    announced,
    waiting,
    failures,
    since
  ]): SentRow => ({
    ...{ id: i, from, to, sentMs, expiryMs, via, stage },
    ...{ fingerprint: sealed[0], key: sealed[1], header: sealed[2], sizeBytes: sealed[3] },
    ...{ copies: store[0], wanted: store[1], slip, place, announced, failures },
    waiting: waiting && { code: waiting[0], message: waiting[1], retryAtMs: waiting[2] },
    ...readWatch(since)
  })
)

/** Version 2 knows the intro address alone. */
const row: Field<SentRow> = value => {
  const [version, ...rest] = Array.isArray(value) ? (value as unknown[]) : []
  if (version === 3 && rest[placeAt] === null) throw new TypeError('version 2, as version 3')
  if (version !== 2) return whole(value)
  return whole([3, ...rest.slice(0, placeAt), null, ...rest.slice(placeAt)])
}
/** Of the field that version 2 lacks, behind the version. */
const placeAt = 5

const rowFields = (r: SentRow): unknown[] => [
  r.place ? 3 : 2,
  [unhex(r.id), r.from, r.to, r.sentMs, r.expiryMs, r.via],
  r.stage,
  [r.fingerprint && unhex(r.fingerprint), r.key && unhex(r.key), r.header, r.sizeBytes],
  [r.copies.slice(0, 64).map(c => [c.holder, c.storedMs, c.signature]), r.wanted],
  r.slip,
  ...(r.place ? [writePlace(r.place)] : []),
  r.announced && [
    r.announced.pod,
    r.announced.peer,
    r.announced.notice,
    r.announced.atMs,
    r.announced.signature
  ],
  r.waiting && [r.waiting.code, clip(r.waiting.message), Math.round(r.waiting.retryAtMs)],
  r.failures,
  watchFields(r)
]

const watchFields = ({ asked, withdrawing, receipt, ...r }: SentRow): unknown[] => [
  r.checks,
  Math.round(r.checkMs),
  asked && [asked.atMs, asked.answered, asked.wanted, asked.holders],
  withdrawing && [
    withdrawing.sinceMs,
    withdrawing.asked,
    withdrawing.words.slice(0, 64).map(w => [w.holder, w.retract, w.accept, w.atMs, w.signature])
  ],
  r.tombstone,
  receipt && [receipt.atMs, receipt.signature],
  r.correctedBy && unhex(r.correctedBy),
  r.forgetAsked && unhex(r.forgetAsked)
]

/** A letter that was only written down. */
export const freshRow = (
  known: Pick<SentRow, 'id' | 'from' | 'to' | 'sentMs' | 'expiryMs' | 'via' | 'sizeBytes'>
): SentRow => ({
  ...known,
  stage: 'draft',
  fingerprint: null,
  key: null,
  header: null,
  copies: [],
  wanted: 0,
  slip: null,
  place: null,
  announced: null,
  waiting: null,
  failures: 0,
  checks: 0,
  checkMs: 0,
  asked: null,
  withdrawing: null,
  tombstone: null,
  receipt: null,
  correctedBy: null,
  forgetAsked: null
})

const clip = (message: string): string => message.toWellFormed().slice(0, messageBytesMax / 4)

/** Of the pod that is to have the notice. */
export const podOf = ({ to, place }: Pick<SentRow, 'to' | 'place'>): string =>
  place?.pod ?? readAlias(to).hostname

/** For other devices of the person. */
export const encodeSentRow = (row: SentRow): Uint8Array => encodeCbor(rowFields(row))

/** @throws {MuttrError} `SYNC_INVALID` */
export const decodeSentRow = (frame: Uint8Array): SentRow =>
  decodeCbor(frame, 'a sent letter of another device', row, rowBytesMax, 'SYNC_INVALID')

/** By the time it was sent and its id, joined by `-`. */
export const sentTable = (state: State, log: Log): Table<SentRow> =>
  createTable({ state, log, name: 'sent', field: row, write: rowFields, maxBytes: rowBytesMax })

/** The same of letters that are over, sealed. */
export const sentPastTable = (state: State, log: Log): SealedTable<SentRow> =>
  createSealedTable({
    ...{ state, log, name: 'sent-past', field: row, write: rowFields, maxBytes: rowBytesMax }
  })

/** The reader stands under another alias by now: what was agreed on with the former one is of no use there. */
export function moveTo(row: SentRow, alias: string): void {
  if (row.to === alias) return
  row.to = alias
  if (!row.place) return
  row.place = null
  row.slip = null
}
