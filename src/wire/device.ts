import { limits } from '../base/limits.ts'
import type { Millis, PeerId } from '../base/ports.ts'
import { bytes, decodeCbor, encodeCbor, literal, mapped, text, tuple, uint } from './cbor.ts'
import { fingerprintOctets } from './fingerprint.ts'

/** A person's word that a device acts for them at one pod. Source: docs/protocol/device.md */
export interface Statement {
  /** Of the person's primary key: 20 bytes (version 4) or 32 (version 6). */
  readonly fingerprint: Uint8Array
  /** The device's Ed25519 public key, 32 bytes. */
  readonly deviceKey: Uint8Array
  readonly peer: PeerId
  /** The pod's hostname. */
  readonly pod: string
  readonly issuedMs: Millis
  /** At most {@link limits.deviceLifeMsMax} after {@link issuedMs}. */
  readonly untilMs: Millis
}

/** A statement as carried: what it says, and the exact bytes that are signed. */
export interface SignedStatement {
  readonly statement: Statement
  readonly statementBytes: Uint8Array
  /** A detached OpenPGP signature by the person, with {@link statementLabel}. */
  readonly signature: Uint8Array
}

export const statementLabel = 'muttr device statement 1'

const statement = mapped(
  tuple(
    literal(1),
    fingerprintOctets,
    bytes(32),
    text(limits.peerIdCharsMax, 1),
    text(limits.hostnameCharsMax, 1),
    uint(),
    uint()
  ),
  ([, fingerprint, deviceKey, peer, pod, issuedMs, untilMs]): Statement => {
    const lifeMs = untilMs - issuedMs
    if (lifeMs <= 0 || lifeMs > limits.deviceLifeMsMax) throw new RangeError('a life of 90 days')
    return { fingerprint, deviceKey, peer, pod, issuedMs, untilMs }
  }
)

const signed = tuple(
  literal(1),
  bytes(1, limits.deviceStatementBytesMax),
  bytes(1, limits.signatureBytesMax)
)

export const encodeStatement = (s: Statement): Uint8Array =>
  encodeCbor([1, s.fingerprint, s.deviceKey, s.peer, s.pod, s.issuedMs, s.untilMs])

/** A person's word to a pod that a device acts for them no more. Source: docs/protocol/device.md */
export interface Dismissal {
  /** 20 bytes (version 4) or 32 (version 6). */
  readonly fingerprint: Uint8Array
  readonly deviceKey: Uint8Array
  readonly pod: string
  readonly atMs: Millis
}

export const dismissalLabel = 'muttr device dismissal 1'

const dismissal = mapped(
  tuple(literal(1), fingerprintOctets, bytes(32), text(limits.hostnameCharsMax, 1), uint()),
  ([, fingerprint, deviceKey, pod, atMs]): Dismissal => ({ fingerprint, deviceKey, pod, atMs })
)

export const encodeDismissal = (d: Dismissal): Uint8Array =>
  encodeCbor([1, d.fingerprint, d.deviceKey, d.pod, d.atMs])

/** The signature is not checked here. @throws {MuttrError} `STATEMENT_INVALID` or `WIRE_TOO_LARGE`, and nothing else. */
export function decodeSignedDismissal(frame: Uint8Array): {
  dismissal: Dismissal
  dismissalBytes: Uint8Array
  signature: Uint8Array
} {
  const max = limits.deviceStatementBytesMax
  const what = 'a device dismissal'
  const [, dismissalBytes, signature] = decodeCbor(frame, what, signed, max, 'STATEMENT_INVALID')
  const read = decodeCbor(dismissalBytes, what, dismissal, max, 'STATEMENT_INVALID')
  return { dismissal: read, dismissalBytes, signature }
}

/** Of a statement or a dismissal. */
export const encodeSignedStatement = (
  statementBytes: Uint8Array,
  signature: Uint8Array
): Uint8Array => encodeCbor([1, statementBytes, signature])

/** Reads a stranger's frame; the signature is not checked here. @throws {MuttrError} `STATEMENT_INVALID` or `WIRE_TOO_LARGE`, and nothing else. */
export function decodeSignedStatement(frame: Uint8Array): SignedStatement {
  const max = limits.deviceStatementBytesMax
  const what = 'a device statement'
  const [, statementBytes, signature] = decodeCbor(frame, what, signed, max, 'STATEMENT_INVALID')
  return {
    statement: decodeCbor(statementBytes, what, statement, max, 'STATEMENT_INVALID'),
    statementBytes,
    signature
  }
}
