import { equalBytes, sha256, toHex, utf8 } from '../../base/bytes.ts'
import { MuttrError } from '../../base/errors.ts'
import { limits } from '../../base/limits.ts'
import type { Millis } from '../../base/ports.ts'
import type { Change, State } from '../../store/state.ts'
import { bytes, literal, text, tuple, uint } from '../../wire/cbor.ts'
import type { Locks } from '../locks.ts'
import { createLocks } from '../locks.ts'
import type { Maker, Row } from '../rows.ts'
import { maker, ordered, row, tables } from '../rows.ts'
import { rowsOf } from '../scan.ts'
import { ring } from './bell.ts'

/** What somebody did who may: an operator, or an account with leave to make invites. */
export interface AuditEntry {
  readonly sequence: number
  readonly atMs: Millis
  readonly by: Maker
  /** As `account.suspend`. */
  readonly action: string
  /** Whom or what it was done to: an account, an alias, the short id of an invite. */
  readonly subject: string
  /** In words: a reason, a number. */
  readonly detail: string
  /** Hex SHA-256 of the entry before it; zeros for the first one. */
  readonly previous: string
  /** Hex SHA-256 of this entry: the next one names it. */
  readonly hash: string
}

/** What is to be noted with a change. */
type Deed = Pick<AuditEntry, 'by' | 'action' | 'subject' | 'detail'>

export interface AuditCheck {
  /** Entries whose chain holds. */
  readonly entries: number
  /** The first one kept; those before it were dropped. */
  readonly from: number
  /** Of the last one: kept elsewhere, it shows later whether the chain was made anew. */
  readonly head: string
  /** The first sequence at which it breaks. */
  readonly brokenAt: number | null
  /** Whether the hash asked for is among them. */
  readonly found: boolean | null
}

/** A chain of what operators did: each entry names the hash of the one before it. Source: docs/protocol/pod.md#what-operators-did */
export interface Audit {
  /**
   * Writes changes and the entry that tells of them at once; asks for them again when somebody else wrote meanwhile.
   * @param decide reads what it decides by; throws to do nothing. @throws {MuttrError} what `decide` does, `LIMIT_EXCEEDED`
   */
  act<T>(
    nowMs: Millis,
    decide: () => Promise<{ changes: readonly Change[]; deed: Deed; result: T }>
  ): Promise<T>
  /** Newest first. */
  list(o: { before?: number; limit: number }): Promise<AuditEntry[]>
  check(hash?: string): Promise<AuditCheck>
  /** Drops the oldest beyond so many. */
  sweep(entriesMax: number): Promise<number>
}

type AuditRow = Omit<AuditEntry, 'previous' | 'hash'> & { readonly previous: Uint8Array }

const subjectBytesMax = limits.fullAliasCharsMax
const detailBytesMax = limits.podNoteBytesMax + 1_024

export const auditRow: Row<AuditRow> = row(
  'an entry of the audit log',
  tuple(
    literal(1),
    uint(),
    uint(),
    maker,
    text(40, 1),
    text(subjectBytesMax),
    text(detailBytesMax),
    bytes(32)
  ),
  ([, sequence, atMs, by, action, subject, detail, previous]) => ({
    sequence,
    atMs,
    by,
    action,
    subject,
    detail,
    previous
  }),
  e => [1, e.sequence, e.atMs, [e.by.kind, e.by.name], e.action, e.subject, e.detail, e.previous],
  8_192
)

const hashOf = (value: Uint8Array): Uint8Array => sha256(utf8('muttr audit 1'), value)
const attemptsMax = 16
const sweepRows = 500
const one = 'audit'

export function createAudit(state: State): Audit {
  const locks: Locks = createLocks()

  const read = (value: Uint8Array): AuditEntry => {
    const { previous, ...entry } = auditRow.decode(value)
    return { ...entry, previous: toHex(previous), hash: toHex(hashOf(value)) }
  }
  const last = async () => {
    const [newest] = await state.list(tables.audit, { reverse: true, limit: 1 })
    return newest
      ? { sequence: Number(newest.key), hash: hashOf(newest.value) }
      : { sequence: 0, hash: new Uint8Array(32) }
  }

  return {
    act: (nowMs, decide) =>
      locks.run(one, async () => {
        for (let i = 0; i < attemptsMax; i++) {
          const { sequence, hash } = await last()
          const { changes, deed, result } = await decide()
          const value = auditRow.encode({
            ...deed,
            sequence: sequence + 1,
            atMs: nowMs,
            previous: hash
          })
          const { ok } = await state.write([
            ...changes,
            ring,
            { type: 'insert', table: tables.audit, key: ordered(sequence + 1), value }
          ])
          if (ok) return result
        }
        throw new MuttrError('LIMIT_EXCEEDED', 'others change the same all the time; try again')
      }),
    async list({ before, limit }) {
      const range = before === undefined ? {} : { lt: ordered(before) }
      const rows = await state.list(tables.audit, { ...range, limit, reverse: true })
      return rows.map(({ value }) => read(value))
    },
    async check(wanted) {
      let [entries, from, brokenAt] = [0, 0, null as number | null]
      let head: Uint8Array | undefined
      let found = false
      let expected = 0
      for await (const { key, value } of rowsOf(state, tables.audit)) {
        const { sequence, previous } = auditRow.decode(value)
        const follows = head === undefined || (sequence === expected && equalBytes(previous, head))
        if (!follows || Number(key) !== sequence) {
          brokenAt = head === undefined ? sequence : expected
          break
        }
        from ||= sequence
        entries++
        expected = sequence + 1
        head = hashOf(value)
        found ||= toHex(head) === wanted
      }
      return {
        ...{ entries, from, brokenAt, head: head ? toHex(head) : '0'.repeat(64) },
        found: wanted === undefined ? null : found
      }
    },
    async sweep(entriesMax) {
      const { sequence } = await last()
      const through = sequence - entriesMax
      for (let dropped = 0; ; ) {
        const rows =
          through > 0
            ? await state.list(tables.audit, { lt: ordered(through + 1), limit: sweepRows })
            : []
        if (rows.length === 0) return dropped
        await state.write(rows.map(({ key }) => ({ type: 'delete', table: tables.audit, key })))
        dropped += rows.length
      }
    }
  }
}
