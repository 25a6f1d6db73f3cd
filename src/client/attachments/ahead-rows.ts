import { toHex } from '../../base/bytes.ts'
import type { ErrorCode } from '../../base/errors.ts'
import { isErrorCode } from '../../base/errors.ts'
import { limits } from '../../base/limits.ts'
import type { Log, Millis } from '../../base/ports.ts'
import type { State } from '../../store/state.ts'
import { bytes, literal, mapped, nullable, oneOf, text, tuple, uint } from '../../wire/cbor.ts'
import type { Table } from '../table.ts'
import { createTable } from '../table.ts'

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
  problem: { code: ErrorCode; message: string } | null
}

const messageCharsMax = 100
const code = (value: unknown): ErrorCode => {
  if (!isErrorCode(value)) throw new TypeError('an error code')
  return value
}
const count = uint(limits.aheadChunksMax)

const row = mapped(
  tuple(
    literal(1),
    mapped(bytes(16), toHex),
    text(limits.hostnameCharsMax, 1),
    tuple(count, uint(), count, count),
    oneOf<Stage>(...stages),
    nullable(tuple(code, text(4 * messageCharsMax)))
  ),
  ([, id, pod, [chunks, expiryMs, here, lost], stage, problem]): AheadRow => ({
    ...{ id, pod, chunks, expiryMs, here, lost, stage },
    problem: problem && { code: problem[0], message: problem[1] }
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
      r.problem && [r.problem.code, r.problem.message.toWellFormed().slice(0, messageCharsMax)]
    ],
    maxBytes: 1_024
  })
