import { MuttrError } from '../../base/errors.ts'
import type { Role } from '../../pod/admin/rows.ts'
import type { PodOperator } from '../operator.ts'

type Call = keyof PodOperator

/** What changes nothing. Nobody's letters are in it; who has which alias, and what was told about them, is. */
const looking: readonly Call[] = [
  ...(['overview', 'examine', 'invites', 'accounts', 'account', 'requests', 'reports'] as const),
  ...([
    'names',
    'rates',
    'peers',
    'ports',
    'processes',
    'parent',
    'drainState',
    'operators',
    'audit',
    'checkAudit'
  ] as const)
]
const moderating: readonly Call[] = [
  ...looking,
  ...(['invite', 'revokeInvite', 'suspend', 'resume', 'remove', 'setQuota'] as const),
  ...(['revokeAlias', 'freeAlias', 'approve', 'refuse', 'closeReport'] as const)
]

/** @throws {MuttrError} `ROLE_REFUSED` */
export function mustBeOwner(role: Role): void {
  if (role !== 'owner') throw refusal(role)
}

const refusal = (role: Role): MuttrError =>
  new MuttrError('ROLE_REFUSED', `a ${role} of this pod may not do that`)

/** The calls that a role has; the others refuse with `ROLE_REFUSED`. */
export function within(pod: PodOperator, role: Role): PodOperator {
  if (role === 'owner') return pod
  const may: readonly Call[] = role === 'moderator' ? moderating : looking
  const refuse = () => Promise.reject(refusal(role))
  const calls = Object.entries(pod).map(([name, call]) => [
    name,
    may.includes(name as Call) ? call : refuse
  ])
  return Object.fromEntries(calls) as PodOperator
}
