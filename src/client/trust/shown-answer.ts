import { limits } from '../../base/limits.ts'
import type { Millis } from '../../base/ports.ts'
import type { Certificate } from '../../keys/certificate.ts'
import { readCertificate } from '../../keys/certificate.ts'
import { certifiedAt } from '../../keys/certify.ts'
import { refuseFuture } from '../../keys/future.ts'
import { verifyDetached } from '../../keys/sign.ts'
import type { LookupAnswer } from '../../wire/pod.ts'
import { directoryAnswer, directoryLabel } from '../../wire/pod.ts'

/** What a pod signed about an alias, as far as it can contradict another answer. */
export interface ShownAnswer {
  readonly alias: string
  /** Of the primary key that was shown. */
  readonly pin: string
  readonly fingerprint: string
  /** When the pod certified that key as the alias's: from then on every other one is of before. */
  readonly certifiedMs: Millis
  readonly issuedMs: Millis
  readonly validUntilMs: Millis
}

/** Of two processes of one pod, one may be so far ahead and the other so far behind. */
const apartMs = 2 * limits.clockSkewMs

/**
 * Whether no honest pod signs both: it had certified `later`'s key already, showed another one that it had certified before that, and then
 * showed `later`'s again by the same certification. Whoever is given an alias, or given it back, is certified anew; a pod restored from a
 * backup shows what came before, and does not come back. Source: docs/protocol/proof.md#a-split-view
 */
export const contradicts = (former: ShownAnswer, later: ShownAnswer): boolean =>
  former.alias === later.alias &&
  former.pin !== later.pin &&
  former.certifiedMs < later.certifiedMs &&
  later.certifiedMs + apartMs <= former.issuedMs &&
  former.issuedMs + apartMs <= later.issuedMs &&
  later.issuedMs < former.validUntilMs

/**
 * Reads a signed answer as of when it was given, whoever asked.
 * @throws {MuttrError} `SIGNATURE_INVALID`, `WIRE_MALFORMED`, `WIRE_TOO_LARGE`, `KEY_INVALID`; `CLOCK_WRONG` for one of the future
 */
export async function readShown(
  pod: Certificate,
  { answer, signature }: LookupAnswer,
  nowMs: Millis
): Promise<ShownAnswer> {
  await verifyDetached(pod, directoryLabel, answer, signature, nowMs)
  const { alias, certificate: bytes, issuedMs, validUntilMs } = directoryAnswer.decode(answer)
  refuseFuture('the answer of a directory', issuedMs, nowMs)
  const certificate = await readCertificate(bytes)
  const certifiedMs = await certifiedAt(certificate, { alias, by: pod, nowMs: issuedMs })
  const { pin, fingerprint } = certificate
  return { alias, pin, fingerprint, certifiedMs, issuedMs, validUntilMs }
}
