import type { Clock } from '../../src/base/ports.ts'
import type { Certificate } from '../../src/keys/certificate.ts'
import type { Person } from '../../src/keys/person.ts'
import { signDetached } from '../../src/keys/sign.ts'
import type { LookupAnswer } from '../../src/wire/pod.ts'
import { directoryAnswer, directoryLabel, podRecord, podRecordLabel } from '../../src/wire/pod.ts'

/** What a pod shows of itself, signed. */
export async function papersOf(
  face: { hostname: string; peers: string[]; hpkeKey: Uint8Array },
  person: Person,
  clock: Clock
) {
  const issuedMs = clock.now()
  const said = {
    policy: 'open',
    escrow: false,
    udp: null,
    former: [],
    sequence: 1,
    issuedMs
  } as const
  const record = podRecord.encode({ ...face, ...said })
  const signature = await signDetached(person, podRecordLabel, record, issuedMs)
  return { record, signature, certificate: person.certificate.bytes }
}

/** What a pod's directory shows, signed. */
export async function signedAnswer(
  person: Person,
  {
    certificate,
    ...shown
  }: {
    alias: string
    certificate: Certificate
    intro: Uint8Array
    hpkeKey: Uint8Array
    validUntilMs: number
  },
  issuedMs: number
): Promise<LookupAnswer> {
  const answer = directoryAnswer.encode({ ...shown, certificate: certificate.bytes, issuedMs })
  return { answer, signature: await signDetached(person, directoryLabel, answer, issuedMs) }
}
