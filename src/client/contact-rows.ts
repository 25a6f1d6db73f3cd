import { toHex } from '../base/bytes.ts'
import type { ErrorCode } from '../base/errors.ts'
import { isErrorCode } from '../base/errors.ts'
import { limits } from '../base/limits.ts'
import type { Log, Millis } from '../base/ports.ts'
import type { Certificate } from '../keys/certificate.ts'
import type { State } from '../store/state.ts'
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
  text,
  tuple,
  uint
} from '../wire/cbor.ts'
import { fingerprint, fingerprintBytes } from '../wire/fingerprint.ts'
import type { SealedTable } from './mailbox/sealed-table.ts'
import { createSealedTable } from './mailbox/sealed-table.ts'
import type { Table } from './table.ts'
import { createTable } from './table.ts'

/** Where the first notice to somebody goes, as the pod's directory said. */
export interface Route {
  /** 32 bytes. */
  readonly intro: Uint8Array
  /** The pod's, to seal notices to. 32 bytes. */
  readonly hpkeKey: Uint8Array
  readonly untilMs: Millis
}

/** That a contact's key is another than at first, by the word of the one before. */
export interface Followed {
  /** The key before. */
  readonly from: Uint8Array
  readonly fromFingerprint: string
  /** When it named its successor, as it says: what it signed until then still counts. */
  readonly atMs: Millis
  /** Of all keys that were left, oldest first: none of them comes back. */
  readonly pins: readonly string[]
}

/** Where a contact went from an alias, as their key says. */
export interface MovedTo {
  readonly to: string
  readonly sequence: number
  readonly atMs: Millis
}

/** Where a contact came from. */
interface CameFrom {
  readonly alias: string
  readonly sequence: number
  readonly atMs: Millis
  /** Every pod that they left has signed for it; else the key alone says so. */
  readonly agreed: boolean
}

/** A move that was not followed. */
export interface Offered extends MovedTo {
  /** As the key signed it. */
  readonly frame: Uint8Array
  readonly code: ErrorCode
}

/** A pinned contact, as kept. */
export interface ContactRow {
  readonly certificate: Uint8Array
  readonly pinnedMs: Millis
  readonly verified: boolean
  /** Until when the pod's certification that we checked is good. */
  readonly certifiedUntilMs: Millis | null
  /** The certificate that the pod has shown since, of another primary key. */
  readonly changed: Uint8Array | null
  readonly route: Route | null
  /** They have written to us, so they know our certificate. */
  readonly knowsUs: boolean
  /** When the pod last showed this certificate, or its owner a letter with it: subkeys may have come since. */
  readonly seenMs: Millis
  readonly followed: Followed | null
  /** Of a key that stands against it: one that an old key of theirs named too, or the old one itself, taken back since. */
  readonly disputed: string | null
  /** Followed: the contact stands under that alias, and this one leads there. */
  readonly moved: MovedTo | null
  readonly from: CameFrom | null
  readonly offered: Offered | null
}

/** Of somebody seen for the first time. */
export const firstRow = (certificate: Certificate, pinnedMs: Millis): ContactRow => ({
  certificate: certificate.bytes,
  pinnedMs,
  verified: false,
  certifiedUntilMs: null,
  changed: null,
  route: null,
  knowsUs: false,
  seenMs: pinnedMs,
  followed: null,
  disputed: null,
  moved: null,
  from: null,
  offered: null
})

const certificate = bytes(1, limits.certificateBytesMax)
/** Of keys that were left: so many a person does not have in a life. */
const pinsMax = 64

const route = mapped(
  tuple(bytes(32), bytes(32), uint()),
  ([intro, hpkeKey, untilMs]): Route => ({ intro, hpkeKey, untilMs })
)

const followed = mapped(
  tuple(certificate, fingerprint, uint(), array(mapped(bytes(32), toHex), pinsMax)),
  ([from, fromFingerprint, atMs, pins]): Followed => ({ from, fromFingerprint, atMs, pins })
)

const older = [
  certificate,
  uint(),
  bool,
  nullable(uint()),
  nullable(certificate),
  nullable(route),
  bool,
  uint()
] as const
const alias = text(limits.fullAliasCharsMax, 3)
const movedTo = mapped(
  tuple(alias, uint(), uint()),
  ([to, sequence, atMs]): MovedTo => ({ to, sequence, atMs })
)
const cameFrom = mapped(
  tuple(alias, uint(), uint(), bool),
  ([alias, sequence, atMs, agreed]): CameFrom => ({ alias, sequence, atMs, agreed })
)
const code = (value: unknown): ErrorCode => {
  if (!isErrorCode(value)) throw new TypeError('an error code')
  return value
}
const offered = mapped(
  tuple(alias, uint(), uint(), bytes(1, limits.signedMoveBytesMax), code),
  ([to, sequence, atMs, frame, code]): Offered => ({ to, sequence, atMs, frame, code })
)
const fields = [
  ...older,
  nullable(followed),
  nullable(fingerprint),
  nullable(movedTo),
  nullable(cameFrom),
  nullable(offered)
] as const

type Read = readonly [
  Uint8Array,
  Millis,
  boolean,
  Millis | null,
  Uint8Array | null,
  Route | null,
  boolean,
  Millis,
  Followed | null,
  string | null,
  MovedTo | null,
  CameFrom | null,
  Offered | null
]

const named = (f: Read): ContactRow => ({
  certificate: f[0],
  pinnedMs: f[1],
  verified: f[2],
  certifiedUntilMs: f[3],
  changed: f[4],
  route: f[5],
  knowsUs: f[6],
  seenMs: f[7],
  followed: f[8],
  disputed: f[9],
  moved: f[10],
  from: f[11],
  offered: f[12]
})

const write = (c: ContactRow): unknown[] => [
  c.certificate,
  c.pinnedMs,
  c.verified,
  c.certifiedUntilMs,
  c.changed,
  c.route && [c.route.intro, c.route.hpkeKey, c.route.untilMs],
  c.knowsUs,
  c.seenMs,
  c.followed && [
    c.followed.from,
    fingerprintBytes(c.followed.fromFingerprint),
    c.followed.atMs,
    c.followed.pins.map(fingerprintBytes)
  ],
  c.disputed && fingerprintBytes(c.disputed),
  c.moved && [c.moved.to, c.moved.sequence, c.moved.atMs],
  c.from && [c.from.alias, c.from.sequence, c.from.atMs, c.from.agreed],
  c.offered && [
    ...[c.offered.to, c.offered.sequence, c.offered.atMs],
    ...[c.offered.frame, c.offered.code]
  ]
]

const unmoved = [null, null, null]
const current = mapped(tuple(literal(4), ...fields), ([, ...f]) => named(f))
/**
 * Version 3, of homes made before people could move, lacks the last three fields; version 2, from before keys could succeed others, two more;
 * version 1, from before subkeys came and went, one more.
 */
const clearRow: Field<ContactRow> = value => {
  const [version, ...rest] = Array.isArray(value) ? (value as unknown[]) : []
  if (version === 1) return current([4, ...rest, rest[1], null, null, ...unmoved])
  if (version === 2) return current([4, ...rest, null, null, ...unmoved])
  return current(version === 3 ? [4, ...rest, ...unmoved] : value)
}

const maxBytes = 3 * limits.certificateBytesMax + limits.signedMoveBytesMax + 10_240

/** By alias, in the clear: of those alone to whom something is on its way, so that it goes on while the vault is locked. */
export const correspondentTable = (state: State, log: Log): Table<ContactRow> =>
  createTable({
    ...{ state, log, name: 'correspondents', maxBytes },
    field: clearRow,
    write: c => [4, ...write(c)]
  })

/** By alias, in the clear: how contacts were kept before they were sealed. */
export const oldContactTable = (state: State, log: Log): Table<ContactRow> =>
  createTable({
    ...{ state, log, name: 'contacts', maxBytes },
    field: clearRow,
    write: c => [4, ...write(c)]
  })

/** For other devices of the person. */
export const encodeContact = (row: ContactRow): Uint8Array => encodeCbor([4, ...write(row)])

/** @throws {MuttrError} `SYNC_INVALID` */
export const decodeContact = (frame: Uint8Array): ContactRow =>
  decodeCbor(frame, 'a contact of another device', clearRow, maxBytes, 'SYNC_INVALID')

export interface NamedContact {
  readonly alias: string
  readonly row: ContactRow
}

const sealedNow = mapped(
  tuple(literal(3), alias, tuple(...fields)),
  ([, alias, f]): NamedContact => ({ alias, row: named(f) })
)
/** Version 2 lacks the last three fields of the contact, version 1 two more. */
const sealedRow: Field<NamedContact> = value => {
  const [version, alias, row] = Array.isArray(value) ? (value as unknown[]) : []
  const isOld = (version === 1 || version === 2) && Array.isArray(row)
  if (!isOld) return sealedNow(value)
  const since = version === 1 ? [null, null, ...unmoved] : unmoved
  return sealedNow([3, alias, [...(row as unknown[]), ...since]])
}

/** By the closet's tag of the alias. */
export const contactTable = (state: State, log: Log): SealedTable<NamedContact> =>
  createSealedTable({
    ...{ state, log, name: 'people', maxBytes },
    field: sealedRow,
    write: ({ alias, row }) => [3, alias, write(row)]
  })
