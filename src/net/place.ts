import type { PeerId as Libp2pPeerId } from '@libp2p/interface'
import { peerIdFromString } from '@libp2p/peer-id'
import { sha256 } from '../base/bytes.ts'
import { MuttrError } from '../base/errors.ts'
import { limits } from '../base/limits.ts'
import type { PeerId, Place, PlaceOf } from '../base/ports.ts'
import { recent } from '../base/recent.ts'

/** @throws {MuttrError} `WIRE_MALFORMED` when `peer` is no peer id. */
export const parsePeer: (peer: PeerId) => Libp2pPeerId = recent(4_096, peer => {
  try {
    if (peer.length > limits.peerIdCharsMax) throw new TypeError('too long')
    const id = peerIdFromString(peer)
    if (id.toString() !== peer) throw new TypeError('not in its base58btc form')
    return id
  } catch (cause) {
    throw new MuttrError('WIRE_MALFORMED', 'not a peer id', { cause })
  }
})

export const placeOf: PlaceOf = recent(
  8_192,
  (peer): Place => sha256(parsePeer(peer).toMultihash().bytes)
)
