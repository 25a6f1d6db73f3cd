import { concatBytes, equalBytes, sha256, utf8 } from '../base/bytes.ts'
import { MuttrError } from '../base/errors.ts'
import type { PeerId, PeerKeys, Place, PlaceOf } from '../base/ports.ts'
import { recent } from '../base/recent.ts'
import { keyOfPeer, peerOfKey } from '../wire/contact.ts'

const label = utf8('muttr sim signature')

/**
 * A stand-in for peer keys: the same sizes on the wire and the same answers among those who keep to the rules, at a hundredth of
 * Ed25519's time. Whoever knows a peer id can sign in its name, so it says nothing about forgers.
 * @param key 32 bytes that stand for the public key.
 */
export function standInKeys(key: Uint8Array): PeerKeys {
  const signatureOf = (key: Uint8Array, bytes: Uint8Array) => {
    const half = sha256(label, key, bytes)
    return concatBytes(half, half)
  }
  return {
    self: peerOfKey(key),
    sign: bytes => signatureOf(key, bytes),
    verify(peer, bytes, signature) {
      const key = keyOfPeer(peer)
      return key !== undefined && equalBytes(signatureOf(key, bytes), signature)
    }
  }
}

/** As the shipped one, for Ed25519 ids: SHA-256 of the multihash. */
export const simPlaceOf: PlaceOf = recent(16_384, peer => {
  const key = keyOfPeer(peer)
  if (!key) throw new MuttrError('WIRE_MALFORMED', 'not a peer id')
  return sha256(Uint8Array.of(0, 0x24, 0x08, 0x01, 0x12, 0x20), key)
})

export interface Places {
  /** {@link simPlaceOf}, computed once for all nodes of a world; but for those that somebody minted. */
  readonly placeOf: PlaceOf
  /** As if `peer` were one of so many ids that were tried that it stands there. Before anybody asks for its place. */
  mint(peer: PeerId, place: Place): void
}

export function sharedPlaces(): Places {
  const places = new Map<PeerId, Place>()
  return {
    placeOf(peer) {
      let place = places.get(peer)
      if (!place) places.set(peer, (place = simPlaceOf(peer)))
      return place
    },
    mint: (peer, place) => void places.set(peer, place)
  }
}

/** Leading bytes that minted places share with their target: nearer than chance puts anybody. */
const mintedBytes = 4

/** A place next to `target`. @param tail 32 random bytes */
export const mintedPlace = (target: Place, tail: Uint8Array): Place =>
  concatBytes(target.subarray(0, mintedBytes), tail.subarray(mintedBytes))
