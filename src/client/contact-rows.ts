import { toHex } from '../base/bytes.ts'
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
  disputed: null
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
const fields = [...older, nullable(followed), nullable(fingerprint)] as const

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
  string | null
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
  disputed: f[9]
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
  c.disputed && fingerprintBytes(c.disputed)
]

const current = mapped(tuple(literal(3), ...fields), ([, ...f]) => named(f))
/** Version 2, of homes made before keys could succeed others, lacks the last two fields; version 1, from before subkeys came and went, one more. */
const clearRow: Field<ContactRow> = value => {
  const [version, ...rest] = Array.isArray(value) ? (value as unknown[]) : []
  if (version === 1) return current([3, ...rest, rest[1], null, null])
  return current(version === 2 ? [3, ...rest, null, null] : value)
}

const maxBytes = 3 * limits.certificateBytesMax + 8_192

/** By alias, in the clear: of those alone to whom something is on its way, so that it goes on while the vault is locked. */
export const correspondentTable = (state: State, log: Log): Table<ContactRow> =>
  createTable({
    ...{ state, log, name: 'correspondents', maxBytes },
    field: clearRow,
    write: c => [3, ...write(c)]
  })

/** By alias, in the clear: how contacts were kept before they were sealed. */
export const oldContactTable = (state: State, log: Log): Table<ContactRow> =>
  createTable({
    ...{ state, log, name: 'contacts', maxBytes },
    field: clearRow,
    write: c => [3, ...write(c)]
  })

/** For other devices of the person. */
export const encodeContact = (row: ContactRow): Uint8Array => encodeCbor([3, ...write(row)])

/** @throws {MuttrError} `SYNC_INVALID` */
export const decodeContact = (frame: Uint8Array): ContactRow =>
  decodeCbor(frame, 'a contact of another device', clearRow, maxBytes, 'SYNC_INVALID')

export interface NamedContact {
  readonly alias: string
  readonly row: ContactRow
}

const sealedNow = mapped(
  tuple(literal(2), text(limits.fullAliasCharsMax, 3), tuple(...fields)),
  ([, alias, f]): NamedContact => ({ alias, row: named(f) })
)
/** Version 1 lacks the last two fields of the contact. */
const sealedRow: Field<NamedContact> = value => {
  const [version, alias, row] = Array.isArray(value) ? (value as unknown[]) : []
  const isOld = version === 1 && Array.isArray(row)
  return sealedNow(isOld ? [2, alias, [...(row as unknown[]), null, null]] : value)
}

/** By the closet's tag of the alias. */
export const contactTable = (state: State, log: Log): SealedTable<NamedContact> =>
  createSealedTable({
    ...{ state, log, name: 'people', maxBytes },
    field: sealedRow,
    write: ({ alias, row }) => [2, alias, write(row)]
  })
