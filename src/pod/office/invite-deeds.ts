import type { Clock } from '../../base/ports.ts'
import type { Invites, InviteView } from '../invites.ts'
import { podTimes } from '../limits.ts'
import type { Audit } from './audit.ts'
import { noted, within } from './bounds.ts'
import type { Office } from './office.ts'

interface Parts {
  clock: Clock
  invites: Invites
  audit: Audit
}

const inviteLifeMs = 7 * 24 * 3_600_000
const usesMax = 10_000

type InviteDeeds = Pick<Office, 'invite' | 'invites' | 'revokeInvite'>
export function inviteDeeds({ clock, invites, audit }: Parts): InviteDeeds {
  return {
    async invite(by, { uses = 1, lifeMs = inviteLifeMs, note = '' } = {}) {
      within(uses, usesMax, 'uses of an invite')
      within(lifeMs, podTimes.termMsMax, 'the life of an invite in milliseconds')
      noted(note)
      const nowMs = clock.now()
      const row = { uses, untilMs: nowMs + lifeMs, createdMs: nowMs, by, note }
      return await audit.act(nowMs, async () => {
        const { code, id, changes } = await invites.make(row)
        const invite: InviteView = { ...row, id, state: 'open', used: 0, accounts: [] }
        const deed = { by, action: 'invite.make', subject: id, detail: `uses ${uses}. ${note}` }
        return { changes, deed, result: { code, invite } }
      })
    },
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
