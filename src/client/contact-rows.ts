import { limits } from '../base/limits.ts'
import type { Log, Millis } from '../base/ports.ts'
import type { Certificate } from '../keys/certificate.ts'
import type { State } from '../store/state.ts'
import type { Field } from '../wire/cbor.ts'
import {
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
  seenMs: pinnedMs
})

const certificate = bytes(1, limits.certificateBytesMax)

const route = mapped(
  tuple(bytes(32), bytes(32), uint()),
  ([intro, hpkeKey, untilMs]): Route => ({ intro, hpkeKey, untilMs })
)

const fields = [
  certificate,
  uint(),
  bool,
  nullable(uint()),
  nullable(certificate),
  nullable(route),
  bool,
  uint()
] as const

type Read = readonly [
  Uint8Array,
  Millis,
  boolean,
  Millis | null,
  Uint8Array | null,
  Route | null,
  boolean,
  Millis
]

const named = (f: Read): ContactRow => ({
  certificate: f[0],
  pinnedMs: f[1],
  verified: f[2],
  certifiedUntilMs: f[3],
  changed: f[4],
  route: f[5],
  knowsUs: f[6],
  seenMs: f[7]
})

const write = (c: ContactRow): unknown[] => [
  c.certificate,
  c.pinnedMs,
  c.verified,
  c.certifiedUntilMs,
  c.changed,
  c.route && [c.route.intro, c.route.hpkeKey, c.route.untilMs],
  c.knowsUs,
  c.seenMs
]

const clearRow = mapped(tuple(literal(2), ...fields), ([, ...f]) => named(f))
/** Version 1, of homes made before subkeys came and went, lacks the last field. */
const oldRow: Field<ContactRow> = value =>
  clearRow(Array.isArray(value) && value[0] === 1 ? [2, ...value.slice(1), value[2]] : value)

const maxBytes = 2 * limits.certificateBytesMax + 2_048

/** By alias, in the clear: of those alone to whom something is on its way, so that it goes on while the vault is locked. */
export const correspondentTable = (state: State, log: Log): Table<ContactRow> =>
  createTable({
    ...{ state, log, name: 'correspondents', maxBytes },
    field: clearRow,
    write: c => [2, ...write(c)]
  })

/** By alias, in the clear: how contacts were kept before they were sealed. */
export const oldContactTable = (state: State, log: Log): Table<ContactRow> =>
  createTable({
    ...{ state, log, name: 'contacts', maxBytes },
    field: oldRow,
    write: c => [2, ...write(c)]
  })

/** For other devices of the person. */
export const encodeContact = (row: ContactRow): Uint8Array => encodeCbor([2, ...write(row)])

/** @throws {MuttrError} `SYNC_INVALID` */
export const decodeContact = (frame: Uint8Array): ContactRow =>
  decodeCbor(frame, 'a contact of another device', clearRow, maxBytes, 'SYNC_INVALID')

export interface NamedContact {
  readonly alias: string
  readonly row: ContactRow
}

/** By the closet's tag of the alias. */
export const contactTable = (state: State, log: Log): SealedTable<NamedContact> =>
  createSealedTable({
    ...{ state, log, name: 'people', maxBytes },
    field: mapped(
      tuple(literal(1), text(limits.fullAliasCharsMax, 3), tuple(...fields)),
      ([, alias, f]): NamedContact => ({ alias, row: named(f) })
    ),
    write: ({ alias, row }) => [1, alias, write(row)]
  })
