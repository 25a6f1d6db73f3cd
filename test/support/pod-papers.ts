import type { Clock } from '../../src/base/ports.ts'
import type { Person } from '../../src/keys/person.ts'
import { signDetached } from '../../src/keys/sign.ts'
import { podRecord, podRecordLabel } from '../../src/wire/pod.ts'

/** What a pod shows of itself, signed. */
export async function papersOf(
  face: { hostname: string; peers: string[]; hpkeKey: Uint8Array },
  person: Person,
  clock: Clock
) {
  const issuedMs = clock.now()
  const record = podRecord.encode({ ...face, policy: 'open', escrow: false, sequence: 1, issuedMs })
  const signature = await signDetached(person, podRecordLabel, record, issuedMs)
  return { record, signature, certificate: person.certificate.bytes }
}
