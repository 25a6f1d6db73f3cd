import type { PodOperator } from '../../src/api/operator.ts'
import { MuttrError } from '../../src/base/errors.ts'
import type { InviteView } from '../../src/pod/invites.ts'

const nowMs = Date.UTC(2026, 2, 1, 12)
const by = { kind: 'operator' as const, name: 'olga' }

const testInvite: InviteView = {
  ...{ id: '3fa9c2d1', state: 'open', uses: 3, used: 1, accounts: ['ab'.repeat(32)] },
  ...{ createdMs: nowMs, untilMs: Date.UTC(2026, 3, 1), by, note: 'the \u001b[31mchoir' }
}

/** An operator's calls with nothing behind them. @param calls gets each of them with what it was given. */
export function createFakeOperator(calls: [string, Record<string, unknown>][] = []): PodOperator {
  const note = <T>(name: string, given: object, result: T): Promise<T> => {
    calls.push([name, { ...given }])
    return Promise.resolve(result)
  }
  return {
    invite: ({ signal: _, ...options } = {}) =>
      note('invite', options, {
        ...{ id: testInvite.id, code: 'c0de', link: 'muttr:abc', pod: 'one.test' },
        ...{ uses: options.uses ?? 1, note: options.note ?? '', untilMs: testInvite.untilMs }
      }),
    invites: () => note('invites', {}, [testInvite]),
    async revokeInvite(id, options = {}) {
      if (!testInvite.id.startsWith(id)) throw new MuttrError('INVITE_UNKNOWN', id)
      return note('revokeInvite', { id, ...options }, { ...testInvite, state: 'revoked' as const })
    },
    audit: (options = {}) =>
      note('audit', options, [
        {
          ...{ sequence: 7, atMs: nowMs, by, action: 'invite.make', subject: testInvite.id },
          ...{ detail: 'uses 3. ', previous: '0'.repeat(64), hash: 'cd'.repeat(32) }
        }
      ]),
    checkAudit: hash =>
      note(
        'checkAudit',
        { hash },
        {
          ...{ entries: 7, from: 1, head: 'cd'.repeat(32), brokenAt: null },
          found: hash === undefined ? null : hash === 'cd'.repeat(32)
        }
      )
  }
}
