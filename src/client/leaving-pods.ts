import type { Clock, Millis, PeerId } from '../base/ports.ts'
import type { PodPlace } from '../pod/place.ts'
import type { MovedPods } from './moved-pods.ts'

/** Processes of pods that said that they end. */
export interface LeavingPods {
  left(hostname: string, peer: PeerId): void
  /** Where the pod is without a process of it that takes its leave, which is asked last. */
  stays(place: PodPlace, fingerprint: string | undefined, signal: AbortSignal): Promise<PodPlace>
}

/** So long a process of a pod that said it ends is asked last. */
const leavingMs: Millis = 10 * 60_000

export function createLeaving(parts: {
  clock: Clock
  moved: Pick<MovedPods, 'find'>
}): LeavingPods {
  const { clock, moved } = parts
  const leaving = new Map<string, { peer: PeerId; untilMs: Millis }>()
  return {
    left: (hostname, peer) =>
      void leaving.set(hostname, { peer, untilMs: clock.now() + leavingMs }),
    async stays(place, fingerprint, signal) {
      const gone = leaving.get(place.hostname)
      if (!gone || gone.untilMs <= clock.now()) return place
      const isOther = (address: string) => !address.endsWith(`/p2p/${gone.peer}`)
      const others = place.addresses.filter(isOther)
      if (others.length === 0 && fingerprint !== undefined)
        others.push(...(await moved.find(place, fingerprint, signal)).filter(isOther))
      return { ...place, addresses: [...new Set([...others, ...place.addresses])] }
    }
  }
}
