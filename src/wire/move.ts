import { limits } from '../base/limits.ts'
import type { Millis, PeerId } from '../base/ports.ts'
import { array, bytes, decodeCbor, encodeCbor, literal, mapped, text, tuple, uint } from './cbor.ts'
import type { Codec } from './codec.ts'
import { codec } from './codec.ts'
import { address, peerOfKey, wireContact } from './contact.ts'
import { fingerprint, fingerprintBytes } from './fingerprint.ts'
import type { KeyName } from './succession.ts'
import { keyName, writeKeyName } from './succession.ts'

/** A person's word that they have another alias, usually at another pod. Source: docs/protocol/moving.md */
export interface Move {
  readonly key: KeyName
  /** Aliases, as in `alice@pod.example`. */
  readonly from: string
  readonly to: string
  /** The pod of `to`: its certificate, a peer that serves it, and where that was. */
  readonly pod: {
    readonly fingerprint: string
    readonly peer: PeerId
    readonly addresses: string[]
  }
  /** Of two moves of one key the higher is the later. */
  readonly sequence: number
  readonly issuedMs: Millis
}

/** As carried: what it says, and the exact bytes that the key signs under {@link moveLabel}. */
export interface SignedMove {
  readonly move: Move
  readonly moveBytes: Uint8Array
  readonly signature: Uint8Array
}

export const moveLabel = 'muttr move 1'
/** Of the former pod's signature over the whole signed move. */
export const movedLabel = 'muttr moved 1'
/** Of the key under which a move stands in a person's record. */
export const moveSealLabel = 'muttr move seal 1'

const alias = text(limits.fullAliasCharsMax, 3)

const move = mapped(
  tuple(
    literal(1),
    keyName,
    alias,
    alias,
    tuple(fingerprint, bytes(32), array(address, limits.moveAddressesMax)),
    uint(),
    uint()
  ),
  ([, key, from, to, [fingerprint, peer, addresses], sequence, issuedMs]): Move => {
    if (from === to) throw new RangeError('a move that leads nowhere')
    const pod = { fingerprint, peer: peerOfKey(peer), addresses }
    return { key, from, to, pod, sequence, issuedMs }
  }
)

const signature = bytes(1, limits.signatureBytesMax)
const signed = tuple(literal(1), bytes(1, limits.moveBytesMax), signature)

/** @throws {TypeError} for a pod without an Ed25519 key. */
export function encodeMove({ key, from, to, pod, sequence, issuedMs }: Move): Uint8Array {
  const [peer, addresses] = wireContact(pod) ?? []
  if (!peer) throw new TypeError('a peer without an Ed25519 key')
  const where = [
    fingerprintBytes(pod.fingerprint),
    peer,
    addresses!.slice(0, limits.moveAddressesMax)
  ]
  return encodeCbor([1, writeKeyName(key), from, to, where, sequence, issuedMs])
}

export const encodeSignedMove = (moveBytes: Uint8Array, signature: Uint8Array): Uint8Array =>
  encodeCbor([1, moveBytes, signature])

/** Reads a stranger's frame; the signature is not checked here. @throws {MuttrError} `MOVE_INVALID` or `WIRE_TOO_LARGE`, and nothing else. */
export function decodeSignedMove(frame: Uint8Array): SignedMove {
  const max = limits.signedMoveBytesMax
  const [, moveBytes, signature] = decodeCbor(frame, 'a move', signed, max, 'MOVE_INVALID')
  const said = decodeCbor(moveBytes, 'a move', move, limits.moveBytesMax, 'MOVE_INVALID')
  return { move: said, moveBytes, signature }
}

const frame = bytes(1, limits.signedMoveBytesMax)

/** The identified key leaves an alias for another, see docs/protocol/moving.md. */
export const moveRequest: Codec<{ move: Uint8Array }> = codec(
  'a request to move',
  limits.signedMoveBytesMax + 16,
  tuple(frame),
  ([move]) => ({ move }),
  m => [m.move]
)

/** The former pod's OpenPGP signature over the signed move, under {@link movedLabel}. */
export const moveAnswer: Codec<{ signature: Uint8Array }> = codec(
  'an answer to move',
  limits.signatureBytesMax + 16,
  tuple(signature),
  ([signature]) => ({ signature }),
  a => [a.signature]
)

/** An alias that was left. */
export interface Moved {
  /** The key's certificate, as the pod knew it last. */
  readonly certificate: Uint8Array
  /** A signed move. */
  readonly move: Uint8Array
  /** As {@link moveAnswer}. */
  readonly signature: Uint8Array
}

export const movedAnswer: Codec<Moved | null> = codec(
  'where an alias moved',
  limits.certificateBytesMax + limits.signedMoveBytesMax + limits.signatureBytesMax + 32,
  array(tuple(bytes(1, limits.certificateBytesMax), frame, signature), 1),
  ([found]) => (found ? { certificate: found[0], move: found[1], signature: found[2] } : null),
  m => (m ? [[m.certificate, m.move, m.signature]] : [])
)
