import type { MuttrEvent } from '../../src/base/events.ts'
import type { Client, NetworkBackup } from '../../src/client/client.ts'
import { nowMs, status } from './fake-letters.ts'

/** Stands at the second look after it was begun. */
export function fakeNetworkBackup(
  calls: unknown[][],
  emit: (event: MuttrEvent) => void
): Pick<Client, 'networkBackup' | 'makeNetworkBackup' | 'cancelNetworkBackup'> {
  let now: NetworkBackup = status.networkBackup
  return {
    async networkBackup() {
      if (now.making?.step === 'storing') {
        const last = { madeMs: nowMs, sizeBytes: 300_000, expiryMs: nowMs + 90 * 86_400_000 }
        now = { ...now, making: null, last }
      }
      return now
    },
    async makeNetworkBackup() {
      calls.push(['makeNetworkBackup'])
      const making = {
        ...{ step: 'storing' as const, madeMs: nowMs, sizeBytes: 300_000 },
        ...{ doneBytes: 100_000, remainingMs: 1_000 }
      }
      now = { ...now, making }
      queueMicrotask(() => emit({ type: 'network-backup', ...now }))
      return now
    },
    async cancelNetworkBackup() {
      calls.push(['cancelNetworkBackup'])
      now = { ...now, making: null }
      return now
    }
  }
}
