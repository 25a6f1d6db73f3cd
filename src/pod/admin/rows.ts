import { limits } from '../../base/limits.ts'
import type { Millis } from '../../base/ports.ts'
import type { Stretching } from '../../keys/argon.ts'
import { bytes, literal, mapped, nullable, oneOf, text, tuple, uint } from '../../wire/cbor.ts'
import type { Row } from '../rows.ts'
import { row } from '../rows.ts'

/** `owner`: everything. `moderator`: people, applications, reports and invites. `reader`: looks. */
export type Role = 'owner' | 'moderator' | 'reader'
const role = oneOf('owner', 'moderator', 'reader')

export interface Password extends Stretching {
  readonly hash: Uint8Array
}

export interface OperatorRow {
  readonly role: Role
  /** Drawn anew when all that let them in until then is void: sessions, links, the password. */
  readonly epoch: string
  /** Null until they have chosen one. */
  readonly password: Password | null
  /** The secret of one-time codes (RFC 6238), and the last step of which one was taken. */
  readonly codes: { readonly secret: Uint8Array; readonly lastStep: number } | null
  readonly createdMs: Millis
  /** Of the last login; null before the first. */
  readonly loginMs: Millis | null
}

/** Bounded before use: who fills a state by hand shall not make a login cost more than a vault. */
const password = mapped(
  tuple(uint(1_048_576, 8_192), uint(10, 1), uint(16, 1), bytes(16), bytes(32)),
  ([memoryKiB, passes, lanes, salt, hash]): Password => ({ memoryKiB, passes, lanes, salt, hash })
)
const codes = mapped(tuple(bytes(20), uint()), ([secret, lastStep]) => ({ secret, lastStep }))

export const epochChars = 16

export const operatorRow: Row<OperatorRow> = row(
  'an operator',
  tuple(
    literal(1),
    role,
    text(epochChars, epochChars),
    nullable(password),
    nullable(codes),
    uint(),
    nullable(uint())
  ),
  ([, role, epoch, password, codes, createdMs, loginMs]) => ({
    ...{ role, epoch, password, codes, createdMs, loginMs }
  }),
  o => [
    1,
    o.role,
    o.epoch,
    o.password && [
      o.password.memoryKiB,
      o.password.passes,
      o.password.lanes,
      o.password.salt,
      o.password.hash
    ],
    o.codes && [o.codes.secret, o.codes.lastStep],
    o.createdMs,
    o.loginMs
  ]
)

/** What lets somebody in until its time: a session, or a link that is good once. Void when its operator's epoch is another. */
export interface TicketRow {
  readonly operator: string
  readonly epoch: string
  readonly madeMs: Millis
  readonly untilMs: Millis
  /** What let them in: of a session. */
  readonly by: 'link' | 'password'
  /** Where it began: a network, and what the browser says it is; empty of a link. */
  readonly from: string
}

const name = text(limits.operatorBytesMax, 1)
export const fromBytesMax = 300

export const ticketRow: Row<TicketRow> = row(
  'a ticket',
  tuple(
    literal(1),
    name,
    text(epochChars, epochChars),
    uint(),
    uint(),
    oneOf('link', 'password'),
    text(fromBytesMax)
  ),
  ([, operator, epoch, madeMs, untilMs, by, from]) => ({
    ...{ operator, epoch, madeMs, untilMs, by, from }
  }),
  t => [1, t.operator, t.epoch, t.madeMs, t.untilMs, t.by, t.from]
)
