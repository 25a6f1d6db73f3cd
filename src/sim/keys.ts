import { concatBytes, equalBytes, sha256, utf8 } from '../base/bytes.ts'
import { MuttrError } from '../base/errors.ts'
import type { PeerId, PeerKeys, Place, PlaceOf } from '../base/ports.ts'
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
export const simPlaceOf: PlaceOf = peer => {
  const key = keyOfPeer(peer)
  if (!key) throw new MuttrError('WIRE_MALFORMED', 'not a peer id')
  return sha256(Uint8Array.of(0, 0x24, 0x08, 0x01, 0x12, 0x20), key)
}

/** {@link simPlaceOf}, computed once for all nodes of a world. */
export function sharedPlaces(): PlaceOf {
  const places = new Map<PeerId, Place>()
  return peer => {
    let place = places.get(peer)
    if (!place) places.set(peer, (place = simPlaceOf(peer)))
    return place
  }
}
