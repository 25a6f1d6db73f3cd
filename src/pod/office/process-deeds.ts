import type { Clock, PeerKeys } from '../../base/ports.ts'
import type { PodRecordShelf } from '../record.ts'
import type { Audit } from './audit.ts'
import type { Office } from './office.ts'

interface Parts {
  clock: Clock
  audit: Audit
  keys: Pick<PeerKeys, 'self'>
  record: Pick<PodRecordShelf, 'processes' | 'without' | 'leave'>
}

type ProcessDeeds = Pick<Office, 'processes' | 'removeProcess' | 'leave'>
export const processDeeds = ({ clock, audit, keys, record }: Parts): ProcessDeeds => ({
  processes: () => record.processes(),
  removeProcess: (by, peer) =>
    audit.act(clock.now(), async () => {
      const deed = { by, action: 'process.remove', subject: peer, detail: '' }
      return { changes: await record.without(peer), deed, result: undefined }
    }),
  leave: by =>
    audit.act(clock.now(), async () => {
      const deed = { by, action: 'process.leave', subject: keys.self, detail: '' }
      return { changes: await record.leave(), deed, result: undefined }
    })
})
