import type { Client, NetworkBackup } from '../../src/client/client.ts'
import type { FakeClient } from './fake-client.ts'
import { status } from './fake-letters.ts'

/** A backup in the network that a test has going on. */
export interface PageNetworkBackup
  extends Pick<Client, 'networkBackup' | 'makeNetworkBackup' | 'cancelNetworkBackup' | 'status'> {
  readonly network: {
    /** What was begun stands. */
    stand(): void
    fail(): void
    /** Another device makes them. */
    move(): void
  }
}

/** What is made goes on until the test says how it ends. */
export function createPageNetworkBackup(
  nowMs: number,
  { calls, emit }: Pick<FakeClient, 'calls' | 'emit'>
): PageNetworkBackup {
  let now: NetworkBackup = status.networkBackup
  const become = (next: Partial<NetworkBackup>): NetworkBackup => {
    now = { ...now, ...next }
    emit({ type: 'network-backup', ...now })
    return now
  }
  return {
    network: {
      stand() {
        const last = { madeMs: nowMs, sizeBytes: 300_000, expiryMs: nowMs + 90 * 86_400_000 }
        become({ making: null, last })
      },
      fail() {
        const message = 'a backup of more than 5 bytes is not stored in the network'
        const hint = 'Write it to a file (`muttr backup FILE`).'
        become({ making: null, problem: { code: 'LIMIT_EXCEEDED', message, hint } })
      },
      move: () => void become({ elsewhere: true, making: null })
    },
    status: async () => ({ ...status, networkBackup: now }),
    networkBackup: async () => now,
    async makeNetworkBackup() {
      calls.push(['makeNetworkBackup'])
      const sizes = { sizeBytes: 300_000, doneBytes: 100_000 }
      return become({
        problem: null,
        making: { step: 'storing', madeMs: nowMs, ...sizes, remainingMs: 1_000 }
      })
    },
    async cancelNetworkBackup() {
      calls.push(['cancelNetworkBackup'])
      return become({ making: null })
    }
  }
}
