import { limits } from '../base/limits.ts'
import type { Contact, PeerId } from '../base/ports.ts'
import { recent } from '../base/recent.ts'
import type { Field } from './cbor.ts'
import { array, bytes, Encoded, encodeCbor, mapped, tuple } from './cbor.ts'
import { KnownContacts } from './known-contacts.ts'

/**
 * A contact on the wire: `[key, [address, …]]`, the peer's Ed25519 key (32 bytes) in place of its 52 characters, an IPv4 TCP
 * address as 6 bytes, the same behind a relay as 38 with the relay's key, any other as text. So twenty contacts fit one packet.
 * Source: docs/protocol/dht.md
 */
export type WireContact = readonly [Uint8Array, readonly (Uint8Array | string)[]]

const alphabet = '123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz'
const digitOf = new Map([...alphabet].map((char, digit) => [char, digit]))
/** Three digits at once: 58^3 times 2^32 is still exact in a double. */
const triple = 58 ** 3
/** Every Ed25519 peer id is 0x00 0x24 0x08 0x01 0x12 0x20 and the key, in base58: 52 characters. */
const prefix = [0x24, 0x08011220] as const
const peerChars = 52
const keyBytes = 32

/** @returns the peer id of an Ed25519 key: base58btc of its identity multihash. */
export const peerOfKey = (key: Uint8Array): PeerId =>
  peerNamed(Buffer.from(key.buffer, key.byteOffset, keyBytes).toString('latin1'))

/** A seed hears of the same peers again and again, and the arithmetic was half of reading an answer to find-node. */
const peerNamed = recent(16_384, (key): PeerId => encodePeer(Buffer.from(key, 'latin1')))

function encodePeer(key: Uint8Array): PeerId {
  const view = new DataView(key.buffer, key.byteOffset, keyBytes)
  const limbs: number[] = [...prefix]
  for (let i = 0; i < keyBytes; i += 4) limbs.push(view.getUint32(i))
  let text = ''
  for (let first = 0; first < limbs.length; ) {
    let rest = 0
    for (let i = first; i < limbs.length; i++) {
      const value = rest * 2 ** 32 + limbs[i]!
      limbs[i] = Math.floor(value / triple)
      rest = value % triple
    }
    text =
      alphabet[Math.floor(rest / 3364)]! +
      alphabet[Math.floor(rest / 58) % 58]! +
      alphabet[rest % 58]! +
      text
    while (first < limbs.length && limbs[first] === 0) first++
  }
  return text.padStart(peerChars, '1')
}

/** @returns the Ed25519 key of a peer id, 32 bytes, or undefined when it is another kind or no peer id. */
export function keyOfPeer(peer: PeerId): Uint8Array | undefined {
  if (peer.length !== peerChars || !peer.startsWith('12D3KooW')) return undefined
  const limbs = new Array<number>(10).fill(0)
  for (let at = 0; at < peerChars; at++) {
    let carry = digitOf.get(peer[at]!)
    if (carry === undefined) return undefined
    for (let i = limbs.length - 1; i >= 0; i--) {
      const value = limbs[i]! * 58 + carry
      carry = Math.floor(value / 2 ** 32)
      limbs[i] = value % 2 ** 32
    }
    if (carry > 0) return undefined
  }
  if (limbs[0] !== prefix[0] || limbs[1] !== prefix[1]) return undefined
  const key = new Uint8Array(keyBytes)
  const view = new DataView(key.buffer)
  for (let i = 0; i < 8; i++) view.setUint32(4 * i, limbs[i + 2]!)
  return key
}

const ip4Tcp = /^\/ip4\/(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})\/tcp\/(\d{1,5})$/
/** Printable ASCII in the shape of a multiaddr; what it means is for the dialler to judge. */
const multiaddr = /^(?:\/[\x21-\x2e\x30-\x7e]+)+$/

const relayed = /^(.+)\/p2p\/([1-9A-HJ-NP-Za-km-z]{52})\/p2p-circuit$/

/** @returns the 6 bytes, or undefined unless the text is exactly what {@link unpackAddress} makes of them. */
function packAddress(address: string): Uint8Array | undefined {
  const parts = ip4Tcp.exec(address)
  if (!parts) return undefined
  const [a, b, c, d, port] = parts.slice(1).map(Number) as [number, number, number, number, number]
  if (a > 255 || b > 255 || c > 255 || d > 255 || port > 65_535) return undefined
  const made = Uint8Array.of(a, b, c, d, port >> 8, port & 255)
  return unpackAddress(made) === address ? made : undefined
}

/** @returns the 38 bytes of an address behind a relay: the relay's own 6, and its key. */
function packRelayed(address: string): Uint8Array | undefined {
  const [, at, relay] = relayed.exec(address) ?? []
  const [place, key] = [at && packAddress(at), relay && keyOfPeer(relay)]
  return place && key ? Buffer.concat([place, key]) : undefined
}

const unpackAddress = (p: Uint8Array): string =>
  `/ip4/${p[0]}.${p[1]}.${p[2]}.${p[3]}/tcp/${(p[4]! << 8) | p[5]!}`

const unpackRelayed = (p: Uint8Array): string =>
  `${unpackAddress(p)}/p2p/${peerOfKey(p.slice(6))}/p2p-circuit`

/** As it stands on the wire. */
export const packed = (address: string): Uint8Array | string =>
  packAddress(address) ?? packRelayed(address) ?? address

/** A multiaddr in the bounds of the wire, naming no peer but, behind a relay, the relay. */
const fitsText = (text: string): boolean =>
  text.length <= limits.addressCharsMax &&
  multiaddr.test(text) &&
  (!text.includes('/p2p/') || isRelayedText(text))

function isRelayedText(text: string): boolean {
  const [, at, relay] = relayed.exec(text) ?? []
  return at !== undefined && !at.includes('/p2p') && keyOfPeer(relay!) !== undefined
}

/** As text; on the wire six bytes where it is IPv4 and TCP, 38 where that is the address of a relay. */
export const address: Field<string> = value => {
  if (value instanceof Uint8Array && value.byteLength === 6) return unpackAddress(value)
  if (value instanceof Uint8Array && value.byteLength === 6 + keyBytes) return unpackRelayed(value)
  if (typeof value !== 'string' || !fitsText(value) || packed(value) !== value)
    throw new TypeError('an address')
  return value
}

const readContact: Field<Contact> = mapped(
  tuple(bytes(keyBytes), array(address, limits.contactAddressesMax)),
  ([key, addresses]): Contact => ({ peer: peerOfKey(key), addresses })
)

const known = new KnownContacts()

/** Each is read once, and is one object wherever it is named, so that what was learned of it (its subnets, its bytes) is found again. */
export const contact: Field<Contact> = value => {
  const [key, addresses] = Array.isArray(value) ? (value as unknown[]) : []
  const at: unknown = Array.isArray(addresses) && addresses.length === 1 ? addresses[0] : undefined
  const isUsual =
    key instanceof Uint8Array &&
    key.byteLength === keyBytes &&
    at instanceof Uint8Array &&
    at.byteLength === 6
  if (!isUsual) return readContact(value)
  const met = known.find(key, 0, at, 0)
  if (met) return met
  const contact = readContact(value)
  known.remember(key, at, contact)
  return contact
}

/** Of a list of less than 24: where all of them are of the usual kind and known, each is so many bytes. */
const usualBytes = 43
const [keyAt, addressAt] = [3, 37]

/**
 * As `decodeCbor` with {@link contacts} reads them from `[contacts]`, without taking the bytes apart.
 * @returns undefined unless all of them were read before, to the byte, and nothing else is there: then they have to be read.
 */
export function knownContacts(frame: Uint8Array): Contact[] | undefined {
  const count = (frame[1] ?? 0) - 0x80
  const isList = frame[0] === 0x81 && count >= 0 && count < 24 && count <= limits.contactsMax
  if (!isList || frame.byteLength !== 2 + count * usualBytes) return undefined
  const out: Contact[] = []
  for (let at = 2; at < frame.byteLength; at += usualBytes) {
    const isUsual =
      frame[at] === 0x82 &&
      frame[at + 1] === 0x58 &&
      frame[at + 2] === keyBytes &&
      frame[at + 35] === 0x81 &&
      frame[at + 36] === 0x46
    const met = isUsual ? known.find(frame, at + keyAt, frame, at + addressAt) : undefined
    if (!met) return undefined
    out.push(met)
  }
  return out
}

const encoded = new WeakMap<Contact, Encoded>()

/**
 * Addresses that have no place on the wire are left out.
 * @returns undefined for a peer whose id is not made of an Ed25519 key: such a peer cannot sign acknowledgements.
 */
export function wireContact(contact: Contact): WireContact | undefined {
  const key = keyOfPeer(contact.peer)
  if (!key) return undefined
  const addresses = contact.addresses
    .filter(fitsText)
    .slice(0, limits.contactAddressesMax)
    .map(packed)
  return [key, addresses]
}

/** The same, as its bytes. */
function encodedContact(contact: Contact): Encoded | undefined {
  const known = encoded.get(contact)
  if (known) return known
  const item = wireContact(contact)
  if (!item) return undefined
  const made = new Encoded(encodeCbor(item))
  encoded.set(contact, made)
  return made
}

export const contacts = (max: number = limits.contactsMax): Field<Contact[]> => array(contact, max)

/** For `encodeCbor`. */
export const wireContacts = (list: readonly Contact[]): Encoded[] =>
  list
    .map(encodedContact)
    .filter(made => made !== undefined)
    .slice(0, limits.contactsMax)
