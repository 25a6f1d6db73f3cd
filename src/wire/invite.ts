import { limits } from '../base/limits.ts'
import type { Millis } from '../base/ports.ts'
import { text, tuple, uint } from './cbor.ts'
import type { Codec } from './codec.ts'
import { codec } from './codec.ts'

/** Asks for a code with which others take aliases. Source: docs/protocol/pod.md#requests */
export interface InviteRequest {
  readonly uses: number
  readonly lifeMs: Millis
  readonly note: string
}

export const inviteRequest: Codec<InviteRequest> = codec(
  'a request for an invite',
  limits.podNoteBytesMax + 32,
  tuple(uint(), uint(), text(limits.podNoteBytesMax)),
  ([uses, lifeMs, note]) => ({ uses, lifeMs, note }),
  r => [r.uses, r.lifeMs, r.note]
)

export const inviteAnswer: Codec<{ code: string; untilMs: Millis }> = codec(
  'an invite',
  128,
  tuple(text(64, 1), uint()),
  ([code, untilMs]) => ({ code, untilMs }),
  a => [a.code, a.untilMs]
)
