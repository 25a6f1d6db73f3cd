import { MuttrError } from '../base/errors.ts'
import type { Millis } from '../base/ports.ts'
import type { Certificate } from '../keys/certificate.ts'
import { readCertificate } from '../keys/certificate.ts'
import { certify } from '../keys/certify.ts'
import type { Person } from '../keys/person.ts'
import type { Change, State } from '../store/state.ts'
import type { Policy } from '../wire/pod.ts'
import type { AliasName } from './alias.ts'
import { checkReserved, foldName, skeleton } from './alias.ts'
import type { Invites } from './invites.ts'
import type { PodLimits } from './limits.ts'
import { podTimes } from './limits.ts'
import { rowsOf } from './mailbox.ts'
import type { AccountId, AccountRow, AliasRow } from './rows.ts'
import { accountRow, aliasRow, ordered, tables, under } from './rows.ts'

export interface Registered {
  readonly name: AliasName
  readonly certificate: Certificate
  readonly untilMs: Millis
}

/**
 * Who has which alias. Decides over the state alone, with time as an argument; of two registrations at once, in one process
 * or in two, one wins.
 */
export interface Registry {
  /**
   * Certifies `name@hostname`, or certifies it anew for who has it already.
   * @param certificate of the person who asks, with a self-signed User ID of the alias.
   * @throws {MuttrError} `ALIAS_INVALID`, `ALIAS_RESERVED`, `ALIAS_CONFUSABLE`, `ALIAS_TAKEN`, `ALIAS_QUARANTINED`,
   *   `REGISTRATION_CLOSED`, `INVITE_INVALID`, `KEY_INVALID`, `LIMIT_EXCEEDED`
   */
  register(o: {
    alias: string
    account: AccountId
    certificate: Certificate
    invite: string | null
    nowMs: Millis
  }): Promise<Registered>
  /** Frees an alias for nobody else within a year. @throws {MuttrError} `ALIAS_UNKNOWN` unless the account has it. */
  release(alias: string, account: AccountId, nowMs: Millis): Promise<void>
  /** @returns undefined unless registered and certified by now. */
  find(name: AliasName, nowMs: Millis): Promise<AliasRow | undefined>
  account(account: AccountId): Promise<AccountRow | undefined>
  aliases(account: AccountId): Promise<AliasName[]>
  /** Certifies anew what soon runs out. @returns the aliases renewed. */
  renew(account: AccountId, nowMs: Millis): Promise<AliasName[]>
  touch(account: AccountId, nowMs: Millis): Promise<void>
  /** Ends quarantines, and quarantines what was not renewed. @returns how many aliases changed. */
  sweep(nowMs: Millis): Promise<number>
  usage(): { accounts: number; aliases: number }
}

interface Parts {
  state: State
  /** The pod's own key: its primary key certifies. */
  person: Person
  hostname: string
  policy: Policy
  invites: Invites
  limits: PodLimits
}

const attemptsMax = 4

export async function createRegistry(parts: Parts): Promise<Registry> {
  const { state, person, hostname, limits } = parts
  const total = { accounts: 0, aliases: 0 }
  for await (const _ of rowsOf(state, tables.accounts)) total.accounts += 1
  for await (const _ of rowsOf(state, tables.owned)) total.aliases += 1

  const readAliasRow = async (name: AliasName): Promise<AliasRow | undefined> => {
    const row = await state.get(tables.aliases, name)
    return row && aliasRow.decode(row)
  }
  const readAccount = async (account: AccountId): Promise<AccountRow | undefined> => {
    const row = await state.get(tables.accounts, account)
    return row && accountRow.decode(row)
  }
  const aliasesOf = async (account: AccountId): Promise<AliasName[]> =>
    (await state.list(tables.owned, under(account))).map(({ key }) => key.slice(account.length + 1))

  /** The changes that take the look of `name`. @throws {MuttrError} `ALIAS_CONFUSABLE` */
  const claim = async (name: AliasName, nowMs: Millis): Promise<Change[]> => {
    const look = skeleton(name)
    const range = { ...under(look), limit: 1, reverse: true }
    const [last] = await state.list(tables.claims, range)
    const generation = last ? Number(last.key.slice(look.length + 1)) : 0
    const holder = last && Buffer.from(last.value).toString()
    if (holder !== undefined && holder !== name) {
      const row = await readAliasRow(holder)
      if (row && (row.state === 'active' || row.untilMs > nowMs))
        throw new MuttrError('ALIAS_CONFUSABLE', `${name} looks like ${holder}`)
    }
    const key = `${look}/${ordered(generation + 1)}`
    const value = new Uint8Array(Buffer.from(name))
    const insert: Change = { type: 'insert', table: tables.claims, key, value }
    return last ? [{ type: 'delete', table: tables.claims, key: last.key }, insert] : [insert]
  }

  const certified = async (name: AliasName, certificate: Certificate, nowMs: Millis) => {
    const lifeMs = podTimes.certificationLifeMs
    const userId = `${name}@${hostname}`
    return {
      certificate: await certify(person, { certificate, userId, nowMs, lifeMs }),
      untilMs: nowMs + lifeMs
    }
  }

  const putAlias = (name: AliasName, row: AliasRow): Change[] => [
    { type: 'put', table: tables.aliases, key: name, value: aliasRow.encode(row) },
    { type: 'delete', table: tables.answers, key: name }
  ]

  /** What a new alias needs beyond the rules for its name. @throws {MuttrError} */
  const admit = async (
    account: AccountId,
    invite: string | null,
    nowMs: Millis
  ): Promise<Change[]> => {
    const known = await readAccount(account)
    const full =
      (!known && total.accounts >= limits.accountsMax) ||
      total.aliases >= limits.aliasesMax ||
      (await aliasesOf(account)).length >= limits.aliasesPerAccountMax
    if (parts.policy === 'closed')
      throw new MuttrError('REGISTRATION_CLOSED', `${hostname} takes no new aliases`)
    if (full) throw new MuttrError('LIMIT_EXCEEDED', `no room for another alias`)
    return parts.policy === 'invite' ? await parts.invites.use(invite, account, nowMs) : []
  }

  const attempt = async (
    name: AliasName,
    o: { account: AccountId; certificate: Certificate; invite: string | null; nowMs: Millis }
  ): Promise<Registered | undefined> => {
    const { account, nowMs } = o
    const row = await readAliasRow(name)
    const own = row?.account === account
    if (row?.state === 'active' && !own) throw new MuttrError('ALIAS_TAKEN', `${name} is taken`)
    if (row?.state === 'quarantined' && !own && row.untilMs > nowMs)
      throw new MuttrError('ALIAS_QUARANTINED', `${name} was somebody else's until lately`)
    const renewal = row?.state === 'active'
    const claims = renewal ? [] : await claim(name, nowMs)
    const uses = own ? [] : await admit(account, o.invite, nowMs)
    const { certificate, untilMs } = await certified(name, o.certificate, nowMs)
    const known = await readAccount(account)
    const revision = (row?.revision ?? 0) + 1
    const { ok } = await state.write([
      ...claims,
      ...uses,
      ...putAlias(name, {
        account,
        state: 'active',
        untilMs,
        revision,
        certificate: certificate.bytes
      }),
      { type: 'put', table: tables.owned, key: `${account}/${name}`, value: new Uint8Array() },
      {
        type: 'put',
        table: tables.accounts,
        key: account,
        value: accountRow.encode({
          fingerprint: certificate.fingerprint,
          createdMs: known?.createdMs ?? nowMs,
          seenMs: nowMs
        })
      }
    ])
    if (!ok) return undefined
    if (!renewal) total.aliases += 1
    if (!known) total.accounts += 1
    return { name, certificate, untilMs }
  }

  const free = async (name: AliasName, row: AliasRow, nowMs: Millis): Promise<void> => {
    const { account } = row
    const untilMs = nowMs + podTimes.quarantineMs
    await state.write([
      ...putAlias(name, {
        account,
        state: 'quarantined',
        untilMs,
        revision: row.revision + 1,
        certificate: new Uint8Array()
      }),
      { type: 'delete', table: tables.owned, key: `${account}/${name}` }
    ])
    total.aliases -= 1
  }

  return {
    async register({ alias, ...o }) {
      const name = foldName(alias)
      checkReserved(name)
      checkCertificate(o.certificate, `${name}@${hostname}`, o.account, o.nowMs)
      for (let i = 0; i < attemptsMax; i++) {
        const registered = await attempt(name, o)
        if (registered) return registered
      }
      throw new MuttrError('ALIAS_TAKEN', `${name} is being taken by somebody else`)
    },
    async release(alias, account, nowMs) {
      const name = foldName(alias)
      const row = await readAliasRow(name)
      if (row?.state !== 'active' || row.account !== account)
        throw new MuttrError('ALIAS_UNKNOWN', `you have no alias ${name} here`)
      await free(name, row, nowMs)
    },
    async find(name, nowMs) {
      const row = await readAliasRow(name)
      return row?.state === 'active' && row.untilMs > nowMs ? row : undefined
    },
    account: readAccount,
    aliases: aliasesOf,
    async renew(account, nowMs) {
      const renewed: AliasName[] = []
      for (const name of await aliasesOf(account)) {
        const row = await readAliasRow(name)
        if (row?.state !== 'active' || row.untilMs - nowMs > podTimes.certificationRenewMs) continue
        const certificate = await readCertificate(row.certificate)
        if (certificate.revoked) continue
        const next = await certified(name, certificate, nowMs)
        const { untilMs } = next
        const revision = row.revision + 1
        await state.write(
          putAlias(name, { ...row, untilMs, revision, certificate: next.certificate.bytes })
        )
        renewed.push(name)
      }
      return renewed
    },
    async touch(account, nowMs) {
      const known = await readAccount(account)
      if (!known) return
      const value = accountRow.encode({ ...known, seenMs: nowMs })
      await state.write([{ type: 'put', table: tables.accounts, key: account, value }])
    },
    async sweep(nowMs) {
      let changed = 0
      for await (const { key, value } of rowsOf(state, tables.aliases)) {
        const row = aliasRow.decode(value)
        if (row.untilMs > nowMs) continue
        changed += 1
        if (row.state === 'active') await free(key, row, nowMs)
        else await state.write([{ type: 'delete', table: tables.aliases, key }])
      }
      return changed
    },
    usage: () => ({ ...total })
  }
}

/** @throws {MuttrError} `KEY_INVALID` */
function checkCertificate(
  certificate: Certificate,
  userId: string,
  account: AccountId,
  nowMs: Millis
): void {
  const refuse = (what: string): never => {
    throw new MuttrError('KEY_INVALID', what)
  }
  if (certificate.pin !== account) refuse('the certificate is not of the person who identified')
  if (certificate.revoked) refuse('the certificate is revoked')
  if (certificate.expiresMs !== null && certificate.expiresMs <= nowMs)
    refuse('the certificate has expired')
  if (!certificate.userIds.includes(userId)) refuse(`the certificate lacks the User ID ${userId}`)
}
