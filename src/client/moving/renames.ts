import { codeOf } from '../../base/errors.ts'
import type { Log } from '../../base/ports.ts'
import { readAlias } from '../../pod/alias.ts'
import type { PodFace } from '../../pod/greet.ts'
import type { Pods } from '../pods.ts'
import type { LeftRegistration, Self } from '../self.ts'

/** An own pod, as it shows itself. */
export type ShownPod = Pick<PodFace, 'now' | 'certificate' | 'contact'>

/** Own pods that have another name by now. Source: docs/protocol/pod-moving.md#people */
export interface Renames {
  /** A pod where we have an alias has said who it is. */
  met(pod: string, shown: ShownPod): void
  /** Tries again what could not be done; never rejects. */
  look(): Promise<void>
}

interface Parts {
  self: Pick<Self, 'registrations' | 'locked'>
  pods: Pick<Pods, 'introduce'>
  /** Own aliases that became others because their pod was renamed, by the pod's name of now. */
  renamed(pod: string): Promise<readonly LeftRegistration[]>
  /** Whether the pod shows an own alias there. @throws {MuttrError} where it cannot be asked */
  isThere(alias: string): Promise<boolean>
  /** Registers an own alias again, and tells the pod again that another became it. */
  again(left: LeftRegistration): Promise<void>
  /** Leaves an own alias for another. */
  move(to: string, o: { from: string; signal: AbortSignal }): Promise<unknown>
  log: Log
  life: AbortSignal
}

/** The same alias under the new name, for everybody here: nobody is asked, and nobody loses anything by it. */
export function createRenames({ self, pods, move, log, life, ...parts }: Parts): Renames {
  const shown = new Map<string, ShownPod>()
  /** Own pods that we have not asked, since they were there last, whether they know what we told them. */
  const back = new Set<string>()
  let looking: Promise<void> = Promise.resolve()

  async function follow(alias: string, { now, certificate, contact }: ShownPod): Promise<void> {
    const { peer, addresses } = contact
    const said = { peer, addresses: [...addresses], fingerprint: certificate.fingerprint }
    // Who has that name by all that is published, must be this one.
    await (await pods.introduce(now, said, life)).keep()
    await move(`${readAlias(alias).name}@${now}`, { from: alias, signal: life })
  }

  async function all(): Promise<void> {
    for (const { alias, pod } of [...self.registrations()]) {
      const face = shown.get(pod)
      if (!face || self.locked || life.aborted) continue
      await follow(alias, face).catch(err =>
        log.warn('a pod of ours has another name, and we are not there yet', {
          ...{ pod, now: face.now, code: codeOf(err) }
        })
      )
    }
  }

  /** A pod that came out of a backup from before it was renamed knows us by the former name alone. */
  async function goAlongAgain(): Promise<void> {
    for (const pod of [...back]) {
      if (self.locked || life.aborted) return
      try {
        for (const left of await parts.renamed(pod))
          if (!(await parts.isThere(left.move.to))) await parts.again(left)
        back.delete(pod)
      } catch (err) {
        log.info('a pod of ours does not say whether it knows us', { pod, code: codeOf(err) })
      }
    }
  }

  const look = (): Promise<void> => {
    looking = looking.then(all).then(goAlongAgain)
    return looking
  }
  return {
    look,
    met(pod, face) {
      if (face.now === pod) {
        shown.delete(pod)
        back.add(pod)
      } else shown.set(pod, face)
      void look()
    }
  }
}
