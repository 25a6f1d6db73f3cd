import { concatBytes, equalBytes, sha256, utf8 } from '../base/bytes.ts'
import { MuttrError } from '../base/errors.ts'
import { limits } from '../base/limits.ts'
import type { Contact } from '../base/ports.ts'
import type { Field } from './cbor.ts'
import { array, bool, bytes, decodeCbor, encodeCbor, literal, mapped, tuple } from './cbor.ts'
import { address, peerOfKey, wireContact } from './contact.ts'
import type { DeviceCard } from './sync.ts'
import { deviceCard, writeDeviceCard } from './sync.ts'

/** How a new device becomes one of a person's. Source: docs/protocol/link.md */
export const linkProtocol = '/muttr/link/1'
export const linkMethods = {
  hello: 'link-hello',
  prove: 'link-prove',
  next: 'link-next',
  done: 'link-done'
} as const

/** What the device that is there shows, for one other to come by. */
export interface LinkCode {
  /** The device that is there, and where it can be dialled: 1 to 4 addresses. */
  readonly at: Contact
  /** 16 bytes, for one session. */
  readonly secret: Uint8Array
}

export const linkSecretBytes = 16
export const linkNonceBytes = 16
const linkProofBytes = 32
export const codeAddressesMax = 4
/** One answer carries so much of the stream. */
export const linkPartBytesMax = limits.blobBytesMax
const scheme = 'muttr:device?'
const label = utf8('muttr device code 1')
const checksumBytes = 4
const codeCharsMax = 2_048
const frameBytesMax = 512

const checksum = (payload: Uint8Array) => sha256(label, payload).subarray(0, checksumBytes)

const code: Field<LinkCode> = mapped(
  tuple(literal(1), bytes(32), array(address, codeAddressesMax, 1), bytes(linkSecretBytes)),
  ([, key, addresses, secret]) => ({ at: { peer: peerOfKey(key), addresses }, secret })
)

const invalid = (
  why: string,
  hint = 'Copy the whole `muttr:device?` code that the other device shows.'
): MuttrError => new MuttrError('LINK_INVALID', why, { hint })

/** @returns `muttr:device?` and base64url, without line breaks. @throws {MuttrError} `LINK_INVALID` when it would not be readable again */
export function makeLinkCode({ at, secret }: LinkCode): string {
  const [key, addresses] = wireContact(at) ?? []
  const payload = encodeCbor([1, key, addresses, secret])
  const made = scheme + Buffer.from(concatBytes(payload, checksum(payload))).toString('base64url')
  readLinkCode(made)
  return made
}

/** Reads what somebody pasted or scanned. @throws {MuttrError} `LINK_INVALID`, and nothing else, ever. */
export function readLinkCode(pasted: string): LinkCode {
  const text = pasted.trim()
  if (text.startsWith('muttr:') && !text.startsWith(scheme))
    throw invalid(
      'that is a link to join by, and no code of a device',
      'For a new home: `muttr init --join LINK`; for one that is there: `muttr join LINK`.'
    )
  if (text.length > codeCharsMax) throw invalid('the code is too long')
  if (!text.startsWith(scheme)) throw invalid('no code of a device')
  const encoded = text.slice(scheme.length)
  const all = new Uint8Array(Buffer.from(encoded, 'base64url'))
  // Buffer skips what is not base64url; one code must have one text only.
  if (Buffer.from(all).toString('base64url') !== encoded || all.byteLength <= checksumBytes)
    throw invalid('the code holds characters that do not belong there')
  const payload = all.subarray(0, -checksumBytes)
  if (!equalBytes(checksum(payload), all.subarray(-checksumBytes)))
    throw invalid('the code is incomplete or mistyped')
  return decodeCbor(payload, 'a code of a device', code, codeCharsMax, 'LINK_INVALID')
}

const onlyVersion = tuple(literal(1))

/** link-hello, link-next and link-done ask, and link-prove and link-done answer: `[1]`. */
export const encodeLinkWord = (): Uint8Array => encodeCbor([1])
export const decodeLinkWord = (frame: Uint8Array): void =>
  void decodeCbor(frame, 'a word of linking', onlyVersion, 8)

/** Answers link-hello: 16 bytes, for one proof. */
export const encodeChallenge = (nonce: Uint8Array): Uint8Array => encodeCbor([1, nonce])
export const decodeChallenge = (frame: Uint8Array): Uint8Array =>
  decodeCbor(frame, 'a challenge', tuple(literal(1), bytes(linkNonceBytes)), 32)[1]

/** What the new device says of itself. */
export interface Knock {
  readonly card: DeviceCard
  /** It wants letters too. */
  readonly history: boolean
  /** 32 bytes. */
  readonly proof: Uint8Array
}

const knock: Field<Knock> = mapped(
  tuple(literal(1), deviceCard, bool, bytes(linkProofBytes)),
  ([, card, history, proof]) => ({ card, history, proof })
)

export const encodeKnock = ({ card, history, proof }: Knock): Uint8Array =>
  encodeCbor([1, writeDeviceCard(card), history, proof])
export const decodeKnock = (frame: Uint8Array): Knock =>
  decodeCbor(frame, 'a proof of a new device', knock, frameBytesMax)

/** What the proof is made over. */
export const knockBytes = (
  { card, history }: Pick<Knock, 'card' | 'history'>,
  { nonce, host }: { nonce: Uint8Array; host: string }
): Uint8Array => encodeCbor(['muttr link proof 1', nonce, host, writeDeviceCard(card), history])

/** A piece of the stream, and whether it is the last. */
export interface LinkPart {
  readonly last: boolean
  readonly part: Uint8Array
}
const part: Field<LinkPart> = mapped(
  tuple(literal(1), bool, bytes(0, linkPartBytesMax)),
  ([, last, part]) => ({ last, part })
)

export const encodeLinkPart = (p: LinkPart): Uint8Array => encodeCbor([1, p.last, p.part])
export const decodeLinkPart = (frame: Uint8Array): LinkPart =>
  decodeCbor(frame, 'a part of what a device holds', part, linkPartBytesMax + 16)
