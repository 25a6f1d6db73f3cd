import { toHex } from '../../base/bytes.ts'
import { limits } from '../../base/limits.ts'
import type { Log, Millis } from '../../base/ports.ts'
import type { State } from '../../store/state.ts'
import { bytes, literal, mapped, oneOf, text, tuple, uint } from '../../wire/cbor.ts'
import type { Table } from '../table.ts'
import { createTable } from '../table.ts'
import type { Problem } from './problem.ts'
import { problemField, problemRow } from './problem.ts'

/** `dropping`: the pod is told that nobody wants it any more. */
const stages = ['asking', 'fetching', 'kept', 'refused', 'dropping'] as const
type Stage = (typeof stages)[number]

/** What a pod was asked to fetch ahead. */
export interface AheadRow {
  /** 32 hex digits: of the file here, and what the pod calls it. */
  readonly id: string
  readonly pod: string
  /** Of the file, without those of keys. */
  readonly chunks: number
  readonly expiryMs: Millis
  stage: Stage
  /** Chunks that the pod has, and those that it cannot get, as it said last. */
  here: number
  lost: number
  problem: Problem
}

const count = uint(limits.aheadChunksMax)

const row = mapped(
  tuple(
    literal(1),
    mapped(bytes(16), toHex),
    text(limits.hostnameCharsMax, 1),
    tuple(count, uint(), count, count),
    oneOf<Stage>(...stages),
    problemField
  ),
  ([, id, pod, [chunks, expiryMs, here, lost], stage, problem]): AheadRow => ({
    ...{ id, pod, chunks, expiryMs, here, lost, stage, problem }
  })
)

/** By id. */
export const aheadTable = (state: State, log: Log): Table<AheadRow> =>
  createTable({
    state,
    log,
    name: 'ahead',
    field: row,
    write: r => [
      1,
      Buffer.from(r.id, 'hex'),
      r.pod,
      [r.chunks, r.expiryMs, r.here, r.lost],
      r.stage,
      problemRow(r.problem)
    ],
    maxBytes: 1_024
  })
