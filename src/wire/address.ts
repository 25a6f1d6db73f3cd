import { limits } from '../base/limits.ts'
import type { Millis } from '../base/ports.ts'
import type { Field } from './cbor.ts'
import {
  bool,
  bytes,
  decodeCbor,
  encodeCbor,
  literal,
  mapped,
  nullable,
  text,
  tuple,
  uint
} from './cbor.ts'
import { fingerprint, fingerprintBytes } from './fingerprint.ts'

/** Where letters of a correspondent are announced. Source: docs/protocol/address.md */
export interface AddressPlace {
  /** 32 random bytes. */
  readonly address: Uint8Array
  /** Hostname of the pod that takes notices for it. */
  readonly pod: string
  /** That pod's, to seal notices to. 32 bytes. */
  readonly hpkeKey: Uint8Array
}

/** The same, with the key that its slips are sealed by. */
export interface RelationPlace extends AddressPlace {
  /** 32 random bytes, known to the two alone. */
  readonly secret: Uint8Array
}

/** What stands in a slip, signed and sealed, in the place of a letter's sender: where the reader's letters are announced from now on. */
export interface AddressOffer {
  readonly fingerprint: string
  /** Of the sender. */
  readonly alias: string
  /** The reader, by a key of theirs and by the alias that the sender knows: nobody else can do anything with it. */
  readonly to: { readonly fingerprint: string; readonly alias: string }
  /** The notice's, so that it is moved to no other. */
  readonly key: Uint8Array
  /** A later one takes the place of an earlier. */
  readonly madeMs: Millis
  /** Null: the intro address, as before. */
  readonly place: RelationPlace | null
  /** The address that the reader gave may have leaked, or is lost: another is asked for. */
  readonly renew: boolean
}

const label = 'muttr address 1'
const alias = text(limits.fullAliasCharsMax, 3)
const hostname = text(limits.hostnameCharsMax, 1)

export const addressPlace: Field<AddressPlace> = mapped(
  tuple(bytes(32), hostname, bytes(32)),
  ([address, pod, hpkeKey]) => ({ address, pod, hpkeKey })
)
export const writePlace = (p: AddressPlace): unknown[] => [p.address, p.pod, p.hpkeKey]

export const relationPlace: Field<RelationPlace> = mapped(
  tuple(bytes(32), hostname, bytes(32), bytes(32)),
  ([address, pod, hpkeKey, secret]) => ({ address, pod, hpkeKey, secret })
)
export const writeRelationPlace = (p: RelationPlace): unknown[] => [...writePlace(p), p.secret]

const offer = mapped(
  tuple(
    literal(label),
    tuple(fingerprint, alias),
    tuple(fingerprint, alias),
    bytes(32),
    uint(),
    nullable(relationPlace),
    bool
  ),
  ([, from, to, key, madeMs, place, renew]): AddressOffer => ({
    fingerprint: from[0],
    alias: from[1],
    to: { fingerprint: to[0], alias: to[1] },
    ...{ key, madeMs, place, renew }
  })
)

export const encodeOffer = (o: AddressOffer): Uint8Array =>
  encodeCbor([
    label,
    [fingerprintBytes(o.fingerprint), o.alias],
    [fingerprintBytes(o.to.fingerprint), o.to.alias],
    o.key,
    o.madeMs,
    o.place && writeRelationPlace(o.place),
    o.renew
  ])

/** Whether what a slip says is an offer: an array of seven that begins with its label. */
export const isOffer = (plaintext: Uint8Array): boolean =>
  plaintext[0] === 0x87 &&
  plaintext[1] === 0x60 + label.length &&
  Buffer.from(plaintext.subarray(2, 2 + label.length)).toString() === label

/** @throws {MuttrError} `NOTICE_INVALID` or `WIRE_TOO_LARGE`, and nothing else. */
export const decodeOffer = (plaintext: Uint8Array): AddressOffer =>
  decodeCbor(plaintext, 'an offered address', offer, limits.slipBytes, 'NOTICE_INVALID')
