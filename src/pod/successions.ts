import { MuttrError } from '../base/errors.ts'
import { limits } from '../base/limits.ts'
import type { Millis } from '../base/ports.ts'
import type { Certificate } from '../keys/certificate.ts'
import type { Change, State } from '../store/state.ts'
import type { DeviceMarks } from './device-marks.ts'
import { createDeviceMarks } from './device-marks.ts'
import { podTimes } from './limits.ts'
import type { AccountId, HolderRow, SuccessionRow } from './rows.ts'
import { holderRow, successionRow, tables, under } from './rows.ts'
import { rowsOf } from './scan.ts'

/** Which key an account has: rows, and the changes that hand one over. Source: docs/protocol/succession.md */
export interface Successions {
  /** Devices that may listen under a key that was left, to hear of the new one. */
  readonly behind: DeviceMarks
  /** @returns the account of a key as its holder, or the account that it had before another key took it over. */
  holder(pin: string): Promise<HolderRow>
  /**
   * The account of a key that says who it is. One that another has succeeded has it for the devices that the new key named: they are behind, and
   * may listen. @param device its key, hex. @throws {MuttrError} `IDENTIFY_REFUSED`
   */
  speaker(
    pin: string,
    device: string,
    nowMs: Millis
  ): Promise<{ account: AccountId; isBehind: boolean }>
  /** @param fingerprint of the old key, hex. */
  link(account: AccountId, fingerprint: string): Promise<SuccessionRow | undefined>
  putLink(account: AccountId, old: Certificate, row: SuccessionRow): Change
  /** The changes that give an account to `next`; their write fails when either key was used so since. @throws {MuttrError} `LIMIT_EXCEEDED` */
  handOver(
    account: AccountId,
    old: Certificate,
    next: Certificate,
    row: SuccessionRow
  ): Promise<Change[]>
  /** Forgets all keys of an account. */
  forget(account: AccountId): Promise<Change[]>
}

/** Who takes more keys than are kept, in so short a time, waits. */
const linkDays = 30
const linkMs = linkDays * 24 * 3_600_000

export function createSuccessions(state: State): Successions {
  const keyOf = (account: AccountId, fingerprint: string): string => `${account}/${fingerprint}`
  const putHolder = (pin: string, row: HolderRow, type: 'put' | 'insert'): Change => ({
    ...{ type, table: tables.holders, key: pin },
    value: holderRow.encode(row)
  })

  /** Room for one more link: who stayed away for longer than the oldest is asked about the key. */
  async function room(account: AccountId, nowMs: Millis): Promise<Change[]> {
    const rows = await state.list(tables.successions, under(account))
    if (rows.length < limits.successionsMax) return []
    const [oldest] = rows
      .map(({ key, value }) => ({ key, takenMs: successionRow.decode(value).takenMs }))
      .sort((a, b) => a.takenMs - b.takenMs)
    if (oldest!.takenMs + linkMs > nowMs)
      throw new MuttrError('LIMIT_EXCEEDED', `${rows.length} keys within ${linkDays} days`)
    return [{ type: 'delete', table: tables.successions, key: oldest!.key }]
  }

  async function holder(pin: string): Promise<HolderRow> {
    const row = await state.get(tables.holders, pin)
    return row ? holderRow.decode(row) : { account: pin, current: true }
  }
  const behind = createDeviceMarks(state, tables.behind, podTimes.behindMs)

  return {
    behind,
    holder,
    async speaker(pin, device, nowMs) {
      const { account, current } = await holder(pin)
      if (!current && !(await behind.has(account, device, nowMs))) throw succeededBefore()
      return { account, isBehind: !current }
    },
    async link(account, fingerprint) {
      const row = await state.get(tables.successions, keyOf(account, fingerprint))
      return row && successionRow.decode(row)
    },
    putLink: (account, { fingerprint }, row) => ({
      ...{ type: 'put', table: tables.successions, key: keyOf(account, fingerprint) },
      value: successionRow.encode(row)
    }),
    handOver: async (account, old, next, row) => [
      ...(await room(account, row.takenMs)),
      {
        ...{ type: 'insert', table: tables.successions, key: keyOf(account, old.fingerprint) },
        value: successionRow.encode(row)
      },
      putHolder(next.pin, { account, current: true }, 'insert'),
      putHolder(old.pin, { account, current: false }, 'put')
    ],
    async forget(account) {
      const changes: Change[] = [{ type: 'delete', table: tables.revoked, key: account }]
      for await (const { key: pin, value } of rowsOf(state, tables.holders))
        if (holderRow.decode(value).account === account)
          changes.push(
            { type: 'delete', table: tables.holders, key: pin },
            { type: 'delete', table: tables.revoked, key: pin }
          )
      for (const { key } of await state.list(tables.successions, under(account)))
        changes.push({ type: 'delete', table: tables.successions, key })
      return changes
    }
  }
}

/** To who still has a key that was left. */
export const succeededBefore = (): MuttrError =>
  new MuttrError('IDENTIFY_REFUSED', 'another key has succeeded this one')
