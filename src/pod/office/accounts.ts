import { MuttrError } from '../../base/errors.ts'
import type { Millis, PeerId } from '../../base/ports.ts'
import type { Change, State } from '../../store/state.ts'
import type { Ahead } from '../ahead/ahead.ts'
import type { PodLimits } from '../limits.ts'
import { podTimes } from '../limits.ts'
import type { Mailbox } from '../mailbox.ts'
import { newsOf } from '../news.ts'
import type { AccountId, AccountRow } from '../rows.ts'
import { accountRow, deviceRow, tables, under } from '../rows.ts'
import { rowsOf } from '../scan.ts'
import type { NameChange, Names, OwnName } from './names.ts'
import type { Quota, Quotas } from './quotas.ts'
import type { Standing, Standings } from './standings.ts'

/** What an operator sees of an account. */
export interface AccountView {
  /** SHA-256 of the primary key packet that it began with, hex. */
  readonly account: AccountId
  /** Of the key that it has now. */
  readonly fingerprint: string
  readonly state: 'active' | 'suspended' | 'removed'
  /** Why and for how long; null for accounts like others. */
  readonly standing: Pick<Standing, 'reason' | 'sinceMs' | 'untilMs'> | null
  readonly createdMs: Millis
  readonly seenMs: Millis
  readonly aliases: readonly OwnName[]
  readonly devices: readonly {
    /** Its key, hex. */
    readonly device: string
    readonly peer: PeerId
    readonly seenMs: Millis
    readonly untilMs: Millis
  }[]
  readonly notices: number
  readonly noticeBytes: number
  readonly ahead: { readonly files: number; readonly bytes: number }
  /** What was set for it alone. */
  readonly quota: Quota
  /** What it may have, all told. */
  readonly bounds: Readonly<Record<keyof Quota, number>>
}

export interface AccountFilter {
  readonly state?: AccountView['state']
  /** Part of an alias, or the beginning of its id or fingerprint. */
  readonly text?: string
  /** The `next` of the page before. */
  readonly after?: string
  readonly limit?: number
}

export interface AccountPage {
  readonly accounts: readonly AccountView[]
  /** Where the next page begins; null after the last one. */
  readonly next: string | null
}

/** Accounts as operators see and change them: reads, and changes that are written with what is noted of them. */
export interface Accounts {
  /** @param who an alias, or the beginning (8 digits or more) of an id or fingerprint. @throws {MuttrError} `ACCOUNT_UNKNOWN` */
  find(who: string): Promise<AccountId>
  show(account: AccountId, nowMs: Millis): Promise<AccountView>
  list(filter: AccountFilter, nowMs: Millis): Promise<AccountPage>
  /** @throws {MuttrError} `ACCOUNT_REMOVED` */
  suspend(
    account: AccountId,
    o: { reason: string; untilMs: Millis | null; nowMs: Millis }
  ): Promise<Change[]>
  /** Ends a suspension, or lets in one who was removed. @throws {MuttrError} `ACCOUNT_UNKNOWN` when there is nothing to end */
  resume(account: AccountId, nowMs: Millis): Promise<Change[]>
  remove(
    account: AccountId,
    o: { reason: string; nowMs: Millis }
  ): Promise<Pick<NameChange, 'changes' | 'counts'>>
  setQuota(account: AccountId, quota: Partial<Quota>): Promise<{ changes: Change[]; quota: Quota }>
}

interface Parts {
  state: State
  limits: PodLimits
  aheadBytes: number
  names: Names
  standings: Standings
  quotas: Quotas
  mailbox: Pick<Mailbox, 'usageOf'>
  ahead: Pick<Ahead, 'filesOf'> | undefined
}

const pageUsual = 50
const pageMax = 1_000
const digitsMin = 8

export function createAccounts(parts: Parts): Accounts {
  const { state, limits, aheadBytes, names, standings, quotas, mailbox, ahead } = parts

  const unknown = (who: string): never => {
    throw new MuttrError('ACCOUNT_UNKNOWN', `no one account ${who}`)
  }
  async function rowOf(account: AccountId): Promise<AccountRow> {
    const value = await state.get(tables.accounts, account)
    return value ? accountRow.decode(value) : unknown(account)
  }
  async function byDigits(digits: string): Promise<AccountId[]> {
    const range = { gte: digits, lt: `${digits}g`, limit: 2 }
    const found = (await state.list(tables.accounts, range)).map(({ key }) => key)
    if (found.length > 0) return found
    for await (const { key, value } of rowsOf(state, tables.accounts))
      if (accountRow.decode(value).fingerprint.startsWith(digits)) found.push(key)
    return found
  }
  async function devicesOf(account: AccountId): Promise<AccountView['devices']> {
    const rows = await state.list(tables.devices, under(account))
    return rows.map(({ key, value }) => {
      const { peer, seenMs, untilMs } = deviceRow.decode(value)
      return { device: key.slice(account.length + 1), peer, seenMs, untilMs }
    })
  }

  async function show(
    account: AccountId,
    row: AccountRow,
    nowMs: Millis,
    known?: OwnName[]
  ): Promise<AccountView> {
    const standing = await standings.of(account, nowMs)
    const { notices, bytes } = await mailbox.usageOf(account)
    const files = ahead?.filesOf(account) ?? []
    const quota = await quotas.of(account)
    return {
      account,
      ...row,
      state: standing?.state ?? 'active',
      standing: standing
        ? { reason: standing.reason, sinceMs: standing.sinceMs, untilMs: standing.untilMs }
        : null,
      aliases: known ?? (await names.of(account)),
      devices: await devicesOf(account),
      notices,
      noticeBytes: bytes,
      ahead: { files: files.length, bytes: files.reduce((sum, file) => sum + file.bytes, 0) },
      quota,
      bounds: {
        aliases: quota.aliases ?? limits.aliasesPerAccountMax,
        notices: quota.notices ?? limits.noticesPerAccountMax,
        noticeBytes: quota.noticeBytes ?? limits.noticeBytesPerAccountMax,
        aheadBytes: quota.aheadBytes ?? aheadBytes,
        invites: quota.invites ?? 0
      }
    }
  }

  async function fits(
    account: AccountId,
    { fingerprint }: AccountRow,
    { state: wanted, text = '' }: AccountFilter,
    nowMs: Millis
  ): Promise<OwnName[] | undefined> {
    const isOf = async () => (await standings.of(account, nowMs))?.state ?? 'active'
    if (wanted && (await isOf()) !== wanted) return undefined
    const own = await names.of(account)
    const sought = text.toLowerCase()
    const [part = ''] = sought.split('@')
    return account.startsWith(sought) ||
      fingerprint.startsWith(sought) ||
      own.some(({ name }) => name.includes(part))
      ? own
      : undefined
  }

  return {
    async find(who) {
      const text = who.toLowerCase().replaceAll(' ', '')
      const isDigits = /^[0-9a-f]{8,64}$/.test(text) && text.length >= digitsMin
      const [found, other] = isDigits ? await byDigits(text) : []
      if (found !== undefined) return other === undefined ? found : unknown(who)
      const owner = await names.ownerOf(text).catch(() => undefined)
      return owner !== undefined && (await state.get(tables.accounts, owner)) ? owner : unknown(who)
    },
    show: async (account, nowMs) => show(account, await rowOf(account), nowMs),
    async list(filter, nowMs) {
      const wanted = Math.min(filter.limit ?? pageUsual, pageMax)
      const accounts: AccountView[] = []
      const from = filter.after === undefined ? {} : { gte: `${filter.after}\u0001` }
      for await (const { key, value } of rowsOf(state, tables.accounts, from)) {
        const row = accountRow.decode(value)
        const own = await fits(key, row, filter, nowMs)
        if (!own) continue
        if (accounts.length === wanted) return { accounts, next: accounts.at(-1)!.account }
        accounts.push(await show(key, row, nowMs, own))
      }
      return { accounts, next: null }
    },
    async suspend(account, { reason, untilMs, nowMs }) {
      const turn = await standings.turn(account)
      await standings.admit(account, nowMs)
      const standing: Standing = { state: 'suspended', reason, sinceMs: nowMs, untilMs }
      return [...turn, standings.set(account, standing), newsOf({ what: 'standing', account })]
    },
    async resume(account, nowMs) {
      const turn = await standings.turn(account)
      if (!(await standings.of(account, nowMs)))
        throw new MuttrError('ACCOUNT_UNKNOWN', 'the account is neither suspended nor removed')
      return [...turn, standings.clear(account), newsOf({ what: 'standing', account })]
    },
    async remove(account, { reason, nowMs }) {
      const turn = await standings.turn(account)
      await rowOf(account)
      await standings.admit(account, nowMs)
      const { changes, counts } = await names.leave(account, nowMs)
      const devices = await state.list(tables.devices, under(account))
      const untilMs = nowMs + podTimes.quarantineMs
      const standing: Standing = { state: 'removed', reason, sinceMs: nowMs, untilMs }
      return {
        counts,
        changes: [
          ...turn,
          ...changes,
          ...devices.map(({ key }): Change => ({ type: 'delete', table: tables.devices, key })),
          standings.set(account, standing),
          quotas.forget(account),
          newsOf({ what: 'standing', account })
        ]
      }
    },
    async setQuota(account, given) {
      await rowOf(account)
      const quota = { ...(await quotas.of(account)), ...given }
      return { changes: [quotas.put(account, quota)], quota }
    }
  }
}
