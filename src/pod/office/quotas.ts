import type { Change, State } from '../../store/state.ts'
import { literal, nullable, tuple, uint } from '../../wire/cbor.ts'
import type { AccountId, Row } from '../rows.ts'
import { row, tables } from '../rows.ts'

/** What one account may have, where that is not what all may; null: as all. */
export interface Quota {
  readonly aliases: number | null
  /** Waiting notices, and their bytes. */
  readonly notices: number | null
  readonly noticeBytes: number | null
  /** Of files fetched ahead. */
  readonly aheadBytes: number | null
  /** Uses of invites that it made and that are still open. */
  readonly invites: number | null
}

export const noQuota: Quota = {
  aliases: null,
  notices: null,
  noticeBytes: null,
  aheadBytes: null,
  invites: null
}

const count = nullable(uint())
export const quotaRow: Row<Quota> = row(
  'a quota',
  tuple(literal(1), count, count, count, count, count),
  ([, aliases, notices, noticeBytes, aheadBytes, invites]) => ({
    aliases,
    notices,
    noticeBytes,
    aheadBytes,
    invites
  }),
  q => [1, q.aliases, q.notices, q.noticeBytes, q.aheadBytes, q.invites]
)

export interface Quotas {
  of(account: AccountId): Promise<Quota>
  put(account: AccountId, quota: Quota): Change
  forget(account: AccountId): Change
}

export function createQuotas(state: State): Quotas {
  const forget = (account: AccountId): Change => ({
    type: 'delete',
    table: tables.quotas,
    key: account
  })
  return {
    async of(account) {
      const value = await state.get(tables.quotas, account)
      return value ? quotaRow.decode(value) : noQuota
    },
    put: (account, quota) =>
      Object.values(quota).every(bound => bound === null)
        ? forget(account)
        : { type: 'put', table: tables.quotas, key: account, value: quotaRow.encode(quota) },
    forget
  }
}
