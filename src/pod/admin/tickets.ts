import { sha256, toHex, utf8 } from '../../base/bytes.ts'
import { MuttrError } from '../../base/errors.ts'
import type { Millis } from '../../base/ports.ts'
import type { Change } from '../../store/state.ts'
import type { Maker } from '../rows.ts'
import { tables } from '../rows.ts'
import { rowsOf } from '../scan.ts'
import type { Admin, AdminParts, From, LoginLink, Opened, Session } from './admin.ts'
import type { Operators } from './operators.ts'
import { viewOf } from './operators.ts'
import type { OperatorRow, TicketRow } from './rows.ts'
import { fromBytesMax, ticketRow } from './rows.ts'

const linkMs: Millis = 10 * 60_000
/** A session ends by itself: so long after it began, and so long after it was last used. */
const sessionMs: Millis = 12 * 3_600_000
const idleMs: Millis = 60 * 60_000
/** Not every request is a write. */
const seenEveryMs: Millis = 60_000

export interface Tickets extends Pick<Admin, 'session' | 'sessions' | 'endSession' | 'sweep'> {
  link(by: Maker, name: string): Promise<LoginLink>
  /** A new session, to be written with what let somebody in. */
  open(
    name: string,
    row: OperatorRow,
    by: TicketRow['by'],
    from: From
  ): Opened & { changes: Change[] }
  /** To be written with a deed that ends it. */
  endOf(token: string): Change[]
  /** @returns what a link still is, and what takes it out of use. */
  readLink(token: string): Promise<{ operator: string; epoch: string; taken: Change } | undefined>
}

interface Parts extends AdminParts {
  operators: Operators
}

const keyOf = (token: string): string => toHex(sha256(utf8('muttr operator 1'), utf8(token)))
const idChars = 16
const idOf = (key: string): string => key.slice(0, idChars)
const isToken = (text: string): boolean => /^[0-9a-f]{64}$/.test(text)

export function createTickets({ state, audit, clock, random, operators }: Parts): Tickets {
  const draw = (): string => toHex(random.bytes(32))
  const ended = (key: string): Change[] => [
    { type: 'delete', table: tables.operatorSessions, key },
    { type: 'delete', table: tables.operatorSeen, key }
  ]
  const seenOf = async (key: string, row: TicketRow): Promise<Millis> => {
    const value = await state.get(tables.operatorSeen, key)
    return value ? Number(Buffer.from(value).toString()) : row.madeMs
  }
  /** Of a session that still lets in. */
  async function living(key: string, row: TicketRow) {
    const operator = await operators.get(row.operator)
    const seenMs = await seenOf(key, row)
    const nowMs = clock.now()
    const isOver = row.untilMs <= nowMs || seenMs + idleMs <= nowMs
    if (isOver || operator?.row.epoch !== row.epoch) return undefined
    return { operator, seenMs }
  }
  async function* sessionsOf(operator: string) {
    for await (const { key, value } of rowsOf(state, tables.operatorSessions)) {
      const row = ticketRow.decode(value)
      if (row.operator === operator) yield { key, row }
    }
  }
  const shown = (key: string, row: TicketRow) => ({
    ...{ id: idOf(key), madeMs: row.madeMs, untilMs: row.untilMs, by: row.by }
  })

  return {
    async link(by, given) {
      const token = draw()
      const untilMs = clock.now() + linkMs
      const { name } = await operators.change(
        { by, action: 'operator.link', detail: '' },
        given,
        async row => {
          const { name } = (await operators.get(given))!
          const ticket: TicketRow = {
            ...{ operator: name, epoch: row.epoch, madeMs: clock.now(), untilMs },
            ...{ by: 'link', from: '' }
          }
          const value = ticketRow.encode(ticket)
          const key = keyOf(token)
          return { row, more: [{ type: 'put', table: tables.operatorLinks, key, value }] }
        }
      )
      return { operator: name, token, untilMs }
    },
    async readLink(token) {
      const key = keyOf(token)
      const value = isToken(token) ? await state.get(tables.operatorLinks, key) : undefined
      if (!value) return undefined
      const { operator, epoch, untilMs } = ticketRow.decode(value)
      if (untilMs <= clock.now()) return undefined
      return { operator, epoch, taken: { type: 'delete', table: tables.operatorLinks, key } }
    },
    open(name, row, by, { subnet, agent }) {
      const token = draw()
      const key = keyOf(token)
      const nowMs = clock.now()
      const ticket: TicketRow = {
        ...{ operator: name, epoch: row.epoch, madeMs: nowMs, untilMs: nowMs + sessionMs, by },
        from: cut(`${subnet ?? 'this machine or network'}; ${agent}`)
      }
      const session: Session = { ...shown(key, ticket), operator: viewOf(name, row) }
      const value = ticketRow.encode(ticket)
      return {
        ...{ token, session },
        changes: [{ type: 'put', table: tables.operatorSessions, key, value }]
      }
    },
    endOf: token => ended(keyOf(token)),
    async session(token) {
      if (!isToken(token)) return undefined
      const key = keyOf(token)
      const value = await state.get(tables.operatorSessions, key)
      const row = value && ticketRow.decode(value)
      const found = row && (await living(key, row))
      if (!found) return undefined
      const { operator, seenMs } = found
      const nowMs = clock.now()
      if (seenMs + seenEveryMs <= nowMs) {
        const seen = new Uint8Array(Buffer.from(String(nowMs)))
        await state.write([{ type: 'put', table: tables.operatorSeen, key, value: seen }])
      }
      return { ...shown(key, row), operator: viewOf(operator.name, operator.row) }
    },
    async sessions(operator) {
      const found = []
      for await (const { key, row } of sessionsOf(operator)) {
        const now = await living(key, row)
        if (now) found.push({ ...shown(key, row), seenMs: now.seenMs, from: row.from })
      }
      return found.sort((a, b) => b.seenMs - a.seenMs)
    },
    async endSession(operator, id) {
      const nowMs = clock.now()
      await audit.act(nowMs, async () => {
        for await (const { key } of sessionsOf(operator))
          if (id.length === idChars && idOf(key) === id) {
            const by = { kind: 'operator', name: operator } as const
            const deed = { by, action: 'operator.logout', subject: operator, detail: '' }
            return { changes: ended(key), deed, result: undefined }
          }
        throw new MuttrError('SESSION_UNKNOWN', `no session ${id}`)
      })
    },
    async sweep(nowMs) {
      for (const table of [tables.operatorSessions, tables.operatorLinks])
        for await (const { key, value } of rowsOf(state, table)) {
          const row = ticketRow.decode(value)
          const isSession = table === tables.operatorSessions
          const isOver = isSession ? !(await living(key, row)) : row.untilMs <= nowMs
          if (!isOver) continue
          await state.write(isSession ? ended(key) : [{ type: 'delete', table, key }])
        }
      for await (const { key } of rowsOf(state, tables.operatorSeen))
        if (!(await state.get(tables.operatorSessions, key)))
          await state.write([{ type: 'delete', table: tables.operatorSeen, key }])
    }
  }
}

/** What a browser says of itself may be anything. */
function cut(text: string): string {
  let kept = text.toWellFormed()
  while (Buffer.byteLength(kept) > fromBytesMax) kept = kept.slice(0, -1).toWellFormed()
  return kept
}
