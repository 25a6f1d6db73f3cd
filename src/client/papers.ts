import { equalBytes } from '../base/bytes.ts'
import { limits } from '../base/limits.ts'
import type { Log, PeerId } from '../base/ports.ts'
import type { State } from '../store/state.ts'
import { bytes, literal, mapped, tuple } from '../wire/cbor.ts'
import { podRecordBytesMax } from '../wire/pod.ts'
import type { PodPapers } from '../wire/proof.ts'
import { createTable } from './table.ts'

/** What pods showed of themselves, kept as evidence of who signed: a pod may have another peer key later. */
export interface Papers {
  keep(hostname: string, peer: PeerId, shown: PodPapers): Promise<void>
  of(hostname: string, peer: PeerId): Promise<PodPapers | undefined>
}

const row = mapped(
  tuple(
    literal(1),
    bytes(1, podRecordBytesMax),
    bytes(1, limits.signatureBytesMax),
    bytes(1, limits.certificateBytesMax)
  ),
  ([, record, signature, certificate]): PodPapers => ({ record, signature, certificate })
)

export function createPapers({ state, log }: { state: State; log: Log }): Papers {
  const rows = createTable({
    state,
    log,
    name: 'pod-papers',
    field: row,
    write: (p: PodPapers) => [1, p.record, p.signature, p.certificate],
    maxBytes: limits.certificateBytesMax + podRecordBytesMax + 4_096
  })
  const of = (hostname: string, peer: PeerId): Promise<PodPapers | undefined> =>
    rows.get(`${hostname}/${peer}`).catch(() => undefined)
  return {
    of,
    async keep(hostname, peer, shown) {
      const before = await of(hostname, peer)
      const isSame =
        before &&
        equalBytes(before.record, shown.record) &&
        equalBytes(before.certificate, shown.certificate)
      if (!isSame) await state.write([rows.put(`${hostname}/${peer}`, shown)])
    }
  }
}
