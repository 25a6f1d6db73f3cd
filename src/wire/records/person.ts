import { fromHex } from '../../base/bytes.ts'
import { limits } from '../../base/limits.ts'
import type { PeerId } from '../../base/ports.ts'
import { array, bytes, decodeCbor, encodeCbor, literal, mapped, text, tuple } from '../cbor.ts'
import { keyOfPeer, peerOfKey } from '../contact.ts'
import { fingerprint, fingerprintBytes } from '../fingerprint.ts'
import { recordKeyOf } from '../record.ts'

/** The record of a person; its author is the person's OpenPGP key. */
export const personKind = 'person'

/** A pod that has a mailbox of the person, and how to know it. */
export interface PersonPod {
  readonly hostname: string
  readonly peer: PeerId
  /** Of the pod's OpenPGP certificate, lower-case hex. */
  readonly fingerprint: string
  /** The person's aliases there, without `@hostname`; 1 to {@link limits.personNamesMax}. */
  readonly names: readonly string[]
}

/** Source: docs/protocol/record.md#which-pods-a-person-uses */
export interface PersonRecord {
  /** Moves, each sealed for those who know the key by the alias that it left; at most {@link limits.recordMovesMax}. */
  readonly moves: readonly Uint8Array[]
  /** The one to write to first; none when the person took the record back. At most {@link limits.personPodsMax}. */
  readonly pods: readonly PersonPod[]
}

const pod = mapped(
  tuple(
    text(limits.hostnameCharsMax, 1),
    bytes(32),
    fingerprint,
    array(text(limits.aliasCharsMax, 1), limits.personNamesMax, 1)
  ),
  ([hostname, peer, fingerprint, names]): PersonPod => ({
    hostname,
    peer: peerOfKey(peer),
    fingerprint,
    names: distinct(names)
  })
)

const sealedMove = bytes(1, limits.signedMoveBytesMax)

const person = mapped(
  tuple(literal(1), array(pod, limits.personPodsMax), array(sealedMove, limits.recordMovesMax)),
  ([, pods, moves]) => {
    distinct(pods.map(({ hostname }) => hostname))
    return { pods, moves }
  }
)

function distinct(names: string[]): string[] {
  if (new Set(names).size < names.length) throw new TypeError('a name stands twice')
  return names
}

/** @returns the body of a record. Pods and names beyond the limits, and pods without an Ed25519 key, are left out. */
export const encodePerson = ({ pods, moves }: PersonRecord): Uint8Array =>
  encodeCbor([
    1,
    pods
      .filter(({ peer, names }) => keyOfPeer(peer) && names.length > 0)
      .slice(0, limits.personPodsMax)
      .map(p => [
        p.hostname,
        keyOfPeer(p.peer),
        fingerprintBytes(p.fingerprint),
        p.names.slice(0, limits.personNamesMax)
      ]),
    moves.slice(0, limits.recordMovesMax)
  ])

/** @throws {MuttrError} `RECORD_INVALID` or `WIRE_TOO_LARGE`, and nothing else. */
export const decodePerson = (body: Uint8Array): PersonRecord =>
  decodeCbor(body, 'a person', person, limits.recordBytesMax, 'RECORD_INVALID')

/** @param pin hex SHA-256 of the primary key packet's body, as certificates have it. */
export const personKey = (pin: string): Uint8Array => recordKeyOf(personKind, 1, fromHex(pin, 32)!)
