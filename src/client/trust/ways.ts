import { readAlias } from '../../pod/alias.ts'
import type { PodQuestions } from '../pod-questions.ts'
import type { Pods } from '../pods.ts'
import type { Self } from '../self.ts'
import type { Way } from './views.ts'

export interface WaysParts {
  pods: Pick<Pods, 'questions' | 'stranger' | 'identified' | 'asking'>
  self: Pick<Self, 'registrations'>
  /** Other pods are asked through own ones alone: then there is no second way that keeps who asks to itself. */
  isBlind: boolean
  life: AbortSignal
}

/** As whom a pod can be asked about an alias: as usual first, then as whom it takes for somebody else. */
export function createWays({ pods, self, isBlind, life }: WaysParts): (alias: string) => Way[] {
  return alias => {
    const { hostname } = readAlias(alias)
    const by =
      (open: () => Promise<PodQuestions>): Way =>
      async told => {
        const link = await open()
        await told(link.pod.certificate, await link.lookup(alias))
      }
    const asStranger: Way = async told => {
      await using link = await pods.stranger(hostname, life)
      await told(link.pod.certificate, await link.lookup(alias))
    }
    const isOwn = self.registrations().some(own => own.alias === alias)
    const blindly =
      isBlind || pods.asking.relayFor(hostname) === undefined
        ? []
        : [by(() => pods.asking.questions(hostname, life))]
    if (isOwn) return [asStranger, by(() => pods.identified(hostname, life)), ...blindly]
    return [by(() => pods.questions(hostname, life)), ...blindly]
  }
}
