import { toHex } from '../../base/bytes.ts'
import { MuttrError } from '../../base/errors.ts'
import type { Millis } from '../../base/ports.ts'
import type { Crypto } from '../../keys/crypto.ts'
import type { Person } from '../../keys/person.ts'
import { withdraw } from '../../keys/withdraw.ts'
import type { Change, State } from '../../store/state.ts'
import { createAliasTable, isWithdrawn } from '../alias-table.ts'
import type { Hostnames } from '../hostnames.ts'
import { podTimes } from '../limits.ts'
import type { AccountId, AliasRow } from '../rows.ts'
import { ordered, tables, under } from '../rows.ts'

/** Changes to aliases, and by how many the counts are other once they are written. */
export interface NameChange {
  readonly changes: Change[]
  readonly counts: { active?: number; released?: number }
  readonly account: AccountId
  readonly name: string
}

export interface OwnName {
  readonly name: string
  /** `revoked`: the pod has taken its word back, and shows it. */
  readonly state: 'active' | 'quarantined' | 'revoked'
  readonly untilMs: Millis
}

/** What a pod does to its names by itself. */
export interface Names {
  /** Takes the pod's word back: the name is shown as revoked for a year, and is nobody's. @throws {MuttrError} `ALIAS_UNKNOWN` */
  withdraw(alias: string, reason: string, nowMs: Millis): Promise<NameChange>
  /** Ends a quarantine: anybody may take the name. @throws {MuttrError} `ALIAS_UNKNOWN` unless it is in one */
  free(alias: string, nowMs: Millis): Promise<NameChange>
  /** All of an account into quarantine, and no address leads to it. */
  leave(account: AccountId, nowMs: Millis): Promise<Omit<NameChange, 'name'>>
  of(account: AccountId): Promise<OwnName[]>
  /** Whose it is, or was. */
  ownerOf(alias: string): Promise<AccountId | undefined>
}

interface Parts {
  state: State
  crypto: Crypto
  person: Person
  hostnames: Hostnames
}

export function createNames({ state, crypto, person, hostnames }: Parts): Names {
  const aliases = createAliasTable(state)

  /** @throws {MuttrError} `ALIAS_UNKNOWN`, `ALIAS_INVALID` */
  const nameOf = (alias: string): string => hostnames.read(alias).name
  const unknown = (name: string, what: string): never => {
    throw new MuttrError('ALIAS_UNKNOWN', `${name} ${what}`)
  }
  const quarantined = (
    { account }: AliasRow,
    nowMs: Millis,
    certificate: Uint8Array = new Uint8Array()
  ) => ({
    ...{ account, state: 'quarantined' as const, certificate },
    untilMs: nowMs + podTimes.quarantineMs
  })
  async function namesOf(account: AccountId): Promise<string[]> {
    const rows = [
      ...(await state.list(tables.owned, under(account))),
      ...(await state.list(tables.released, under(account)))
    ]
    return rows.map(({ key }) => key.slice(account.length + 1))
  }
  /** Intro addresses of a name that are still accepted. */
  async function addressesOf(name: string, account: AccountId, nowMs: Millis): Promise<Change[]> {
    const epoch = (atMs: Millis): number => Math.floor(atMs / podTimes.epochMs)
    const changes: Change[] = []
    for (let at = epoch(nowMs - podTimes.introAcceptedMs); at <= epoch(nowMs); at++) {
      const key = `${ordered(at)}/${name}/${account}`
      const address = await state.get(tables.intros, key)
      if (address)
        changes.push(
          { type: 'delete', table: tables.intros, key },
          { type: 'delete', table: tables.addresses, key: toHex(address) }
        )
    }
    return changes
  }

  return {
    async withdraw(alias, reason, nowMs) {
      const name = nameOf(alias)
      const row = await aliases.get(name)
      if (row?.state !== 'active') return unknown(name, 'is nobody’s')
      let shown = await crypto.readCertificate(row.certificate)
      for (const at of await hostnames.of(name)) {
        const about = { alias: `${name}@${at}`, reason, nowMs }
        shown = await withdraw(person, { certificate: shown, ...about })
      }
      const after = quarantined(row, nowMs, shown.bytes)
      const changes = aliases.replace(name, row, after)
      return { changes, counts: { active: -1, released: 1 }, account: row.account, name }
    },
    async free(alias, nowMs) {
      const name = nameOf(alias)
      const row = await aliases.get(name)
      if (row?.state !== 'quarantined' || row.untilMs <= nowMs)
        return unknown(name, 'is not in quarantine')
      const changes = await aliases.remove(name, row)
      return { changes, counts: { released: -1 }, account: row.account, name }
    },
    async leave(account, nowMs) {
      const changes: Change[] = []
      let active = 0
      for (const name of await namesOf(account)) {
        changes.push(...(await addressesOf(name, account, nowMs)))
        const row = await aliases.get(name)
        if (row?.state !== 'active' || row.account !== account) continue
        changes.push(...aliases.replace(name, row, quarantined(row, nowMs)))
        active += 1
      }
      return { changes, counts: { active: -active, released: active }, account }
    },
    async of(account) {
      const found: OwnName[] = []
      for (const name of await namesOf(account)) {
        const row = await aliases.get(name)
        if (row?.account !== account) continue
        found.push({ name, state: isWithdrawn(row) ? 'revoked' : row.state, untilMs: row.untilMs })
      }
      return found.sort((a, b) => (a.name < b.name ? -1 : 1))
    },
    ownerOf: async alias => (await aliases.get(nameOf(alias)))?.account
  }
}
