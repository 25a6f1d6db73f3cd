import type { Dht } from '../../seed/dht.ts'
import type { ClientParts } from '../create-client.ts'
import type { Pods } from '../pods.ts'
import type { StrangersBy } from '../stranger-fetch.ts'
import { createBlindDht } from './blind-dht.ts'

/** How letters are fetched and released: as anybody's, or by the hands of pods that do not know whose they are. */
export function readingParts(
  { dht, isBlind, strangersBy = 'relayed', ...parts }: ClientParts,
  { pods, life }: { pods: Pick<Pods, 'asking'>; life: AbortSignal }
): { reading: Pick<Dht, 'get' | 'release'>; strangersBy: StrangersBy } {
  if (!isBlind) return { reading: dht, strangersBy }
  const { random, keys } = parts
  const hostnames = parts.pods.map(({ hostname }) => hostname)
  const { asking } = pods
  const reading = createBlindDht({ asking, pods: () => hostnames, random, keys, life })
  return { reading, strangersBy: 'direct' }
}
