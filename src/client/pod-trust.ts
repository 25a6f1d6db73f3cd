import { codeOf } from '../base/errors.ts'
import type { Clock } from '../base/ports.ts'
import type { Certificate } from '../keys/certificate.ts'
import type { Crypto } from '../keys/crypto.ts'
import { isBelow } from '../pod/alias.ts'
import type { FoundBy } from '../pod/finding.ts'

/**
 * What vouches for a pod's key, strongest first: a pod above whose own key something strong vouches for; a file or link; HTTPS; the DNS as its zone signed it; that it was the
 * first one seen; the plain DNS. Source: docs/protocol/finding.md#a-pod-above
 */
export type PodTrust = 'chain' | 'file' | 'https' | 'dnssec' | 'pin' | 'dns'

/** Of the domains above a hostname, the nearest. */
const parentsMax = 8

/** Asks nobody: a look at what is known already. */
export function createPodTrust(parts: {
  clock: Pick<Clock, 'now'>
  crypto: Pick<Crypto, 'checkCertification'>
  /** Whether a file or link names the pod. */
  isNamed: (hostname: string) => boolean
  foundBy: (hostname: string) => FoundBy | null
  certificateOf: (hostname: string) => Promise<Certificate | undefined>
}): (hostname: string) => Promise<PodTrust | null> {
  const { clock, crypto, isNamed, foundBy, certificateOf } = parts
  /** Verifying costs a millisecond for each signature, and both certificates are the same objects until they change. */
  const checked = new WeakMap<Certificate, { by: Certificate; untilMs: number }>()

  /** Of a key that is known without a chain. */
  function ownTrust(hostname: string): Exclude<PodTrust, 'chain'> {
    if (isNamed(hostname)) return 'file'
    const by = foundBy(hostname)
    return by === 'https' || by === 'dnssec' || by === 'dns' ? by : 'pin'
  }
  /** Whose word counts for others: not one whose own key came by the plain DNS, or by somebody who says that they moved there. */
  const isStrong = (hostname: string): boolean =>
    ownTrust(hostname) !== 'dns' && foundBy(hostname) !== 'move'

  async function isCertified(
    certificate: Certificate,
    hostname: string,
    by: Certificate
  ): Promise<boolean> {
    const nowMs = clock.now()
    const known = checked.get(certificate)
    if (known?.by === by) return known.untilMs > nowMs && (by.expiresMs ?? nowMs + 1) > nowMs
    const untilMs = await crypto
      .checkCertification(certificate, { alias: hostname, by, nowMs })
      .then(found => found.untilMs)
      .catch(err => (codeOf(err) === 'CLOCK_WRONG' ? undefined : 0))
    if (untilMs === undefined) return false
    checked.set(certificate, { by, untilMs })
    return untilMs > nowMs
  }

  return async hostname => {
    const certificate = await certificateOf(hostname)
    if (!certificate) return null
    for (const parent of domainsAbove(hostname).slice(0, parentsMax)) {
      const by = isStrong(parent) ? await certificateOf(parent) : undefined
      if (by && (await isCertified(certificate, hostname, by))) return 'chain'
    }
    return ownTrust(hostname)
  }
}

const domainsAbove = (hostname: string): string[] =>
  hostname
    .split('.')
    .map((_, at, labels) => labels.slice(at).join('.'))
    .filter(parent => isBelow(hostname, parent))
