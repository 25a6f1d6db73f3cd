import { MuttrError } from '../../base/errors.ts'
import type { Clock, Millis } from '../../base/ports.ts'
import type { Invites, InviteView } from '../invites.ts'
import { podTimes } from '../limits.ts'
import type { AccountId, Maker } from '../rows.ts'
import type { Audit } from './audit.ts'
import { noted, within } from './bounds.ts'
import type { NewInviteOptions, Office } from './office.ts'
import type { Quotas } from './quotas.ts'
import type { Standings } from './standings.ts'

interface Parts {
  clock: Clock
  invites: Invites
  audit: Audit
  quotas: Quotas
  standings: Standings
}

const inviteLifeMs = 7 * 24 * 3_600_000
const usesMax = 10_000

type InviteDeeds = Pick<Office, 'invite' | 'inviteFor' | 'invites' | 'revokeInvite'>

/** Codes that operators make, and accounts that have leave to. */
export function inviteDeeds({ clock, invites, audit, quotas, standings }: Parts): InviteDeeds {
  async function make(
    by: Maker,
    { uses = 1, lifeMs = inviteLifeMs, note = '' }: NewInviteOptions,
    allow: (uses: number, nowMs: Millis) => Promise<void>
  ): Promise<{ code: string; invite: InviteView }> {
    within(uses, usesMax, 'uses of an invite')
    within(lifeMs, podTimes.termMsMax, 'the life of an invite in milliseconds')
    noted(note)
    const nowMs = clock.now()
    const row = { uses, untilMs: nowMs + lifeMs, createdMs: nowMs, by, note }
    return await audit.act(nowMs, async () => {
      await allow(uses, nowMs)
      const { code, id, changes } = await invites.make(row)
      const invite: InviteView = { ...row, id, state: 'open', used: 0, accounts: [] }
      const deed = { by, action: 'invite.make', subject: id, detail: `uses ${uses}. ${note}` }
      return { changes, deed, result: { code, invite } }
    })
  }

  /** Uses that are still open of what an account made count against its leave. */
  const leave = (account: AccountId) => async (uses: number, nowMs: Millis) => {
    await standings.check(account, nowMs)
    const own = (await invites.list(nowMs)).filter(
      ({ by, state }) => by.kind === 'account' && by.name === account && state === 'open'
    )
    const open = own.reduce((sum, invite) => sum + invite.uses - invite.used, 0)
    const most = (await quotas.of(account)).invites ?? 0
    if (open + uses > most)
      throw new MuttrError('LIMIT_EXCEEDED', `you may have ${most} open uses of invites here`, {
        hint: 'Ask the operator of the pod for more.'
      })
  }

  return {
    invite: (by, o = {}) => make(by, o, async () => undefined),
    inviteFor: (account, o) => make({ kind: 'account', name: account }, o, leave(account)),
    invites: () => invites.list(clock.now()),
    async revokeInvite(by, id) {
      const nowMs = clock.now()
      return await audit.act(nowMs, async () => {
        const { changes, invite } = await invites.revoke(id, nowMs)
        const detail = `used ${invite.used} of ${invite.uses}`
        const deed = { by, action: 'invite.revoke', subject: invite.id, detail }
        return { changes, deed, result: invite }
      })
    }
  }
}
