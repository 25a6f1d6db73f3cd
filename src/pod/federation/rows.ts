import type { ErrorCode } from '../../base/errors.ts'
import { isErrorCode } from '../../base/errors.ts'
import { limits } from '../../base/limits.ts'
import type { Millis } from '../../base/ports.ts'
import { bytes, literal, mapped, nullable, oneOf, text, tuple, uint } from '../../wire/cbor.ts'
import type { QueueState } from '../../wire/federation.ts'
import { queueState, queueStateFields } from '../../wire/federation.ts'
import type { Row } from '../rows.ts'
import { row } from '../rows.ts'

/** A notice that is to be passed on to another pod, or was. */
export interface QueueRow {
  readonly hostname: string
  /** Of the device that wants to know what becomes of it, hex. */
  readonly device: string
  /** Who the other pod must be, as the client knows it: hex. */
  readonly pin: string | null
  readonly takenMs: Millis
  readonly expiryMs: Millis
  /** Sealed; empty once it is settled. */
  readonly notice: Uint8Array
  /** What became of it; null while it waits. */
  readonly settled: QueueState | null
}

const hex32 = mapped(bytes(32), (value): string => Buffer.from(value).toString('hex'))

export const queueRow: Row<QueueRow> = row(
  'a notice to be passed on',
  tuple(
    literal(1),
    text(limits.hostnameCharsMax, 1),
    hex32,
    nullable(hex32),
    uint(),
    uint(),
    bytes(0, limits.noticeBytesMax),
    nullable(queueState)
  ),
  ([, hostname, device, pin, takenMs, expiryMs, notice, settled]) => ({
    ...{ hostname, device, pin, takenMs, expiryMs, notice, settled }
  }),
  q => [
    1,
    q.hostname,
    Buffer.from(q.device, 'hex'),
    q.pin === null ? null : Buffer.from(q.pin, 'hex'),
    q.takenMs,
    q.expiryMs,
    q.notice,
    q.settled && queueStateFields(q.settled)
  ],
  2_048
)

type Standing = 'none' | 'allowed' | 'blocked'

/** What an operator said of another pod, in a row of its own: what is learned of that pod meanwhile does not overwrite it. */
export interface PeerWord {
  readonly standing: Exclude<Standing, 'none'>
  /** The key that it has by the operator's word. */
  readonly fingerprint: string | null
}

export const peerWordRow: Row<PeerWord> = row(
  "an operator's word",
  tuple(literal(1), oneOf<PeerWord['standing']>('allowed', 'blocked'), nullable(text(64, 40))),
  ([, standing, fingerprint]) => ({ standing, fingerprint }),
  w => [1, w.standing, w.fingerprint]
)

/** What is known of another pod. */
export interface PeerRow {
  /** What the operator said of it. */
  readonly standing: Standing
  /** Its key: a fingerprint that the operator gave, or the pin of the certificate that was seen. */
  readonly pin: string | null
  /** What it showed of itself last; null until it was met. */
  readonly papers: {
    readonly record: Uint8Array
    readonly signature: Uint8Array
    readonly certificate: Uint8Array
  } | null
  /** When it was met last; 0 for never. */
  readonly seenMs: Millis
  /** Attempts that failed since, when the next is due, and why. */
  readonly failures: number
  readonly retryMs: Millis
  readonly code: ErrorCode | null
}

const codeField = (value: unknown): ErrorCode => {
  if (!isErrorCode(value)) throw new TypeError('an error code')
  return value
}

export const peerRow: Row<PeerRow> = row(
  'another pod',
  tuple(
    literal(1),
    oneOf<Standing>('none', 'allowed', 'blocked'),
    nullable(text(64, 40)),
    nullable(tuple(bytes(1, 1_024), bytes(1, 1_024), bytes(1, limits.certificateBytesMax))),
    uint(),
    uint(),
    uint(),
    nullable(codeField)
  ),
  ([, standing, pin, shown, seenMs, failures, retryMs, code]) => ({
    ...{ standing, pin, seenMs, failures, retryMs, code },
    papers: shown && { record: shown[0], signature: shown[1], certificate: shown[2] }
  }),
  p => [
    1,
    p.standing,
    p.pin,
    p.papers && [p.papers.record, p.papers.signature, p.papers.certificate],
    p.seenMs,
    p.failures,
    Math.round(p.retryMs),
    p.code
  ],
  limits.certificateBytesMax + 4_096
)
