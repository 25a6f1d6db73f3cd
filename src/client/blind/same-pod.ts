import type { PodPlace } from '../../pod/place.ts'
import type { FoundPods } from '../found-pods.ts'
import type { PodPins } from '../pod-pins.ts'

interface Parts {
  /** Of our files, by hostname. */
  places: ReadonlyMap<string, PodPlace>
  found?: Pick<FoundPods, 'get'>
  pins: Pick<PodPins, 'of' | 'read'>
  /** Pods where we have an alias. */
  own(): readonly string[]
  /** Other pods are asked through own ones; not unless told. */
  isBlind?: boolean
}

interface SamePod {
  /** Whether two hostnames are of one pod, as far as was read: one that was renamed is the same under each of its names. */
  isSame(one: string, other: string): boolean
  /** Whether a pod is to be asked through an own one: not the only own one, which knows its people. */
  isBlindTo(hostname: string): Promise<boolean>
}

export function createSamePod({ places, found, pins, own, isBlind }: Parts): SamePod {
  const printOf = (hostname: string): string | undefined =>
    (places.get(hostname) ?? found?.get(hostname))?.fingerprint ?? pins.read(hostname)?.fingerprint
  const isSame = (one: string, other: string): boolean => {
    const print = printOf(one)
    return one === other || (print !== undefined && print === printOf(other))
  }
  return {
    isSame,
    async isBlindTo(hostname) {
      if (!isBlind) return false
      await Promise.all([hostname, ...own()].map(pins.of))
      return own().length === 0 || own().some(mine => !isSame(mine, hostname))
    }
  }
}
