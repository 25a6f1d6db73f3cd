import { MuttrError } from '../../base/errors.ts'
import { limits } from '../../base/limits.ts'
import type { Millis } from '../../base/ports.ts'
import type { Change, State } from '../../store/state.ts'
import { literal, nullable, oneOf, text, tuple, uint } from '../../wire/cbor.ts'
import type { AccountId, Row } from '../rows.ts'
import { ordered, row, tables, under } from '../rows.ts'
import { rowsOf } from '../scan.ts'

/** That an account may not do all that others may. */
export interface Standing {
  /** `removed`: it has nothing here any more, and is not let in. */
  readonly state: 'suspended' | 'removed'
  /** As its owner is told. */
  readonly reason: string
  readonly sinceMs: Millis
  /** Null: until an operator says otherwise. */
  readonly untilMs: Millis | null
}

export const standingRow: Row<Standing> = row(
  'a standing',
  tuple(
    literal(1),
    oneOf('suspended', 'removed'),
    text(limits.podNoteBytesMax),
    uint(),
    nullable(uint())
  ),
  ([, state, reason, sinceMs, untilMs]) => ({ state, reason, sinceMs, untilMs }),
  s => [1, s.state, s.reason, s.sinceMs, s.untilMs],
  2_048
)

/** Old turns kept: a process that read an account so many changes ago still finds that it is late. */
const turnsKept = 8

/** Who may not do all that others may. Decides over the state alone, so that several processes agree. */
export interface Standings {
  /** Undefined for accounts like others, and once it has ended. */
  of(account: AccountId, nowMs: Millis): Promise<Standing | undefined>
  set(account: AccountId, standing: Standing): Change
  clear(account: AccountId): Change
  /**
   * What must be written with each change that an account's standing decides about: of two that read the same standing, one is late.
   * Read before the standing.
   */
  turn(account: AccountId): Promise<Change[]>
  /** @throws {MuttrError} `ACCOUNT_SUSPENDED`, `ACCOUNT_REMOVED` */
  check(account: AccountId, nowMs: Millis): Promise<void>
  /** @throws {MuttrError} `ACCOUNT_REMOVED` */
  admit(account: AccountId, nowMs: Millis): Promise<void>
  all(nowMs: Millis): AsyncGenerator<[AccountId, Standing]>
  /** What is left of an account that is forgotten. */
  forget(account: AccountId): Promise<Change[]>
  /** Drops standings that have ended. @returns the accounts. */
  sweep(nowMs: Millis): Promise<AccountId[]>
}

export function createStandings(state: State): Standings {
  const holds = ({ untilMs }: Standing, nowMs: Millis): boolean =>
    untilMs === null || untilMs > nowMs
  const of: Standings['of'] = async (account, nowMs) => {
    const value = await state.get(tables.standings, account)
    const standing = value && standingRow.decode(value)
    return standing && holds(standing, nowMs) ? standing : undefined
  }
  const turnOf = (account: AccountId, turn: number): string => `${account}/${ordered(turn)}`
  const clear = (account: AccountId): Change => ({
    type: 'delete',
    table: tables.standings,
    key: account
  })
  return {
    of,
    set: (account, standing) => ({
      ...{ type: 'put', table: tables.standings, key: account },
      value: standingRow.encode(standing)
    }),
    clear,
    async turn(account) {
      const range = { ...under(account), limit: 1, reverse: true }
      const [last] = await state.list(tables.turns, range)
      const turn = (last ? Number(last.key.slice(account.length + 1)) : 0) + 1
      const value = new Uint8Array()
      return [
        { type: 'insert', table: tables.turns, key: turnOf(account, turn), value },
        { type: 'delete', table: tables.turns, key: turnOf(account, turn - turnsKept) }
      ]
    },
    async check(account, nowMs) {
      const standing = await of(account, nowMs)
      if (standing) throw refusal(standing)
    },
    async admit(account, nowMs) {
      const standing = await of(account, nowMs)
      if (standing?.state === 'removed') throw refusal(standing)
    },
    async *all(nowMs) {
      for await (const { key, value } of rowsOf(state, tables.standings)) {
        const standing = standingRow.decode(value)
        if (holds(standing, nowMs)) yield [key, standing]
      }
    },
    async forget(account) {
      const turns = await state.list(tables.turns, under(account))
      return [
        clear(account),
        ...turns.map(({ key }): Change => ({ type: 'delete', table: tables.turns, key }))
      ]
    },
    async sweep(nowMs) {
      const ended: AccountId[] = []
      for await (const { key, value } of rowsOf(state, tables.standings))
        if (!holds(standingRow.decode(value), nowMs)) ended.push(key)
      for (const account of ended) {
        // Somebody may have said something new since.
        const turn = await this.turn(account)
        if (await of(account, nowMs)) continue
        await state.write([...turn, clear(account)])
      }
      return ended
    }
  }
}

function refusal({ state, reason, untilMs }: Standing): MuttrError {
  const said = reason === '' ? '' : `: ${reason}`
  const until = untilMs === null ? '' : ` until ${new Date(untilMs).toISOString().slice(0, 10)}`
  return state === 'removed'
    ? new MuttrError('ACCOUNT_REMOVED', `the account was removed${said}`)
    : new MuttrError('ACCOUNT_SUSPENDED', `the account is suspended${until}${said}`)
}
