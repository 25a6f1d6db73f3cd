import { MuttrError } from '../../base/errors.ts'
import type { MuttrEvent } from '../../base/events.ts'
import type { Millis } from '../../base/ports.ts'
import type { FetchedAhead, ReceivedAttachment } from '../client.ts'
import { failureOf } from '../failure.ts'
import type { ChunkRun } from './chunk-run.ts'
import type { InRow } from './in-rows.ts'
import { Rate } from './rate.ts'

/** A file that was asked for, while the client runs. */
export interface InLive {
  readonly row: InRow
  readonly rate: Rate
  haveBytes: number
  stop: AbortController
  run: ChunkRun | undefined
  isBusy: boolean
  work: Promise<void>
}

export const inLiveOf = (row: InRow): InLive => ({
  row,
  rate: new Rate(),
  haveBytes: row.stage === 'here' ? row.sizeBytes : 0,
  stop: new AbortController(),
  run: undefined,
  isBusy: false,
  work: Promise.resolve()
})

/** As long as only a pod fetches it, it is not here any more than before. */
const stateOf = ({ stage }: InRow) => (stage === 'ahead' ? 'remote' : stage)

/** @param idle as it would be if nobody had asked for it. */
export function showDownload(
  { row, rate, haveBytes }: InLive,
  idle: ReceivedAttachment,
  ahead: FetchedAhead | null,
  nowMs: Millis
): ReceivedAttachment {
  const isOver = row.stage !== 'here' && row.expiryMs <= nowMs
  const moving = row.stage === 'fetching' ? rate.show(row.sizeBytes - haveBytes, nowMs) : {}
  const problem = row.problem && failureOf(new MuttrError(row.problem.code, row.problem.message))
  return { ...idle, haveBytes, ...moving, state: isOver ? 'expired' : stateOf(row), problem, ahead }
}

export function downloadEvent({ row, rate, haveBytes }: InLive, nowMs: Millis): MuttrEvent {
  const { letter: id, index, sizeBytes } = row
  const state = stateOf(row)
  const speed = rate.show(sizeBytes - haveBytes, nowMs)
  return {
    ...{ type: 'transfer', direction: 'in', id, index, state, sizeBytes },
    ...{ doneBytes: haveBytes, ...speed }
  }
}

export const aheadEvent = ({ row }: InLive, ahead: FetchedAhead): MuttrEvent => {
  const { letter: id, index, sizeBytes } = row
  const { pod, state, haveBytes } = ahead
  return { type: 'ahead', id, index, pod, state, sizeBytes, haveBytes }
}
