import { limits } from '../base/limits.ts'
import type { Log, Millis } from '../base/ports.ts'
import type { State } from '../store/state.ts'
import type { Field } from '../wire/cbor.ts'
import { bool, bytes, literal, mapped, nullable, tuple, uint } from '../wire/cbor.ts'
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

const certificate = bytes(1, limits.certificateBytesMax)

const route = mapped(
  tuple(bytes(32), bytes(32), uint()),
  ([intro, hpkeKey, untilMs]): Route => ({ intro, hpkeKey, untilMs })
)

const row2 = mapped(
  tuple(
    literal(2),
    certificate,
    uint(),
    bool,
    nullable(uint()),
    nullable(certificate),
    nullable(route),
    bool,
    uint()
  ),
  (f): ContactRow => ({
    certificate: f[1],
    pinnedMs: f[2],
    verified: f[3],
    certifiedUntilMs: f[4],
    changed: f[5],
    route: f[6],
    knowsUs: f[7],
    seenMs: f[8]
  })
)
/** Version 1, of homes made before subkeys came and went, lacks the last field. */
const row: Field<ContactRow> = value =>
  row2(Array.isArray(value) && value[0] === 1 ? [2, ...value.slice(1), value[2]] : value)

export const contactTable = (state: State, log: Log): Table<ContactRow> =>
  createTable({
    state,
    log,
    name: 'contacts',
    field: row,
    write: c => [
      2,
      c.certificate,
      c.pinnedMs,
      c.verified,
      c.certifiedUntilMs,
      c.changed,
      c.route && [c.route.intro, c.route.hpkeKey, c.route.untilMs],
      c.knowsUs,
      c.seenMs
    ],
    maxBytes: 2 * limits.certificateBytesMax + 1_024
  })
