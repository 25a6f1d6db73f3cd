import { MuttrError } from '../../base/errors.ts'
import { limits } from '../../base/limits.ts'
import type { Clock, Millis } from '../../base/ports.ts'
import type { Invites, InviteView } from '../invites.ts'
import { podTimes } from '../limits.ts'
import type { Maker } from '../rows.ts'
import type { Audit, AuditCheck, AuditEntry } from './audit.ts'

export interface NewInviteOptions {
  /** New aliases; one unless told. */
  uses?: number
  lifeMs?: Millis
  note?: string
}

/** What the operators of a pod do and see, all of it noted. Source: docs/protocol/pod.md#moderation */
export interface Office {
  /** @throws {MuttrError} `USAGE`, `LIMIT_EXCEEDED` */
  invite(by: Maker, o?: NewInviteOptions): Promise<{ code: string; invite: InviteView }>
  invites(): Promise<InviteView[]>
  /** @param id its first digits, at least four. @throws {MuttrError} `INVITE_UNKNOWN` */
  revokeInvite(by: Maker, id: string): Promise<InviteView>
  /** Newest first. */
  audit(o?: { before?: number; limit?: number }): Promise<AuditEntry[]>
  checkAudit(hash?: string): Promise<AuditCheck>
}

interface Parts {
  clock: Clock
  invites: Invites
  audit: Audit
}

const inviteLifeMs = 7 * 24 * 3_600_000
const usesMax = 10_000
const listMax = 10_000

export function createOffice({ clock, invites, audit }: Parts): Office {
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
    },
    audit: ({ limit = 100, ...o } = {}) => audit.list({ ...o, limit: Math.min(limit, listMax) }),
    checkAudit: hash => audit.check(hash)
  }
}

/** @throws {MuttrError} `USAGE` */
function within(value: number, max: number, what: string, min = 1): void {
  if (!Number.isSafeInteger(value) || value < min || value > max)
    throw new MuttrError('USAGE', `${what} is a whole number from ${min} to ${max}`)
}

/** @throws {MuttrError} `USAGE` */
function noted(note: string): void {
  if (Buffer.byteLength(note) > limits.podNoteBytesMax || !note.isWellFormed())
    throw new MuttrError('USAGE', `a note of more than ${limits.podNoteBytesMax} bytes`)
}
