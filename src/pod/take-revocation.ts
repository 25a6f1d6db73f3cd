import { MuttrError } from '../base/errors.ts'
import type { Millis } from '../base/ports.ts'
import type { Certificate } from '../keys/certificate.ts'
import type { Crypto } from '../keys/crypto.ts'
import { saysMore, withRevocation } from '../keys/revoke.ts'
import type { Change, State } from '../store/state.ts'
import type { AliasName } from './alias.ts'
import type { AliasTable } from './alias-table.ts'
import { podTimes } from './limits.ts'
import { leftUnder, moveRow } from './moves.ts'
import type { AccountId, AliasRow } from './rows.ts'
import { tables } from './rows.ts'
import type { Successions } from './successions.ts'

interface Parts {
  state: State
  crypto: Crypto
  aliases: AliasTable
  successions: Successions
}

/** @returns false when the alias was changed meanwhile. @throws {MuttrError} `ALIAS_UNKNOWN`, `KEY_INVALID` */
export type TakeRevocation = (
  name: AliasName,
  shown: Certificate,
  nowMs: Millis
) => Promise<boolean>

/** Shows that the key of an alias is revoked: of one that somebody has, or that its owner left, or of a key that came before. */
export function createTakeRevocation({
  state,
  crypto,
  aliases,
  successions
}: Parts): TakeRevocation {
  /** @returns undefined for a certificate of another key; the one that is kept when it says as much. */
  const merged = async (kept: Uint8Array | undefined, shown: Certificate) => {
    const known = kept && (await crypto.readCertificate(kept))
    if (known?.pin !== shown.pin) return undefined
    const isNews = shown.revoked && (await saysMore(shown, known))
    return { isNews, bytes: (isNews ? await withRevocation(known, shown.bytes) : known).bytes }
  }
  const mark = ({ pin }: Certificate): Change => ({
    ...{ type: 'put', table: tables.revoked, key: pin },
    value: new Uint8Array()
  })

  /** Undefined when neither the alias nor what came before is of this key. */
  type Changes = Change[] | undefined

  async function ofActive(
    name: AliasName,
    row: AliasRow,
    shown: Certificate,
    nowMs: Millis
  ): Promise<Changes> {
    const found = await merged(row.certificate, shown)
    if (!found) return await ofFormer(row.account, shown)
    const untilMs = nowMs + podTimes.certificationLifeMs
    const after = { ...row, untilMs, certificate: found.bytes }
    return found.isNews ? [...aliases.replace(name, row, after), mark(shown)] : []
  }

  async function ofFormer(account: AccountId, shown: Certificate): Promise<Changes> {
    const link = await successions.link(account, shown.fingerprint)
    const found = await merged(link?.certificate, shown)
    if (!link || !found) return undefined
    const row = { ...link, certificate: found.bytes }
    return found.isNews ? [successions.putLink(account, shown, row)] : []
  }

  /** Whoever took a key may have taken its alias elsewhere: what is said of that is said with the revocation. */
  async function ofLeft(name: AliasName, shown: Certificate, nowMs: Millis): Promise<Changes> {
    const holder = await successions.holder(shown.pin)
    const owners = new Set<AccountId>()
    let changes: Changes
    let isCurrent = false
    for (const { key, left } of await leftUnder(state, name)) {
      if (left.untilMs <= nowMs) continue
      const found = await merged(left.certificate, shown)
      const former = await ofFormer(left.account, shown)
      const isOfNow = holder.current && (found !== undefined || holder.account === left.account)
      if (!found && !former && !isOfNow) continue
      isCurrent ||= isOfNow
      changes = [...(changes ?? []), ...(owners.has(left.account) ? [] : (former ?? []))]
      owners.add(left.account)
      if (!found?.isNews) continue
      const value = moveRow.encode({ ...left, certificate: found.bytes })
      changes.push({ type: 'put', table: tables.moves, key, value })
    }
    return changes && isCurrent ? [...changes, mark(shown)] : changes
  }

  return async (name, shown, nowMs) => {
    const row = await aliases.get(name)
    const changes =
      row?.state === 'active'
        ? await ofActive(name, row, shown, nowMs)
        : await ofLeft(name, shown, nowMs)
    if (!changes) throw new MuttrError('ALIAS_UNKNOWN', `no ${name} of this key here`)
    if (!shown.revoked) throw new MuttrError('KEY_INVALID', 'the certificate is not revoked')
    return changes.length === 0 || (await state.write(changes)).ok
  }
}
