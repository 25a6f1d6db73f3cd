import { sha256, utf8 } from '../../src/base/bytes.ts'
import type { Certificate } from '../../src/keys/certificate.ts'
import { certify } from '../../src/keys/certify.ts'
import type { Person } from '../../src/keys/person.ts'
import { addAlias } from '../../src/keys/person.ts'
import type { LookupAnswer } from '../../src/wire/pod.ts'
import { signedAnswer } from './pod-papers.ts'

const dayMs = 86_400_000

export interface View {
  alias?: string
  certifiedMs: number
  issuedMs: number
  validMs?: number
}

/** A key as a pod certified it for an alias. */
export async function certifiedKey(
  pod: Person,
  of: Person,
  { alias = 'bob@one.test', certifiedMs }: Pick<View, 'alias' | 'certifiedMs'>
): Promise<Certificate> {
  const { certificate } = await addAlias(of, alias, certifiedMs)
  return await certify(pod, { certificate, alias, nowMs: certifiedMs, lifeMs: 90 * dayMs })
}

/** What a pod's directory answers, of whom it wants and when it wants. */
export async function viewOf(pod: Person, of: Person, view: View): Promise<LookupAnswer> {
  const { alias = 'bob@one.test', issuedMs, validMs = 7 * dayMs } = view
  const shown = {
    ...{ alias, certificate: await certifiedKey(pod, of, view) },
    ...{ intro: sha256(utf8('intro')), hpkeKey: sha256(utf8('hpke')) },
    validUntilMs: issuedMs + validMs
  }
  return await signedAnswer(pod, shown, issuedMs)
}
