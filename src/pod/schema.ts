import { limits } from '../base/limits.ts'
import type { Schema } from '../store/upgrade/schema.ts'
import { array, bool, bytes, decodeCbor, literal, oneOf, text, tuple, uint } from '../wire/cbor.ts'
import { podPeersMax, podRecord, podRecordBytesMax } from '../wire/pod.ts'
import { addressRow } from './addresses/rows.ts'
import { signedRow, tables } from './rows.ts'

/** Versions of what a pod keeps. What is only added, in tables of its own, needs none: who does not know it leaves it alone. */
export const podSchema: Schema = {
  kind: 'pod',
  steps: [
    {
      what: 'addresses say what is done with what comes there, and the record of the pod where datagrams go',
      value({ table, key, value }) {
        if (table === tables.addresses) return addressRow.encode(addressRow.decode(value))
        return table === tables.pod && key === 'record' ? withPort(value) : value
      }
    }
  ]
}

const recordBefore = tuple(
  literal(1),
  text(limits.hostnameCharsMax, 1),
  array(text(limits.peerIdCharsMax, 1), podPeersMax, 1),
  bytes(32),
  oneOf('open', 'invite', 'approval', 'closed'),
  bool,
  uint(),
  uint()
)
const nobody = new Uint8Array(32)

/** No signature fits it any more: the pod signs the next one, in sequence, before it shows any. */
function withPort(value: Uint8Array): Uint8Array {
  const { frame, signature } = signedRow.decode(value)
  if (isRecord(frame)) return value
  const read = decodeCbor(frame, 'a pod record', recordBefore, podRecordBytesMax, 'HOME_DAMAGED')
  const [, hostname, peers, hpkeKey, policy, escrow, sequence, issuedMs] = read
  const record = {
    hostname,
    peers,
    hpkeKey,
    policy,
    escrow,
    udp: null,
    former: [],
    sequence,
    issuedMs
  }
  return signedRow.encode({ frame: podRecord.encode(record), signature, signer: nobody })
}

function isRecord(frame: Uint8Array): boolean {
  try {
    podRecord.decode(frame)
    return true
  } catch {
    return false
  }
}
