import { codeOf, MuttrError } from '../base/errors.ts'
import type { Millis } from '../base/ports.ts'
import type { Certificate } from '../keys/certificate.ts'
import type { Change } from '../store/state.ts'
import type { Policy } from '../wire/pod.ts'
import type { AliasName } from './alias.ts'
import type { AliasTable } from './alias-table.ts'
import type { Invites } from './invites.ts'
import type { PodLimits } from './limits.ts'
import type { Applications } from './office/applications.ts'
import type { Quotas } from './office/quotas.ts'
import type { AccountId } from './rows.ts'

interface Parts {
  policy: Policy
  hostname: string
  limits: PodLimits
  invites: Invites
  aliases: AliasTable
  quotas: Quotas
  applications: Applications
  /** Of all accounts; aliases in quarantine count. */
  counts(): { accounts: number; aliases: number }
}

interface Asking {
  readonly account: AccountId
  readonly name: AliasName
  readonly certificate: Certificate
  readonly invite: string | null
  readonly note?: string | null
  readonly network?: string | null
  readonly nowMs: Millis
  /** It has an alias here, or had one lately. */
  readonly isKnown: boolean
}

/**
 * What a new alias needs beyond the rules for its name.
 * @returns what is used up by it. @throws {MuttrError} `REGISTRATION_…`, `INVITE_INVALID`, `LIMIT_EXCEEDED`
 */
export async function admit(parts: Parts, asking: Asking): Promise<Change[]> {
  const { policy, hostname, limits, invites } = parts
  const { account, invite, nowMs } = asking
  if (policy === 'closed')
    throw new MuttrError('REGISTRATION_CLOSED', `${hostname} takes no new aliases`)
  const aliasesMax = (await parts.quotas.of(account)).aliases ?? limits.aliasesPerAccountMax
  const { accounts, aliases } = parts.counts()
  if (
    (!asking.isKnown && accounts >= limits.accountsMax) ||
    aliases >= limits.aliasesMax ||
    (await parts.aliases.held(account)) >= aliasesMax
  )
    throw new MuttrError('LIMIT_EXCEEDED', 'no room for another alias')
  if (policy === 'open') return []
  if (policy === 'invite') return await invites.use(invite, account, nowMs)
  const used = invite === null ? undefined : await usable(invites.use(invite, account, nowMs))
  if (used) return used
  const { name, certificate, note, network } = asking
  const asked = { name, fingerprint: certificate.fingerprint }
  const about = { note: note ?? '', network: network ?? null }
  return await parts.applications.use(account, { ...asked, ...about }, nowMs)
}

/** A join link stays in its home when its invite is used up: who has such a one asks the operator, as those do who have none. */
async function usable(using: Promise<Change[]>): Promise<Change[] | undefined> {
  try {
    return await using
  } catch (err) {
    if (codeOf(err) === 'INVITE_INVALID') return undefined
    throw err
  }
}
