import { MuttrError } from '../../base/errors.ts'
import type { MuttrEvent } from '../../base/events.ts'
import type { Millis } from '../../base/ports.ts'
import type { Attachment } from '../client.ts'
import { failureOf } from '../failure.ts'
import type { ChunkRun } from './chunk-run.ts'
import type { OutRow, OutSecret } from './out-rows.ts'
import { Rate } from './rate.ts'

/** A file on its way out, while the client runs. */
export interface Live {
  readonly row: OutRow
  readonly rate: Rate
  sealedBytes: number
  storedBytes: number
  /** Aborted to pause it, or to take it back. */
  stop: AbortController
  run: ChunkRun | undefined
  work: Promise<void>
}

export const liveOf = (row: OutRow): Live => ({
  row,
  rate: new Rate(),
  sealedBytes: row.stage === 'sealing' ? 0 : row.sizeBytes,
  storedBytes: row.stage === 'stored' ? row.sizeBytes : 0,
  stop: new AbortController(),
  run: undefined,
  work: Promise.resolve()
})

const isMoving = ({ stage, paused }: OutRow): boolean =>
  stage === 'sealing' || (stage === 'storing' && !paused)

/** Of what is going on now: sealing, then storing. */
export const doneOf = ({ row, sealedBytes, storedBytes }: Live): number =>
  row.stage === 'sealing' ? sealedBytes : storedBytes

const speedOf = (live: Live, nowMs: Millis) =>
  isMoving(live.row)
    ? live.rate.show(Math.max(0, live.row.sizeBytes - doneOf(live)), nowMs)
    : { bytesPerSecond: null, remainingMs: null }

export function showUpload(live: Live, secret: OutSecret, nowMs: Millis): Attachment {
  const { row, sealedBytes, storedBytes } = live
  const { id, sizeBytes, expiryMs, stage, paused, problem } = row
  return {
    direction: 'out',
    id,
    name: secret.name,
    type: secret.mimeType,
    sizeBytes,
    state: paused ? 'paused' : stage === 'withdrawing' ? 'failed' : stage,
    sealedBytes,
    storedBytes,
    ...speedOf(live, nowMs),
    problem: problem && failureOf(new MuttrError(problem.code, problem.message)),
    expiryMs
  }
}

export function uploadEvent(live: Live, nowMs: Millis): MuttrEvent {
  const { id, sizeBytes, paused, stage } = live.row
  return {
    type: 'transfer',
    direction: 'out',
    id,
    index: null,
    state: paused ? 'paused' : stage,
    sizeBytes,
    doneBytes: doneOf(live),
    ...speedOf(live, nowMs)
  }
}
