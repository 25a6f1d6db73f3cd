import { equalBytes } from '../base/bytes.ts'
import type { Clock, PeerKeys } from '../base/ports.ts'
import type { Crypto } from '../keys/crypto.ts'
import type { Person } from '../keys/person.ts'
import type { State } from '../store/state.ts'
import type { Policy } from '../wire/pod.ts'
import { helloAnswer, podRecord, podRecordLabel } from '../wire/pod.ts'
import { signedRow, tables } from './rows.ts'

interface Parts {
  state: State
  clock: Clock
  crypto: Crypto
  person: Person
  keys: PeerKeys
  hpke: { publicKey: Uint8Array }
  hostname: string
  policy: Policy
}

/**
 * The answer to `hello`: the signed pod record with the certificate. What was signed before is shown again as long as
 * nothing in it changed; else the next in sequence is signed and kept.
 */
export async function openHello(parts: Parts): Promise<Uint8Array> {
  const { state, clock, crypto, person, keys, hpke, hostname, policy } = parts
  const certificate = person.certificate.bytes
  const signer = new Uint8Array(Buffer.from(person.certificate.pin, 'hex'))
  const row = await state.get(tables.pod, 'record')
  const known = row && signedRow.decode(row)
  const last = known && podRecord.decode(known.frame)
  const same =
    last?.hostname === hostname &&
    last.peer === keys.self &&
    last.policy === policy &&
    equalBytes(last.hpkeKey, hpke.publicKey) &&
    equalBytes(known!.signer, signer)
  if (known && same)
    return helloAnswer.encode({ record: known.frame, signature: known.signature, certificate })

  const nowMs = clock.now()
  const record = podRecord.encode({
    hostname,
    peer: keys.self,
    hpkeKey: hpke.publicKey,
    policy,
    sequence: Math.max((last?.sequence ?? 0) + 1, nowMs),
    issuedMs: nowMs
  })
  const signature = await crypto.signDetached(person, podRecordLabel, record, nowMs)
  const value = signedRow.encode({ frame: record, signature, signer })
  await state.write([{ type: 'put', table: tables.pod, key: 'record', value }])
  return helloAnswer.encode({ record, signature, certificate })
}
