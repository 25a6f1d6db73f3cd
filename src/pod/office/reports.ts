import { sha256, toHex, utf8 } from '../../base/bytes.ts'
import { MuttrError } from '../../base/errors.ts'
import { limits } from '../../base/limits.ts'
import type { Millis } from '../../base/ports.ts'
import type { Change, State } from '../../store/state.ts'
import { bool, bytes, literal, nullable, oneOf, text, tuple, uint } from '../../wire/cbor.ts'
import type { Report } from '../../wire/report.ts'
import { reportKinds } from '../../wire/report.ts'
import type { PodLimits } from '../limits.ts'
import { podTimes } from '../limits.ts'
import type { AccountId, Row } from '../rows.ts'
import { row, tables } from '../rows.ts'
import { rowsOf } from '../scan.ts'
import { ring } from './bell.ts'

/** A report, and what became of it. */
export interface ReportRow extends Report {
  readonly atMs: Millis
  /** Whose device told it, where that is known. */
  readonly account: AccountId | null
  /** Of the peer that told it; null where it is local. */
  readonly network: string | null
  readonly isOpen: boolean
  /** An operator's words when it was closed. */
  readonly answer: string
}

export interface ReportView extends Omit<ReportRow, 'name' | 'letter'> {
  readonly id: string
  readonly alias: string
  /** Hex. */
  readonly letter: string | null
}

export const reportRow: Row<ReportRow> = row(
  'a report',
  tuple(
    literal(1),
    text(limits.aliasCharsMax, 1),
    oneOf(...reportKinds),
    text(limits.podNoteBytesMax),
    nullable(bytes(32)),
    uint(),
    nullable(text(64, 64)),
    nullable(text(64, 1)),
    bool,
    text(limits.podNoteBytesMax)
  ),
  ([, name, kind, text, letter, atMs, account, network, isOpen, answer]) => ({
    ...{ name, kind, text, letter, atMs, account, network, isOpen, answer }
  }),
  r => [
    ...[1, r.name, r.kind, r.text, r.letter, r.atMs, r.account, r.network],
    ...[r.isOpen, r.answer]
  ],
  4_096
)

/** What people told a pod about its aliases, so much of it. */
export interface Reports {
  /**
   * The same about the same letter, or the same words from the same network, once. Where there is no more room the oldest closed one gives
   * way. @throws {MuttrError} `LIMIT_EXCEEDED` when all are open
   */
  add(report: Omit<ReportRow, 'isOpen' | 'answer'>): Promise<void>
  /** Open ones first, newest first. */
  list(): Promise<[id: string, ReportRow][]>
  /** @param id its first digits. @throws {MuttrError} `REPORT_UNKNOWN` unless it is open */
  close(id: string, answer: string): Promise<{ changes: Change[]; id: string; report: ReportRow }>
  sweep(nowMs: Millis): Promise<number>
}

const idChars = 32

export function createReports(
  state: State,
  { reportsMax }: Pick<PodLimits, 'reportsMax'>
): Reports {
  const put = (id: string, report: ReportRow, type: 'put' | 'insert'): Change => ({
    ...{ type, table: tables.reports, key: id },
    value: reportRow.encode(report)
  })
  const drop = (key: string): Change => ({ type: 'delete', table: tables.reports, key })
  const idOf = ({ name, letter, text, network, account }: Omit<ReportRow, 'isOpen' | 'answer'>) => {
    const what = letter ?? utf8(text)
    const who = utf8(`${name} ${account ?? network ?? ''}`)
    return toHex(sha256(utf8('muttr report 1'), sha256(who), sha256(what))).slice(0, idChars)
  }
  return {
    async add(report) {
      const id = idOf(report)
      if (await state.get(tables.reports, id)) return
      const kept = await this.list()
      const last = kept.length < reportsMax ? undefined : kept.at(-1)!
      if (last?.[1].isOpen) throw new MuttrError('LIMIT_EXCEEDED', 'too many reports wait already')
      await state.write([
        ...(last ? [drop(last[0])] : []),
        put(id, { ...report, isOpen: true, answer: '' }, 'insert'),
        ring
      ])
    },
    async list() {
      const all: [string, ReportRow][] = []
      for await (const { key, value } of rowsOf(state, tables.reports))
        all.push([key, reportRow.decode(value)])
      return all.sort(([, a], [, b]) => Number(b.isOpen) - Number(a.isOpen) || b.atMs - a.atMs)
    },
    async close(id, answer) {
      const isId = /^[0-9a-f]{4,32}$/.test(id)
      const range = { gte: id, lt: `${id}g`, limit: 2 }
      const [found, other] = isId ? await state.list(tables.reports, range) : []
      const known = found && !other ? reportRow.decode(found.value) : undefined
      if (!known?.isOpen) throw new MuttrError('REPORT_UNKNOWN', `no one open report ${id}`)
      const report = { ...known, isOpen: false, answer, network: null }
      return { changes: [put(found!.key, report, 'put')], id: found!.key, report }
    },
    async sweep(nowMs) {
      let over = 0
      for await (const { key, value } of rowsOf(state, tables.reports)) {
        if (reportRow.decode(value).atMs + podTimes.reportKeptMs > nowMs) continue
        await state.write([drop(key)])
        over += 1
      }
      return over
    }
  }
}
