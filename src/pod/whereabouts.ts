import type { Clock, Log, Network, PeerKeys, Random } from '../base/ports.ts'
import type { Publisher, RecordDht } from '../replicas/publisher.ts'
import { createPublisher } from '../replicas/publisher.ts'
import { keyOfPeer } from '../wire/contact.ts'
import { encodeWhereabouts, whereaboutsKind } from '../wire/records/whereabouts.ts'

interface Parts {
  dht: RecordDht
  /** W of the network. */
  quorum: number
  network: Pick<Network, 'contact'>
  clock: Clock
  random: Random
  log: Log
  keys: PeerKeys
  hostname: string
  /** Of the pod's certificate. */
  fingerprint: string
  hpkeKey: Uint8Array
}

const everyMs = 3_600_000
const retryMs = 30_000
const lookEveryMs = 30_000

/** Keeps the record of where this pod is: now, when its addresses change, every hour. Source: docs/protocol/record.md#where-a-pod-is */
export function publishWhereabouts(parts: Parts): Publisher {
  const { network, keys, hostname, fingerprint, hpkeKey } = parts
  return createPublisher({
    ...parts,
    kind: whereaboutsKind,
    rhythm: { everyMs, retryMs },
    lookEveryMs,
    async say() {
      const { addresses } = network.contact()
      const body = encodeWhereabouts(keys.self, { hostname, addresses, fingerprint, hpkeKey })
      const author = keyOfPeer(keys.self)
      if (!body || !author) return undefined
      return { author: { scheme: 0, bytes: author }, body, sign: bytes => keys.sign(bytes) }
    }
  })
}
