import { limits } from '../base/limits.ts'
import type { PeerId } from '../base/ports.ts'
import { array, mapped, text, tuple } from './cbor.ts'
import type { Codec } from './codec.ts'
import { codec } from './codec.ts'
import { podPeersMax } from './pod.ts'

/** A process of a pod takes leave of a session. Source: docs/protocol/pod.md#an-orderly-end */
export interface Leaving {
  /** The other processes of the pod; none where it is the only one. */
  readonly peers: readonly PeerId[]
}

export const leaving: Codec<Leaving> = codec(
  'a leave',
  podPeersMax * (limits.peerIdCharsMax + 4) + 16,
  mapped(tuple(array(text(limits.peerIdCharsMax, 1), podPeersMax)), ([peers]) => ({ peers })),
  value => value,
  ({ peers }) => [peers]
)
