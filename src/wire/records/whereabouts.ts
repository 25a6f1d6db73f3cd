import { limits } from '../../base/limits.ts'
import type { PeerId } from '../../base/ports.ts'
import { array, bytes, decodeCbor, encodeCbor, literal, mapped, text, tuple } from '../cbor.ts'
import { address, keyOfPeer, wireContact } from '../contact.ts'
import { fingerprint, fingerprintBytes } from '../fingerprint.ts'
import { recordKeyOf } from '../record.ts'

/** The record of a pod; its author is the pod's peer key. */
export const whereaboutsKind = 'pod'

/** Where a pod is. The peer is the author of the record. Source: docs/protocol/record.md#where-a-pod-is */
export interface Whereabouts {
  readonly hostname: string
  /** Multiaddrs without `/p2p/`, 1 to {@link limits.contactAddressesMax}. */
  readonly addresses: readonly string[]
  /** Of the pod's OpenPGP certificate, lower-case hex. */
  readonly fingerprint: string
  /** X25519 public key to which notices are sealed. 32 bytes. */
  readonly hpkeKey: Uint8Array
}

const whereabouts = mapped(
  tuple(
    literal(1),
    text(limits.hostnameCharsMax, 1),
    array(address, limits.contactAddressesMax, 1),
    fingerprint,
    bytes(32)
  ),
  ([, hostname, addresses, fingerprint, hpkeKey]): Whereabouts => ({
    hostname,
    addresses,
    fingerprint,
    hpkeKey
  })
)

/** @returns the body of a record; undefined when the peer has no address that others could dial, or no Ed25519 key. */
export function encodeWhereabouts(peer: PeerId, w: Whereabouts): Uint8Array | undefined {
  const [, addresses] = wireContact({ peer, addresses: w.addresses }) ?? [null, []]
  if (addresses.length === 0) return undefined
  return encodeCbor([1, w.hostname, addresses, fingerprintBytes(w.fingerprint), w.hpkeKey])
}

/** @throws {MuttrError} `RECORD_INVALID` or `WIRE_TOO_LARGE`, and nothing else. */
export const decodeWhereabouts = (body: Uint8Array): Whereabouts =>
  decodeCbor(body, 'where a pod is', whereabouts, limits.recordBytesMax, 'RECORD_INVALID')

/** @returns the key of the record of the pod with this peer id, or undefined when its key is not Ed25519. */
export function whereaboutsKey(peer: PeerId): Uint8Array | undefined {
  const id = keyOfPeer(peer)
  return id && recordKeyOf(whereaboutsKind, 0, id)
}
