import { MuttrError } from '../base/errors.ts'
import type { Millis } from '../base/ports.ts'
import type { Certificate } from '../keys/certificate.ts'
import type { Crypto } from '../keys/crypto.ts'
import type { Person } from '../keys/person.ts'
import type { State } from '../store/state.ts'
import type { Policy } from '../wire/pod.ts'
import { decodeSignedSuccession } from '../wire/succession.ts'
import { admit } from './admit.ts'
import type { AliasName } from './alias.ts'
import { checkReserved } from './alias.ts'
import type { AliasTable, Release } from './alias-table.ts'
import { createAliasTable, isWithdrawn } from './alias-table.ts'
import type { Certify } from './certify.ts'
import { createCertify } from './certify.ts'
import type { Handover, Succeeded } from './handover.ts'
import { checkCertificate, createHandover } from './handover.ts'
import type { AskedAlias, Hostnames } from './hostnames.ts'
import { hostnamesOf } from './hostnames.ts'
import type { Invites } from './invites.ts'
import type { PodLimits } from './limits.ts'
import { podTimes } from './limits.ts'
import type { Locks } from './locks.ts'
import { createLocks } from './locks.ts'
import { createApplications } from './office/applications.ts'
import type { Quotas } from './office/quotas.ts'
import { createQuotas } from './office/quotas.ts'
import type { Settings } from './office/settings.ts'
import type { Standings } from './office/standings.ts'
import { createStandings } from './office/standings.ts'
import { deleteKey, indexOnce, putKey } from './public-index.ts'
import type { AccountId, AccountRow, AliasRow } from './rows.ts'
import { accountRow, aliasRow, putAccount, tables } from './rows.ts'
import { countOf, rowsOf } from './scan.ts'
import type { Successions } from './successions.ts'
import { createSuccessions } from './successions.ts'
import type { TakeRevocation } from './take-revocation.ts'
import { createTakeRevocation } from './take-revocation.ts'

export interface Application {
  readonly alias: string
  /** Who asks: the pin of the certificate they identified with. */
  readonly pin: string
  /** Theirs, with a self-signed User ID of the alias. */
  readonly certificate: Certificate
  readonly invite: string | null
  /** What the applicant says, and the network it asks from: for operators who approve of each. */
  readonly note?: string | null
  readonly network?: string | null
  readonly nowMs: Millis
}

export interface Registered {
  readonly name: AliasName
  /** With the pod's certification. */
  readonly certificate: Certificate
  readonly untilMs: Millis
}

interface Parts {
  state: State
  crypto: Crypto
  /** The pod's own key: its primary key certifies. */
  person: Person
  hostname: string
  /** It and its former ones; it alone unless told. */
  names?: Hostnames
  policy: Policy
  invites: Invites
  /** What operators say about names. */
  settings?: () => Pick<Settings, 'reserved' | 'allowed'>
  limits: PodLimits
}

const attemptsMax = 4
const one = 'registry'

/**
 * Who has which alias. Decides over the state alone, with time as an argument; of two registrations at once, in one process
 * or in two, one wins.
 */
export class Registry {
  readonly #parts: Parts
  readonly #names: Hostnames
  readonly #aliases: AliasTable
  readonly #successions: Successions
  readonly #handover: Handover
  readonly #takeRevocation: TakeRevocation
  readonly #standings: Standings
  readonly #quotas: Quotas
  readonly #admission: Parameters<typeof admit>[0]
  readonly #certify: Certify
  readonly #locks: Locks = createLocks()
  #accounts = 0
  #active = 0
  /** Aliases in quarantine. */
  #released = 0

  private constructor(parts: Parts) {
    this.#parts = parts
    const { hostname, state } = parts
    this.#names = parts.names ?? hostnamesOf(state, { hostname, former: [] })
    this.#certify = createCertify({ ...parts, names: this.#names })
    this.#aliases = createAliasTable(parts.state)
    this.#successions = createSuccessions(parts.state)
    this.#standings = createStandings(parts.state)
    this.#quotas = createQuotas(parts.state)
    this.#admission = {
      ...parts,
      ...{ aliases: this.#aliases, quotas: this.#quotas },
      applications: createApplications(parts.state, parts.limits),
      counts: () => ({ accounts: this.#accounts, aliases: this.#active + this.#released })
    }
    const rows = { aliases: this.#aliases, successions: this.#successions }
    this.#takeRevocation = createTakeRevocation({ ...parts, ...rows })
    this.#handover = createHandover({
      ...parts,
      ...rows,
      names: this.#names,
      account: id => this.account(id),
      isRevoked: pin => this.isRevoked(pin),
      certify: this.#certify
    })
  }

  static async open(parts: Parts): Promise<Registry> {
    const registry = new Registry(parts)
    await indexOnce(parts.state)
    await registry.recount()
    return registry
  }

  /** Counts what there is: other processes have added to it and taken from it. */
  async recount(): Promise<void> {
    const { state } = this.#parts
    const accounts = await countOf(state, tables.accounts)
    const active = await countOf(state, tables.owned)
    this.#released = await countOf(state, tables.released)
    this.#accounts = accounts
    this.#active = active
  }

  usage(): { accounts: number; aliases: number } {
    return { accounts: this.#accounts, aliases: this.#active }
  }

  /**
   * Certifies `name@hostname`, or certifies it anew for who has it already.
   * @throws {MuttrError} `ALIAS_INVALID`, `ALIAS_RESERVED`, `ALIAS_CONFUSABLE`, `ALIAS_TAKEN`, `ALIAS_QUARANTINED`,
   *   `REGISTRATION_CLOSED`, `REGISTRATION_WAITS`, `REGISTRATION_REFUSED`, `INVITE_INVALID`, `KEY_INVALID`, `ACCOUNT_SUSPENDED`,
   *   `LIMIT_EXCEEDED`
   */
  async register(o: Application): Promise<Registered> {
    const { name, at } = this.#names.read(o.alias)
    // Who has a name keeps it, whatever was reserved since.
    if ((await this.#aliases.get(name))?.state !== 'active')
      checkReserved(name, this.#parts.settings?.())
    checkCertificate(o, `${name}@${at}`)
    return await this.#locks.run(one, async () => {
      for (let i = 0; i < attemptsMax; i++) {
        const registered = await this.#attempt({ name, at }, o)
        if (registered) return registered
      }
      throw new MuttrError('ALIAS_TAKEN', `${name} is being taken by somebody else`)
    })
  }

  /**
   * Frees an alias, for nobody else within a year or as told. Under a former name of the pod, or by a move, it goes from that name alone while it has
   * another; the rows that say so are guarded as all of an alias. @throws {MuttrError} `ALIAS_UNKNOWN` unless the account has it
   */
  async release(alias: string, account: AccountId, nowMs: Millis, how?: Release): Promise<void> {
    const asked = this.#names.read(alias)
    await this.#locks.run(one, async () => {
      for (let i = 0; i < attemptsMax; i++)
        if (await this.#leave(asked, account, nowMs, how)) return
      throw new MuttrError('LIMIT_EXCEEDED', `${asked.name} is being changed; try again`)
    })
  }

  /**
   * Shows from now on that the key of an alias is revoked, for as long as a certification holds, and knows it no more; or that one is
   * that came before; or that of an alias that was left. Anybody may bring it: the key signed it. @throws {MuttrError} `ALIAS_UNKNOWN`, `KEY_INVALID`
   */
  async revoke(alias: string, shown: Certificate, nowMs: Millis): Promise<void> {
    const { name } = this.#names.read(alias)
    if (!(await this.#locks.run(one, () => this.#takeRevocation(name, shown, nowMs))))
      throw new MuttrError('LIMIT_EXCEEDED', `${name} is being changed; try again`)
  }

  /** Aliases and accounts came or went by another hand. */
  counted({ active = 0, released = 0 }: { active?: number; released?: number }): void {
    this.#active += active
    this.#released += released
  }

  /** The account for which a device, by its key in hex, speaks with a key. @throws {MuttrError} `IDENTIFY_REFUSED`, `ACCOUNT_REMOVED` */
  async accountOf(pin: string, device: string, nowMs: Millis) {
    if (await this.isRevoked(pin))
      throw new MuttrError('IDENTIFY_REFUSED', 'the certificate is revoked')
    const found = await this.#successions.speaker(pin, device, nowMs)
    await this.#standings.admit(found.account, nowMs)
    return found
  }

  /** Which key came after one that an account had. */
  async successor(account: AccountId, fingerprint: string) {
    return (await this.#successions.link(account, fingerprint)) ?? null
  }

  /**
   * Gives an account with all that is in it to the key that succeeds its own, in one write; again for the same key says the same.
   * @param others keys of devices, hex, that may listen under the old key until they have the new one.
   * @throws {MuttrError} `SUCCESSION_INVALID`, `KEY_INVALID`, `LIMIT_EXCEEDED`, `CLOCK_WRONG`
   */
  async succeed(
    certificate: Certificate,
    asked: { frame: Uint8Array; others: readonly string[]; nowMs: Millis }
  ): Promise<Succeeded> {
    const { old } = decodeSignedSuccession(asked.frame).succession
    return await this.#locks.run(one, async () => {
      for (let i = 0; i < attemptsMax; i++) {
        const done = await this.#handover(certificate, { ...asked, old })
        if (done) return done
      }
      throw new MuttrError('LIMIT_EXCEEDED', 'the account is being changed; try again')
    })
  }

  async isRevoked(pin: string): Promise<boolean> {
    return (await this.#parts.state.get(tables.revoked, pin)) !== undefined
  }

  /** @returns undefined unless registered, and certified by now. */
  async find(name: AliasName, nowMs: Millis): Promise<AliasRow | undefined> {
    const row = await this.shown(name, nowMs)
    return row?.state === 'active' ? row : undefined
  }

  /** The same, and what the pod has taken its word back about. */
  async shown(name: AliasName, nowMs: Millis): Promise<AliasRow | undefined> {
    const row = await this.#aliases.get(name)
    return row && row.untilMs > nowMs && (row.state === 'active' || isWithdrawn(row))
      ? row
      : undefined
  }

  async account(account: AccountId): Promise<AccountRow | undefined> {
    const row = await this.#parts.state.get(tables.accounts, account)
    return row && accountRow.decode(row)
  }

  aliases(account: AccountId): Promise<AliasName[]> {
    return this.#aliases.active(account)
  }

  /** A device of the account is here: certifies anew what soon runs out. @returns the aliases renewed. */
  async greet(account: AccountId, nowMs: Millis): Promise<AliasName[]> {
    // Under the lock: a key that succeeds another changes the same row.
    await this.#locks.run(one, async () => {
      const known = await this.account(account)
      if (known) await this.#parts.state.write([putAccount(account, { ...known, seenMs: nowMs })])
    })
    const renewed: AliasName[] = []
    for (const name of await this.aliases(account))
      if (await this.#locks.run(one, () => this.#renew(name, nowMs))) renewed.push(name)
    return renewed
  }

  /** Ends quarantines, quarantines what was not renewed. @returns how many aliases changed. */
  async sweep(nowMs: Millis, signal?: AbortSignal): Promise<number> {
    await this.#successions.behind.sweep(nowMs)
    let changed = 0
    for await (const { key: name, value } of rowsOf(this.#parts.state, tables.aliases, {
      pageRows: 50
    })) {
      if (signal?.aborted) break
      if (aliasRow.decode(value).untilMs > nowMs) continue
      changed += Number(await this.#locks.run(one, () => this.#expire(name, nowMs)))
    }
    return changed
  }

  /** Forgets an account that has no aliases and was not here for long. @returns whether it did. */
  async forget(account: AccountId, nowMs: Millis): Promise<boolean> {
    return await this.#locks.run(one, async () => {
      const known = await this.account(account)
      const idle = known && known.seenMs + podTimes.accountIdleMs <= nowMs
      if (!idle || (await this.aliases(account)).length > 0) return false
      await this.#parts.state.write([
        { type: 'delete', table: tables.accounts, key: account },
        deleteKey(known.fingerprint),
        ...(await this.#successions.forget(account)),
        ...(await this.#standings.forget(account)),
        this.#quotas.forget(account)
      ])
      this.#accounts -= 1
      return true
    })
  }

  async #attempt({ name, at }: AskedAlias, o: Application): Promise<Registered | undefined> {
    const { nowMs } = o
    if (await this.isRevoked(o.pin)) throw new MuttrError('KEY_INVALID', 'the key is revoked')
    const { account, current } = await this.#successions.holder(o.pin)
    if (!current) throw new MuttrError('KEY_INVALID', 'another key has succeeded this one')
    const row = await this.#aliases.get(name)
    const own = row?.account === account && !isWithdrawn(row)
    if (row?.state === 'active' && !own) throw new MuttrError('ALIAS_TAKEN', `${name} is taken`)
    if (row?.state === 'quarantined' && !own && row.untilMs > nowMs)
      throw new MuttrError('ALIAS_QUARANTINED', `${name} was somebody else's until lately`)
    const renewal = row?.state === 'active'
    const hostnames = await this.#placesOf({ name, at }, renewal)
    const turn = renewal ? [] : await this.#standings.turn(account)
    if (!renewal) await this.#standings.check(account, nowMs)
    const claims = renewal ? [] : await this.#aliases.claim(name, nowMs)
    const known = await this.account(account)
    const uses =
      renewal || own
        ? []
        : await admit(this.#admission, { ...o, account, name, isKnown: known !== undefined })
    const { certificate, untilMs } = await this.#certify(name, o.certificate, nowMs, hostnames)
    const after = { account, state: 'active' as const, untilMs, certificate: certificate.bytes }
    const createdMs = known?.createdMs ?? nowMs
    const { ok } = await this.#parts.state.write([
      ...turn,
      ...claims,
      ...uses,
      ...this.#aliases.replace(name, row, after),
      putAccount(account, { fingerprint: certificate.fingerprint, createdMs, seenMs: nowMs }),
      putKey(certificate.fingerprint, account),
      this.#names.put(name, hostnames)
    ])
    if (!ok) return undefined
    this.#active += Number(!renewal)
    this.#released -= Number(row?.state === 'quarantined')
    this.#accounts += Number(!known)
    return { name, certificate, untilMs }
  }

  /** Where an alias is certified once it is registered under a hostname. @throws {MuttrError} `ALIAS_UNKNOWN` for a former one where it is not */
  async #placesOf({ name, at }: AskedAlias, renewal: boolean): Promise<readonly string[]> {
    const before = renewal ? await this.#names.of(name) : []
    if (at !== this.#names.hostname && !before.includes(at))
      throw new MuttrError('ALIAS_UNKNOWN', `nobody is ${name}@${at} any more`)
    return before.includes(at) ? before : [...before, at]
  }

  async #renew(name: AliasName, nowMs: Millis): Promise<boolean> {
    const row = await this.#aliases.get(name)
    const due = row?.state === 'active' && row.untilMs - nowMs <= podTimes.certificationRenewMs
    if (!due) return false
    const former = await this.#parts.crypto.readCertificate(row.certificate)
    if (former.revoked || (former.expiresMs !== null && former.expiresMs <= nowMs)) return false
    const { certificate, untilMs } = await this.#certify(name, former, nowMs)
    const after = { ...row, untilMs, certificate: certificate.bytes }
    return (await this.#parts.state.write(this.#aliases.replace(name, row, after))).ok
  }

  async #leave({ name, at }: AskedAlias, account: AccountId, nowMs: Millis, how?: Release) {
    const row = await this.#aliases.get(name)
    const isWhole = !how && at === this.#names.hostname
    const places = isWhole ? [at] : await this.#names.of(name)
    if (row?.state !== 'active' || row.account !== account || !places.includes(at))
      throw new MuttrError('ALIAS_UNKNOWN', `you have no alias ${name}@${at} here`)
    const others = places.filter(other => other !== at)
    if (others.length === 0) return await this.#quarantine(name, row, nowMs, how)
    const kept = [...this.#aliases.replace(name, row, row), this.#names.put(name, others)]
    return (await this.#parts.state.write([...kept, ...(how?.also ?? [])])).ok
  }

  async #quarantine(name: AliasName, row: AliasRow, nowMs: Millis, how?: Release) {
    const { account } = row
    const { untilMs = nowMs + podTimes.quarantineMs, also = [] } = how ?? {}
    const after = { account, state: 'quarantined' as const, untilMs, certificate: new Uint8Array() }
    const { ok } = await this.#parts.state.write([
      ...this.#aliases.replace(name, row, after),
      ...also
    ])
    this.#active -= Number(ok)
    this.#released += Number(ok)
    return ok
  }

  async #expire(name: AliasName, nowMs: Millis): Promise<boolean> {
    const row = await this.#aliases.get(name)
    if (!row || row.untilMs > nowMs) return false
    if (row.state === 'active') return await this.#quarantine(name, row, nowMs)
    const { ok } = await this.#parts.state.write(await this.#aliases.remove(name, row))
    this.#released -= Number(ok)
    return ok
  }
}
