import type { OwnDevice } from '../../src/client/client.ts'
import { nowMs } from './fake-letters.ts'

export const fakeDevices: OwnDevice[] = [
  {
    ...{ key: 'aa'.repeat(32), name: 'desk', peer: '12D3KooWDesk', own: true },
    ...{ sinceMs: nowMs - 86_400_000, heardMs: null, revokedMs: null, lacks: 0 }
  },
  {
    ...{ key: 'bb'.repeat(32), name: 'laptop', peer: '12D3KooWLaptop', own: false },
    ...{ sinceMs: nowMs - 3_600_000, heardMs: nowMs - 60_000, revokedMs: null, lacks: 2 }
  }
]
