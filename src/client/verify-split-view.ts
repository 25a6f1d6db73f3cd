import { codeOf, MuttrError } from '../base/errors.ts'
import type { Millis } from '../base/ports.ts'
import { readCertificate } from '../keys/certificate.ts'
import { readAlias } from '../pod/alias.ts'
import { decodeSplitView } from '../wire/split-view.ts'
import type { ShownAnswer } from './trust/shown-answer.ts'
import { contradicts, readShown } from './trust/shown-answer.ts'

/** One of the two answers. */
export type ProvenAnswer = Omit<ShownAnswer, 'alias' | 'pin'>

/** A split view that is proven: this key signed both. Fingerprints are lower-case hex. */
export interface VerifiedSplitView {
  alias: string
  /** As the alias names it. */
  pod: string
  /** Of the certificate that signed both; whose it is, the reader must know. */
  fingerprint: string
  former: ProvenAnswer
  later: ProvenAnswer
}

/**
 * Checks a proof of a split view, without a network and without knowing anybody.
 * @throws {MuttrError} `PROOF_INVALID`, `WIRE_TOO_LARGE`, `CLOCK_WRONG`, and nothing else. Source: docs/protocol/proof.md#a-split-view
 */
export async function verifySplitView(file: Uint8Array, nowMs: Millis): Promise<VerifiedSplitView> {
  const split = decodeSplitView(file)
  try {
    const pod = await readCertificate(split.pod)
    const former = await readShown(pod, split.former, nowMs)
    const later = await readShown(pod, split.later, nowMs)
    if (!contradicts(former, later)) throw new TypeError('an honest pod can have signed both')
    const { full, hostname } = readAlias(former.alias)
    const { fingerprint } = pod
    return { alias: full, pod: hostname, fingerprint, former: proven(former), later: proven(later) }
  } catch (cause) {
    if (codeOf(cause) === 'CLOCK_WRONG') throw cause
    throw new MuttrError('PROOF_INVALID', `no split view is proven: ${(cause as Error).message}`, {
      cause
    })
  }
}

const proven = ({ alias: _, pin: __, ...answer }: ShownAnswer): ProvenAnswer => answer
