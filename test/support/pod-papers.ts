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
