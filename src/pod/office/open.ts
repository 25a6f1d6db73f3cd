import type { Clock, PeerKeys, Random } from '../../base/ports.ts'
import type { Crypto } from '../../keys/crypto.ts'
import type { Person } from '../../keys/person.ts'
import type { State } from '../../store/state.ts'
import type { Addresses } from '../addresses/addresses.ts'
import type { Ahead } from '../ahead/ahead.ts'
import type { Chain } from '../chain.ts'
import type { Queue } from '../federation/queue.ts'
import type { Hostnames } from '../hostnames.ts'
import type { Invites } from '../invites.ts'
import type { PodLimits } from '../limits.ts'
import type { Mailbox } from '../mailbox.ts'
import type { PodRecordShelf } from '../record.ts'
import type { Registry } from '../registry.ts'
import { accountDeeds } from './account-deeds.ts'
import { createAccounts } from './accounts.ts'
import type { Applications } from './applications.ts'
import type { Audit } from './audit.ts'
import { onRing } from './bell.ts'
import { inviteDeeds } from './invite-deeds.ts'
import { createNames } from './names.ts'
import type { Office } from './office.ts'
import { podDeeds } from './pod-deeds.ts'
import { processDeeds } from './process-deeds.ts'
import type { Quotas } from './quotas.ts'
import type { Reports } from './reports.ts'
import type { Standings } from './standings.ts'

interface Parts {
  state: State
  clock: Clock
  random: Random
  crypto: Crypto
  /** The pod's own key. */
  person: Person
  hostname: string
  hostnames: Hostnames
  limits: PodLimits
  /** What all may have fetched ahead. */
  aheadBytes: number
  registry: Registry
  mailbox: Mailbox
  addresses: Addresses
  ahead: Ahead | undefined
  /** Of notices for other pods. */
  queue: Queue | undefined
  invites: Invites
  standings: Standings
  quotas: Quotas
  applications: Applications
  reports: Reports
  audit: Audit
  record: Pick<PodRecordShelf, 'processes' | 'without' | 'leave'>
  keys: Pick<PeerKeys, 'self'>
  chain: Chain
}

const listUsual = 100
const listMax = 10_000

/** Puts the office of a pod together. */
export function createOffice(parts: Parts): Office {
  const { audit } = parts
  const names = createNames(parts)
  const accounts = createAccounts({ ...parts, names })
  return {
    ...inviteDeeds(parts),
    ...podDeeds(parts),
    ...accountDeeds({ ...parts, names, accounts }),
    ...processDeeds(parts),
    ...parts.chain.deeds,
    audit: ({ limit = listUsual, ...o } = {}) =>
      audit.list({ ...o, limit: Math.min(limit, listMax) }),
    note: (by, said) =>
      audit.act(parts.clock.now(), async () => {
        const deed = { by, ...said, subject: parts.hostname }
        return { changes: [], deed, result: undefined }
      }),
    watch: wake => onRing(parts.state, wake),
    checkAudit: hash => audit.check(hash)
  }
}
