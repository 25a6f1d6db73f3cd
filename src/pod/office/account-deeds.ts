import type { Clock, Millis } from '../../base/ports.ts'
import type { Change, State } from '../../store/state.ts'
import type { Addresses } from '../addresses/addresses.ts'
import { ofAccount } from '../addresses/rows.ts'
import type { Ahead } from '../ahead/ahead.ts'
import type { Queue } from '../federation/queue.ts'
import { podTimes } from '../limits.ts'
import type { Mailbox } from '../mailbox.ts'
import type { Registry } from '../registry.ts'
import type { AccountId, Maker } from '../rows.ts'
import type { Accounts } from './accounts.ts'
import type { Audit } from './audit.ts'
import { noted, within } from './bounds.ts'
import { exportAccount } from './export.ts'
import type { NameChange, Names } from './names.ts'
import type { FreedAlias, Office } from './office.ts'

interface Parts {
  clock: Clock
  state: State
  hostname: string
  registry: Pick<Registry, 'counted'>
  mailbox: Pick<Mailbox, 'clear'>
  addresses: Pick<Addresses, 'forget'>
  ahead: Ahead | undefined
  /** Of notices for other pods. */
  queue: Pick<Queue, 'forget'> | undefined
  audit: Audit
  names: Names
  accounts: Accounts
}

type AccountDeeds = Pick<
  Office,
  | 'accounts'
  | 'account'
  | 'suspend'
  | 'resume'
  | 'remove'
  | 'setQuota'
  | 'export'
  | 'revokeAlias'
  | 'freeAlias'
>

export function accountDeeds(parts: Parts): AccountDeeds {
  const { clock, audit, accounts, names, registry } = parts
  const view = (account: AccountId) => accounts.show(account, clock.now())

  /** One deed about one account. */
  async function deed(
    { by, action, detail }: { by: Maker; action: string; detail: string },
    who: string,
    decide: (account: AccountId, nowMs: Millis) => Promise<readonly Change[]>
  ): Promise<AccountId> {
    const nowMs = clock.now()
    return await audit.act(nowMs, async () => {
      const subject = await accounts.find(who)
      const changes = await decide(subject, nowMs)
      return { changes, deed: { by, action, subject, detail }, result: subject }
    })
  }
  /** One deed about one alias. */
  async function aliasDeed(
    { by, action, detail }: { by: Maker; action: string; detail: string },
    decide: (nowMs: Millis) => Promise<NameChange>
  ): Promise<FreedAlias> {
    const nowMs = clock.now()
    const { name, account, counts } = await audit.act(nowMs, async () => {
      const change = await decide(nowMs)
      const said = { by, action, subject: change.name, detail }
      return { changes: change.changes, deed: said, result: change }
    })
    registry.counted(counts)
    return { alias: `${name}@${parts.hostname}`, account }
  }

  return {
    accounts: (filter = {}) => accounts.list(filter, clock.now()),
    account: async who => view(await accounts.find(who)),
    async suspend(by, who, { reason, lifeMs }) {
      noted(reason)
      if (lifeMs !== undefined) within(lifeMs, podTimes.termMsMax, 'a suspension in milliseconds')
      const said = { by, action: 'account.suspend', detail: reason }
      return view(
        await deed(said, who, (account, nowMs) => {
          const untilMs = lifeMs === undefined ? null : nowMs + lifeMs
          return accounts.suspend(account, { reason, untilMs, nowMs })
        })
      )
    },
    resume: async (by, who) =>
      view(
        await deed({ by, action: 'account.resume', detail: '' }, who, (account, nowMs) =>
          accounts.resume(account, nowMs)
        )
      ),
    async remove(by, who, { reason }) {
      noted(reason)
      let counts: NameChange['counts'] = {}
      const said = { by, action: 'account.remove', detail: reason }
      const account = await deed(said, who, async (account, nowMs) => {
        const { changes, ...removed } = await accounts.remove(account, { reason, nowMs })
        counts = removed.counts
        return changes
      })
      registry.counted(counts)
      await parts.addresses.forget(ofAccount(account))
      await parts.mailbox.clear(account)
      await parts.queue?.forget(account)
      await parts.ahead?.forget(account)
      return view(account)
    },
    async setQuota(by, who, given) {
      for (const [name, bound] of Object.entries(given))
        if (bound !== null) within(bound, Number.MAX_SAFE_INTEGER, name, 0)
      const detail = Object.entries(given).map(([name, bound]) => `${name} ${bound ?? 'as all'}`)
      const said = { by, action: 'account.quota', detail: detail.join(', ') }
      return view(
        await deed(said, who, async account => (await accounts.setQuota(account, given)).changes)
      )
    },
    async export(by, who) {
      const account = await deed({ by, action: 'account.export', detail: '' }, who, async () => [])
      return exportAccount(parts, account, clock.now())
    },
    async revokeAlias(by, alias, { reason }) {
      noted(reason)
      return await aliasDeed({ by, action: 'alias.revoke', detail: reason }, nowMs =>
        names.withdraw(alias, reason, nowMs)
      )
    },
    freeAlias: (by, alias) =>
      aliasDeed({ by, action: 'alias.free', detail: '' }, nowMs => names.free(alias, nowMs))
  }
}
