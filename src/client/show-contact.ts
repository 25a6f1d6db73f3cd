import type { Millis } from '../base/ports.ts'
import type { Certificate } from '../keys/certificate.ts'
import { revocationOf } from '../keys/revoke.ts'
import { withdrawalOf } from '../keys/withdraw.ts'
import type { Contact } from './client.ts'
import type { Known } from './contacts.ts'
import type { PodTrust } from './pod-trust.ts'
import type { Policy } from './requests/request.ts'
import { lapseOf } from './trust/pins.ts'

interface ShownBeside {
  changed: Certificate | null
  policy: Policy | null
  /** The fingerprint that a join link named. */
  invited: string | undefined
  /** The pod's certificate, as it showed it last. */
  by: Certificate | undefined
  /** Their pod says that it holds recovery material. */
  escrow: boolean
  podTrust: PodTrust | null
  nowMs: Millis
}

/** A pinned contact as people see it. */
export async function showContact(
  { alias, certificate, row }: Known,
  { changed, policy, invited, by, escrow, podTrust, nowMs }: ShownBeside
): Promise<Contact> {
  const { certifiedUntilMs, pinnedMs, seenMs, verified, followed, disputed } = row
  return {
    alias,
    fingerprint: certificate.fingerprint,
    pin: certificate.pin,
    pinnedMs,
    seenMs,
    lapsed: lapseOf({ certificate, row }, nowMs),
    revocation: await revocationOf(certificate),
    verified,
    withdrawn:
      by && certifiedUntilMs === null ? await withdrawalOf(certificate, { alias, by }) : null,
    escrow,
    podTrust,
    certifiedByPod: certifiedUntilMs !== null && certifiedUntilMs > nowMs,
    invited: invited === certificate.fingerprint,
    succession: followed && { from: followed.fromFingerprint, atMs: followed.atMs },
    disputed,
    moved: row.from && { from: row.from.alias, atMs: row.from.atMs, agreed: row.from.agreed },
    offered: row.offered && {
      ...{ to: row.offered.to, atMs: row.offered.atMs, code: row.offered.code }
    },
    changedTo: changed?.fingerprint ?? null,
    policy
  }
}
