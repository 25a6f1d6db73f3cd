import type { Clock } from '../../base/ports.ts'
import type { PodRecordShelf } from '../record.ts'
import type { Audit } from './audit.ts'
import type { Office } from './office.ts'

interface Parts {
  clock: Clock
  audit: Audit
  record: Pick<PodRecordShelf, 'processes' | 'without'>
}

type ProcessDeeds = Pick<Office, 'processes' | 'removeProcess'>
export const processDeeds = ({ clock, audit, record }: Parts): ProcessDeeds => ({
  processes: () => record.processes(),
  removeProcess: (by, peer) =>
    audit.act(clock.now(), async () => {
      const deed = { by, action: 'process.remove', subject: peer, detail: '' }
      return { changes: await record.without(peer), deed, result: undefined }
    })
})
