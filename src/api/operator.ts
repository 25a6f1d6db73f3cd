import type { Millis } from '../base/ports.ts'
import type { CallOptions } from '../client/client.ts'

export interface InviteOptions {
  /** How long the code can be used; the pod's own default unless told. */
  lifeMs?: Millis
}

export interface Invite {
  code: string
  /** A `muttr:` link that carries the code with everything else a newcomer needs. */
  link: string
  pod: string
  untilMs: Millis
}

/** What only the operator of a pod may ask of it, while it runs. */
export interface PodOperator {
  invite(options?: CallOptions & InviteOptions): Promise<Invite>
}
