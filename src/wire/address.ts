import { concatBytes, equalBytes, sha256, utf8 } from '../base/bytes.ts'
import { MuttrError } from '../base/errors.ts'
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

/** An address that somebody hands out by themselves, for first letters. */
export interface PublishedPlace {
  /** Whose it is. */
  readonly alias: string
  readonly fingerprint: string
  readonly address: Uint8Array
  /** Of the pod of the alias. */
  readonly hpkeKey: Uint8Array
  readonly untilMs: Millis | null
}

const published = mapped(
  tuple(literal(1), alias, fingerprint, bytes(32), bytes(32), nullable(uint())),
  ([, alias, fingerprint, address, hpkeKey, untilMs]): PublishedPlace => ({
    ...{ alias, fingerprint, address, hpkeKey, untilMs }
  })
)
export const addressLinkScheme = 'muttr:address?'
const linkLabel = utf8('muttr address link 1')
const linkCharsMax = 1_024
const checksumBytes = 4
const checksum = (payload: Uint8Array) => sha256(linkLabel, payload).subarray(0, checksumBytes)

/** A link that carries it. */
export function makeAddressLink(p: PublishedPlace): string {
  const print = fingerprintBytes(p.fingerprint)
  const payload = encodeCbor([1, p.alias, print, p.address, p.hpkeKey, p.untilMs])
  const all = concatBytes(payload, checksum(payload))
  return addressLinkScheme + Buffer.from(all).toString('base64url')
}

/** Reads what somebody pasted. @throws {MuttrError} `LINK_INVALID`, and nothing else. */
export function readAddressLink(pasted: string): PublishedPlace {
  const refuse = (what: string): never => {
    throw new MuttrError('LINK_INVALID', what)
  }
  const link = pasted.trim()
  if (link.length > linkCharsMax) return refuse('the link is too long')
  if (!link.startsWith(addressLinkScheme)) return refuse(`no ${addressLinkScheme} link`)
  const encoded = link.slice(addressLinkScheme.length)
  const all = new Uint8Array(Buffer.from(encoded, 'base64url'))
  // Buffer skips what is not base64url; one link must have one text only.
  if (Buffer.from(all).toString('base64url') !== encoded || all.byteLength <= checksumBytes)
    return refuse('the link holds characters that do not belong there')
  const payload = all.subarray(0, -checksumBytes)
  if (!equalBytes(checksum(payload), all.subarray(-checksumBytes)))
    return refuse('the link is incomplete or mistyped')
  return decodeCbor(payload, 'a link to an address', published, linkCharsMax, 'LINK_INVALID')
}
