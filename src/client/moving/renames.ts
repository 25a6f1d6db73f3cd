import { codeOf } from '../../base/errors.ts'
import type { Log } from '../../base/ports.ts'
import { readAlias } from '../../pod/alias.ts'
import type { PodFace } from '../../pod/greet.ts'
import type { Pods } from '../pods.ts'
import type { Self } from '../self.ts'

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
  /** Leaves an own alias for another. */
  move(to: string, o: { from: string; signal: AbortSignal }): Promise<unknown>
  log: Log
  life: AbortSignal
}

/** The same alias under the new name, for everybody here: nobody is asked, and nobody loses anything by it. */
export function createRenames({ self, pods, move, log, life }: Parts): Renames {
  const shown = new Map<string, ShownPod>()
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

  const look = (): Promise<void> => {
    looking = looking.then(all)
    return looking
  }
  return {
    look,
    met(pod, face) {
      if (face.now === pod) return void shown.delete(pod)
      shown.set(pod, face)
      void look()
    }
  }
}
