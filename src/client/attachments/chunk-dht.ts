import { MuttrError } from '../../base/errors.ts'
import type { Contact, Millis, PeerId } from '../../base/ports.ts'
import type { Dht } from '../../seed/dht.ts'
import type { Blob } from '../../wire/blob.ts'
import { encodeTombstone } from '../../wire/tombstone.ts'

export interface ChunkDhtParts {
  dht: Pick<Dht, 'put' | 'release'>
  /** Our own peer, when it is a seed too. */
  ourPeer: PeerId
  /** Where to ask through a pod. */
  relay(pod: string): Promise<Contact>
}

const putMs: Millis = 60_000
/** Thousands of chunks at a pressed seed's price would be work for hours: they wait, or go to others. */
const factorMax = 16

const through = async (parts: ChunkDhtParts, via: string | null) =>
  via === null ? {} : { via: await parts.relay(via) }

/**
 * Stores a chunk as often as it takes for a letter to be announced, and leaves the rest to its holders.
 * @returns whether holders said that it is too much for them.
 */
export async function putChunk(
  parts: ChunkDhtParts,
  via: string | null,
  blob: Blob,
  signal: AbortSignal
): Promise<boolean> {
  const how = { signal, timeoutMs: putMs, copies: 'quorum' as const, factorMax }
  const put = await parts.dht.put(blob, { ...how, ...(await through(parts, via)) })
  if (put.acknowledgements.every(({ holder }) => holder === parts.ourPeer))
    throw new MuttrError('NETWORK_EMPTY', 'no other seed could be reached')
  return put.limited > 0 || put.asked > 1
}

/** Takes a chunk back. */
export async function releaseChunk(
  parts: ChunkDhtParts,
  via: string | null,
  o: { headerBytes: Uint8Array; retract: Uint8Array },
  signal: AbortSignal
): Promise<void> {
  const tombstone = encodeTombstone({ ...o, accept: null, receipt: null })
  await parts.dht.release(tombstone, { signal, ...(await through(parts, via)) })
}
