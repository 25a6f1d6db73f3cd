import { MuttrError } from '../base/errors.ts'
import type { Log } from '../base/ports.ts'
import type { MovedPods } from '../client/moved-pods.ts'
import { createMovedPods } from '../client/moved-pods.ts'
import type { PodFinder } from '../pod/federation/peers.ts'
import type { PodPlace } from '../pod/place.ts'
import type { Dht } from '../seed/dht.ts'
import type { State } from '../store/state.ts'
import type { Home } from './home.ts'

/** Where other pods are: in the network file and muttr.json, and where they moved to, in the DHT once there is one. */
export function podFinder(o: {
  places: readonly PodPlace[]
  state: State
  log: Log
}): PodFinder & { begin(dht: Dht): void } {
  const places = new Map(o.places.map(place => [place.hostname, place]))
  let moved: MovedPods | undefined
  return {
    begin(dht) {
      moved = createMovedPods({ ...o, dht })
    },
    async find(hostname) {
      const place = places.get(hostname)
      if (!place) throw new MuttrError('POD_UNKNOWN', `no address of the pod ${hostname} is known`)
      return place
    },
    moved: async (place, fingerprint, signal) =>
      (await moved?.find(place, fingerprint, signal)) ?? [],
    met: async (hostname, peer, peers) => moved?.met(hostname, peer, peers)
  }
}

/** Of the network file, then of muttr.json, which may name more but not other ones. */
export function podPlaces({ network, config }: Home): PodPlace[] {
  const known = new Set(network.pods.map(pod => pod.hostname))
  return [...network.pods, ...config.pods.filter(pod => !known.has(pod.hostname))]
}
