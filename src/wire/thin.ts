import { limits } from '../base/limits.ts'
import type { PeerId } from '../base/ports.ts'
import { bytes, encodeCbor, nullable, text, tuple } from './cbor.ts'
import type { Codec } from './codec.ts'
import { codec } from './codec.ts'

/** Where a pod offers its channel over a WebSocket, and by which name. Source: docs/protocol/thin.md */
export const thinPath = '/muttr/pod/1'
export const thinSubprotocol = 'muttr-pod-1'

/** What ties a signature to one connection of TLS 1.3: RFC 9266, in bytes. */
export const bindingBytes = 32

export const bind: Codec<{ nonce: Uint8Array }> = codec(
  'a request to bind',
  64,
  tuple(bytes(32)),
  ([nonce]) => ({ nonce }),
  r => [r.nonce]
)

export interface BindAnswer {
  /** One of the pod's peers. */
  readonly pod: PeerId
  /** The connection as the pod sees it; null where somebody before the pod speaks TLS for it. */
  readonly binding: Uint8Array | null
  /** The peer key over {@link bindBytes}. 64 bytes. */
  readonly signature: Uint8Array
}

export const bindAnswer: Codec<BindAnswer> = codec(
  'an answer that binds',
  limits.peerIdCharsMax + bindingBytes + 128,
  tuple(text(limits.peerIdCharsMax, 1), nullable(bytes(bindingBytes)), bytes(64)),
  ([pod, binding, signature]) => ({ pod, binding, signature }),
  a => [a.pod, a.binding, a.signature]
)

/** What the pod signs: it ends this connection, or says that it does not. */
export const bindBytes = (o: {
  pod: PeerId
  nonce: Uint8Array
  binding: Uint8Array | null
}): Uint8Array => encodeCbor(['muttr bind 1', o.pod, o.nonce, o.binding])
