import type { Clock, Millis } from '../base/ports.ts'
import type { Certificate } from '../keys/certificate.ts'
import { readAlias } from '../pod/alias.ts'
import type { Registration } from './client.ts'
import type { Events } from './events.ts'
import type { Pods } from './pods.ts'
import type { Self } from './self.ts'
import { abortable } from './waiting.ts'

interface Parts {
  self: Self
  pods: Pods
  events: Events
  clock: Clock
  /** The pod has certified this certificate under the alias, and shows it from now on. */
  onCertified(alias: string, certificate: Certificate, isNew: boolean): Promise<void>
}

export interface RegisterOptions {
  invite?: string
  /** What the person says of themselves, where an operator approves of each. */
  note?: string
  signal: AbortSignal
}

/** Has an alias certified by its pod, for the first time or again. */
export type Register = (alias: string, options: RegisterOptions) => Promise<Registration>

export const createRegister =
  ({ self, pods, events, clock, onCertified }: Parts): Register =>
  async (text, { invite, note, signal }) => {
    const { full: alias, hostname: pod } = readAlias(text)
    const startMs: Millis = clock.now()
    self.person() // a locked vault is told of before the pod is asked
    const link = await pods.identified(pod, signal)
    const { certificate } = await self.prepare(alias)
    const given = { ...(invite !== undefined && { invite }), ...(note && { note }) }
    const done = await abortable(link.register(alias, certificate, given), signal)
    const registration = { alias, pod, certifiedUntilMs: done.untilMs }
    const by = link.pod.certificate
    const isNew = !self.registrations().some(known => known.alias === alias)
    await self.registered(registration, { certificate: done.certificate, by })
    events.emit({ type: 'registered', alias, ms: clock.now() - startMs })
    pods.keep(pod)
    await onCertified(alias, certificate, isNew)
    return registration
  }
