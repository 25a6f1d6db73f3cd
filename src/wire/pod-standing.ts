import { limits } from '../base/limits.ts'
import type { Millis } from '../base/ports.ts'
import type { Field } from './cbor.ts'
import { mapped, nullable, oneOf, text, tuple, uint } from './cbor.ts'
import type { Codec } from './codec.ts'
import { codec } from './codec.ts'

/** What a pod has decided about a person, beyond what their aliases show. Source: docs/protocol/pod.md#standing */
export interface PodStanding {
  /** Null: the account may do what all may. */
  readonly suspended: Suspension | null
  /** Null: nobody waits for an operator. */
  readonly application: Application | null
}

interface Suspension {
  readonly reason: string
  /** Null: until further notice. */
  readonly untilMs: Millis | null
}

/** For an alias, at a pod where operators approve of each. */
export interface Application {
  readonly name: string
  readonly state: 'waiting' | 'approved' | 'refused'
  /** The operator's words; empty while it waits. */
  readonly reason: string
  /** It is forgotten then. */
  readonly untilMs: Millis
}

const reason = text(limits.podNoteBytesMax)
const application: Field<Application> = mapped(
  tuple(text(limits.aliasCharsMax, 1), oneOf('waiting', 'approved', 'refused'), reason, uint()),
  ([name, state, reason, untilMs]) => ({ name, state, reason, untilMs })
)
const suspension: Field<Suspension> = mapped(
  tuple(reason, nullable(uint())),
  ([reason, untilMs]) => ({ reason, untilMs })
)

export const standingField: Field<PodStanding> = mapped(
  tuple(nullable(suspension), nullable(application)),
  ([suspended, application]) => ({ suspended, application })
)

export const writeStanding = ({ suspended, application: asked }: PodStanding): unknown[] => [
  suspended && [suspended.reason, suspended.untilMs],
  asked && [asked.name, asked.state, asked.reason, asked.untilMs]
]

/** The sum of its fields' maxima, rounded up. */
export const standingBytesMax = 2 * (limits.podNoteBytesMax + 128)

/** What the pod pushes when a standing changes. */
export const standing: Codec<PodStanding> = codec(
  'a standing',
  standingBytesMax,
  standingField,
  value => value,
  writeStanding
)
