import type { SignedNames } from '../base/lookups.ts'
import type { Log, Millis } from '../base/ports.ts'
import type { FindPod } from '../client/found-pods.ts'
import type { MovedPods } from '../client/moved-pods.ts'
import { createMovedPods } from '../client/moved-pods.ts'
import type { Config } from '../config/config.ts'
import { readResolver } from '../config/fields.ts'
import { openPgp } from '../keys/crypto.ts'
import { systemClock as clock } from '../net/clock.ts'
import { createNames } from '../net/names.ts'
import { systemRandom as random } from '../net/random.ts'
import { createSignedNames } from '../net/signed-names.ts'
import { createWeb } from '../net/web.ts'
import type { PodFinder } from '../pod/federation/peers.ts'
import type { FoundPod } from '../pod/finding.ts'
import { findPod } from '../pod/finding.ts'
import type { PodPlace } from '../pod/place.ts'
import { tables } from '../pod/rows.ts'
import type { Dht } from '../seed/dht.ts'
import type { State } from '../store/state.ts'
import type { Home } from './home.ts'

interface Kept {
  readonly pod: Promise<FoundPod>
  readonly atMs: Millis
}
const keptMs: Millis = 10 * 60_000
const failedMs: Millis = 60_000
const keptMax = 1_000
/** Pods that are remembered to have been found in signed zones. */
const zonesMax = 10_000

/**
 * Where other pods are: in the network file and muttr.json, else in the DNS and over HTTPS; and where they moved to, in the DHT once there is
 * one. Other pods say whom to look for, so what was found stands for ten minutes, and that nothing was for one.
 */
export function podFinder(o: {
  places: readonly PodPlace[]
  findPod: FindPod
  state: State
  log: Log
  /** Other pods may move into private networks: for one that lives there. */
  allowLocal: boolean
}): PodFinder & { begin(dht: Dht): void } {
  const places = new Map(o.places.map(place => [place.hostname, place]))
  let moved: MovedPods | undefined
  const kept = new Map<string, Kept>()
  const find: FindPod = async (asked, signal) => {
    const { hostname } = asked
    const wasSigned = (await o.state.get(tables.zones, hostname)) !== undefined
    const pod = await o.findPod({ ...asked, wasSigned }, signal)
    if (pod.by === 'dnssec' && !wasSigned) await remember(o.state, hostname)
    return pod
  }
  const search = (hostname: string, pinned?: string): Promise<FoundPod> => {
    const key = `${hostname} ${pinned ?? ''}`
    const known = kept.get(key)
    if (known && clock.now() - known.atMs < keptMs) return known.pod
    kept.delete(key)
    const [oldest] = kept.keys()
    if (kept.size >= keptMax && oldest !== undefined) kept.delete(oldest)
    const forever = new AbortController().signal
    const pod = find({ hostname, pinned }, forever)
    kept.set(key, { pod, atMs: clock.now() })
    // A failure is asked about again sooner: what waits for the pod tries again within minutes.
    pod.catch(() => kept.set(key, { pod, atMs: clock.now() - keptMs + failedMs }))
    return pod
  }
  return {
    allowLocal: o.allowLocal,
    begin(dht) {
      moved = createMovedPods({ ...o, dht })
    },
    async find(hostname, pinned) {
      const place = places.get(hostname)
      if (place) return place
      const { addresses, fingerprint } = await search(hostname, pinned ?? undefined)
      return pinned ? { hostname, addresses } : { hostname, addresses, fingerprint }
    },
    moved: async (place, fingerprint, signal) =>
      (await moved?.find(place, fingerprint, signal)) ?? [],
    met: async (hostname, peer, peers) => moved?.met(hostname, peer, peers)
  }
}

/** Others say whom to look for, so there is a bound. */
async function remember(state: State, hostname: string): Promise<void> {
  const known = await state.list(tables.zones, { limit: zonesMax })
  if (known.length < zonesMax)
    await state.write([
      { type: 'put', table: tables.zones, key: hostname, value: new Uint8Array([1]) }
    ])
}

/** Finds pods by their hostnames, in the DNS and over HTTPS. */
export function podSearch(
  { connections, dns }: Pick<Config, 'connections' | 'dns'>,
  log: Log
): FindPod {
  const allowLocal = connections.groupLocal
  const signed = signedNames(dns)
  const parts = { names: createNames({ random }), signed, web: createWeb({ allowLocal }) }
  const told = new Set<string>()
  return (asked, signal) => {
    const { hostname, wasSigned } = asked
    if (wasSigned && !signed && !told.has(hostname)) {
      told.add(hostname)
      log.warn('a pod whose zone was signed is looked for in the plain DNS', {
        ...{ pod: hostname, because: 'dns.validating of muttr.json names no resolver any more' }
      })
    }
    return findPod(asked, { ...parts, clock, crypto: openPgp, allowLocal }, signal)
  }
}

/** The DNS at the resolver that validates, where muttr.json names one. */
export function signedNames({ validating }: Config['dns']): SignedNames | undefined {
  const resolver = validating === undefined ? undefined : readResolver(validating)
  return resolver && createSignedNames({ random, resolver })
}

/** Of the network file, then of muttr.json, which may name more but not other ones. */
export function podPlaces({ network, config }: Home): PodPlace[] {
  const known = new Set(network.pods.map(pod => pod.hostname))
  return [...network.pods, ...config.pods.filter(pod => !known.has(pod.hostname))]
}
