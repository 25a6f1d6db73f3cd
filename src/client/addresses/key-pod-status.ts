import type { Failure, Millis } from '../../base/ports.ts'

/** A pod that keeps addresses of keys for us. */
export interface KeyPodStatus {
  hostname: string
  addresses: number
  /** When one of them was last polled. */
  polledMs: Millis | null
  problem: Failure | null
}

interface Polled {
  readonly place: { readonly pod: string }
  readonly polledMs: Millis | null
  readonly problem: Failure | null
}

/** Of each pod, by its hostname. */
export function keyPodStatus(all: Iterable<Polled>): KeyPodStatus[] {
  const pods = new Map<string, KeyPodStatus>()
  for (const { place, polledMs, problem } of all) {
    const before = pods.get(place.pod)
    const times = [before?.polledMs ?? null, polledMs].filter(ms => ms !== null)
    pods.set(place.pod, {
      hostname: place.pod,
      addresses: (before?.addresses ?? 0) + 1,
      polledMs: times.length > 0 ? Math.max(...times) : null,
      problem: before?.problem ?? problem
    })
  }
  return [...pods.values()].sort((a, b) => (a.hostname < b.hostname ? -1 : 1))
}
