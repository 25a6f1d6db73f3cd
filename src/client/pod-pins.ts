import { codeOf } from '../base/errors.ts'
import type { Log } from '../base/ports.ts'
import type { Certificate } from '../keys/certificate.ts'
import type { Crypto } from '../keys/crypto.ts'
import type { State } from '../store/state.ts'

/** The keys that pods showed. */
export interface PodPins {
  of(hostname: string): Promise<Certificate | undefined>
  /** The same, of one that was asked for before. */
  read(hostname: string): Certificate | undefined
  /** The first key a pod showed is its pin, unless the network file names one. One that was revoked stays so. */
  pin(hostname: string, shown: Certificate): Promise<void>
  /** The pinned key, revoked: what it signed for others counts no more. */
  revoked(hostname: string, shown: Certificate): Promise<void>
  /** What it showed was not the pod's. */
  forget(hostname: string): Promise<void>
}

const table = 'pods'

export function createPodPins(parts: { state: State; log: Log; crypto: Crypto }): PodPins {
  const { state, log, crypto } = parts
  const certificates = new Map<string, Certificate>()

  async function of(hostname: string): Promise<Certificate | undefined> {
    const cached = certificates.get(hostname)
    if (cached) return cached
    const kept = await state.get(table, hostname)
    if (!kept) return undefined
    try {
      const read = await crypto.readCertificate(kept)
      certificates.set(hostname, read)
      return read
    } catch (err) {
      log.warn('the certificate kept of a pod is damaged', { code: codeOf(err) })
      return undefined
    }
  }

  async function keep(hostname: string, shown: Certificate): Promise<void> {
    certificates.set(hostname, shown)
    await state.write([{ type: 'put', table, key: hostname, value: shown.bytes }])
  }

  return {
    of,
    read: hostname => certificates.get(hostname),
    async pin(hostname, shown) {
      const kept = await of(hostname)
      if (kept && Buffer.from(kept.bytes).equals(shown.bytes)) return
      if (!kept?.revoked || kept.pin !== shown.pin) await keep(hostname, shown)
    },
    async revoked(hostname, shown) {
      const kept = await of(hostname)
      if (kept?.pin === shown.pin && !kept.revoked) await keep(hostname, shown)
    },
    async forget(hostname) {
      certificates.delete(hostname)
      await state.write([{ type: 'delete', table, key: hostname }])
    }
  }
}
