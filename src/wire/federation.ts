import { limits } from '../base/limits.ts'
import type { Millis, PeerId } from '../base/ports.ts'
import type { Field } from './cbor.ts'
import { array, bytes, literal, mapped, nullable, text, tuple, uint } from './cbor.ts'
import type { Codec } from './codec.ts'
import { codec } from './codec.ts'

// How a notice goes through the sender's own pod, and from pod to pod. Source: docs/protocol/federation.md

const codeCharsMax = 32
/** A state with its hash: the longest is a receipt. */
const stateBytesMax = 224

const time = uint()
const hash = bytes(32)
const signature = bytes(64)
const notice = bytes(limits.noticeBytesMax)
const hostname = text(limits.hostnameCharsMax, 1)
const hours = mapped(uint(10_000_000, 1), (value): Millis => value * limits.expiryStepMs)

/** An error's, which may be of a later version. */
const code = text(codeCharsMax, 1)

/** A sealed notice for another pod, of which one's own pod takes care from then on. */
export interface QueueRequest {
  /** Exactly {@link limits.noticeBytesMax} bytes, sealed to the other pod. */
  readonly notice: Uint8Array
  /** The other pod's. */
  readonly hostname: string
  /** As the client knows it: SHA-256 of the primary key packet of its certificate. 32 bytes. */
  readonly pin: Uint8Array | null
  /** Until when it is tried: a whole hour. */
  readonly expiryMs: Millis
}

export const queueRequest: Codec<QueueRequest> = codec(
  'a notice to be passed on',
  limits.noticeBytesMax + limits.hostnameCharsMax + 64,
  tuple(notice, hostname, nullable(hash), hours),
  ([notice, hostname, pin, expiryMs]) => ({ notice, hostname, pin, expiryMs }),
  q => [q.notice, q.hostname, q.pin, q.expiryMs / limits.expiryStepMs]
)

export const queueAnswer: Codec<{ atMs: Millis }> = codec(
  'an answer to a notice to be passed on',
  16,
  tuple(time),
  ([atMs]) => ({ atMs }),
  a => [a.atMs]
)

/** Notices by the SHA-256 of their sealed bytes. */
export const queueHashes: Codec<{ hashes: readonly Uint8Array[] }> = codec(
  'hashes of notices',
  limits.queueAskMax * 34 + 8,
  tuple(array(hash, limits.queueAskMax, 1)),
  ([hashes]) => ({ hashes }),
  q => [q.hashes]
)

/** What became of a notice that a pod was to pass on. */
export type QueueState =
  | {
      readonly type: 'queued'
      /** Of attempts to reach the other pod, since it was reached last. */
      readonly failures: number
      readonly nextMs: Millis
      readonly code: string | null
    }
  /** The other pod took it, and signed so with this peer key: `announcedBytes` (./notice.ts). */
  | {
      readonly type: 'accepted'
      readonly atMs: Millis
      readonly signature: Uint8Array
      readonly peer: PeerId
    }
  | { readonly type: 'expired' }
  /** The other pod will not have it, or is not the one that was meant: it is tried no more. */
  | { readonly type: 'refused'; readonly code: string }
  | { readonly type: 'unknown' }

const queued = mapped(
  tuple(literal('queued'), uint(65_535), time, nullable(code)),
  ([type, failures, nextMs, code]): QueueState => ({ type, failures, nextMs, code })
)
const accepted = mapped(
  tuple(literal('accepted'), time, signature, text(limits.peerIdCharsMax, 1)),
  ([type, atMs, signature, peer]): QueueState => ({ type, atMs, signature, peer })
)
const refused = mapped(
  tuple(literal('refused'), code),
  ([type, code]): QueueState => ({ type, code })
)
const expired = mapped(tuple(literal('expired')), ([type]): QueueState => ({ type }))
const unknown = mapped(tuple(literal('unknown')), ([type]): QueueState => ({ type }))
const ofType = { queued, accepted, refused, expired, unknown }

/** A field of the frames below, and of what a pod keeps. */
export const queueState: Field<QueueState> = value => {
  const type: unknown = Array.isArray(value) ? value[0] : undefined
  if (typeof type !== 'string' || !Object.hasOwn(ofType, type)) throw new TypeError('a state')
  return ofType[type as QueueState['type']](value)
}

export function queueStateFields(state: QueueState): unknown[] {
  switch (state.type) {
    case 'queued':
      return [state.type, Math.min(state.failures, 65_535), Math.round(state.nextMs), state.code]
    case 'accepted':
      return [state.type, state.atMs, state.signature, state.peer]
    case 'refused':
      return [state.type, state.code]
    default:
      return [state.type]
  }
}

/** In the order in which they were asked for. */
export const queueStates: Codec<{ states: readonly QueueState[] }> = codec(
  'states of notices',
  limits.queueAskMax * stateBytesMax + 8,
  tuple(array(queueState, limits.queueAskMax, 1)),
  ([states]) => ({ states }),
  q => [q.states.map(queueStateFields)]
)

export interface QueueNews {
  /** SHA-256 of the sealed notice. 32 bytes. */
  readonly hash: Uint8Array
  readonly state: QueueState
}

const news = mapped(tuple(hash, queueState), ([hash, state]): QueueNews => ({ hash, state }))

/** What the pod tells a device by itself. */
export const queueNews: Codec<{ news: readonly QueueNews[] }> = codec(
  'news of notices',
  limits.queueAskMax * stateBytesMax + 8,
  tuple(array(news, limits.queueAskMax, 1)),
  ([news]) => ({ news }),
  q => [q.news.map(n => [n.hash, queueStateFields(n.state)])]
)

/** Whose papers are asked for: of a pod that gave a receipt. */
export const queuePapers: Codec<{ hostname: string }> = codec(
  'a request for papers of a pod',
  limits.hostnameCharsMax + 8,
  tuple(hostname),
  ([hostname]) => ({ hostname }),
  q => [q.hostname]
)

/** Many notices at once, from one pod to another. */
export const transfer: Codec<{ notices: readonly Uint8Array[] }> = codec(
  'a transfer of notices',
  limits.transferNoticesMax * (limits.noticeBytesMax + 3) + 8,
  tuple(array(notice, limits.transferNoticesMax, 1)),
  ([notices]) => ({ notices }),
  t => [t.notices]
)

/** For one notice: the receipt's signature, or why there is none. */
export type TransferResult = Uint8Array | string

const result: Field<TransferResult> = value =>
  typeof value === 'string' ? code(value) : signature(value)

export interface TransferAnswer {
  /** Of all receipts in it. */
  readonly atMs: Millis
  /** In the order of the notices. */
  readonly results: readonly TransferResult[]
}

export const transferAnswer: Codec<TransferAnswer> = codec(
  'an answer to a transfer',
  limits.transferNoticesMax * 66 + 32,
  tuple(time, array(result, limits.transferNoticesMax, 1)),
  ([atMs, results]) => ({ atMs, results }),
  a => [a.atMs, a.results]
)
