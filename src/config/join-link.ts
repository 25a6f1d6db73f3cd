import { concatBytes, equalBytes, fromHex, sha256, toHex, utf8 } from '../base/bytes.ts'
import { MuttrError } from '../base/errors.ts'
import { limits } from '../base/limits.ts'
import { addressLinkScheme } from '../wire/address.ts'
import {
  array,
  bytes,
  decodeCbor,
  encodeCbor,
  literal,
  mapped,
  nullable,
  text,
  tuple,
  uint
} from '../wire/cbor.ts'
import { Fingerprint, Hostname } from './fields.ts'
import type { NetworkFile } from './network.ts'
import { checkNetwork } from './network.ts'

/** What one link hands to a newcomer; every part may be missing, but not all. Source: docs/protocol/join-link.md */
export interface JoinLink {
  network: NetworkFile | null
  /** Hostname of the pod to register at. */
  pod: string | null
  invite: string | null
  /** Somebody to write to, with the fingerprint (hex) that the link vouches for. */
  contact: { alias: string; fingerprint: string } | null
}

/** A link must fit into a mail, a chat line or a dense QR code. */
const linkCharsMax = 16 * 1024
const scheme = 'muttr:'
const label = utf8('muttr link 1')
const checksumBytes = 4
const checksum = (payload: Uint8Array) => sha256(label, payload).subarray(0, checksumBytes)
const fingerprint = mapped(bytes(20, 32), print => Fingerprint.parse(toHex(print)))

const podEntry = mapped(
  tuple(
    text(limits.hostnameCharsMax, 1),
    array(text(limits.addressCharsMax, 1), limits.contactAddressesMax, 1),
    nullable(fingerprint)
  ),
  ([hostname, addresses, print]) => ({
    hostname,
    addresses,
    ...(print === null ? {} : { fingerprint: print })
  })
)

const networkFile = mapped(
  tuple(
    text(64, 1),
    text(2_000),
    array(text(limits.addressCharsMax, 1), 64),
    array(podEntry, 256),
    uint(20, 1),
    uint(20, 1)
  ),
  ([name, description, seeds, pods, replicas, quorum]) =>
    checkNetwork({ name, description, seeds, pods, parameters: { replicas, quorum } })
)

const joinLink = mapped(
  tuple(
    literal(1),
    nullable(networkFile),
    nullable(mapped(text(limits.hostnameCharsMax, 1), name => Hostname.parse(name))),
    nullable(text(200, 1)),
    nullable(tuple(text(limits.aliasCharsMax + 1 + limits.hostnameCharsMax, 1), fingerprint))
  ),
  ([, network, pod, invite, contact]): JoinLink => ({
    network,
    pod,
    invite,
    contact: contact && { alias: contact[0], fingerprint: contact[1] }
  })
)

const hexBytes = (hex: string): Uint8Array => {
  const made = fromHex(hex, hex.length / 2)
  if (!made) throw new MuttrError('LINK_INVALID', 'a fingerprint that is not hex')
  return made
}

const networkFields = (n: NetworkFile) => [
  n.name,
  n.description,
  n.seeds,
  n.pods.map(({ hostname, addresses, fingerprint: print }) => [
    hostname,
    addresses,
    print === undefined ? null : hexBytes(print)
  ]),
  n.parameters.replicas,
  n.parameters.quorum
]

/** @returns `muttr:` and base64url, without line breaks. @throws {MuttrError} `LINK_INVALID` when it would not be readable again. */
export function makeJoinLink(link: JoinLink): string {
  const payload = encodeCbor([
    1,
    link.network && networkFields(link.network),
    link.pod,
    link.invite,
    link.contact && [link.contact.alias, hexBytes(link.contact.fingerprint)]
  ])
  const made = scheme + Buffer.from(concatBytes(payload, checksum(payload))).toString('base64url')
  readJoinLink(made)
  return made
}

/** Reads what somebody pasted. @throws {MuttrError} `LINK_INVALID`, and nothing else, ever. */
export function readJoinLink(pasted: string): JoinLink {
  const link = pasted.trim()
  if (link.length > linkCharsMax) throw new MuttrError('LINK_INVALID', 'the link is too long')
  if (link.startsWith('muttr:device?'))
    throw new MuttrError('LINK_INVALID', 'that is the code of a device, and no link to join by', {
      hint: 'On the new device: `muttr link`, before anything is set up there.'
    })
  if (link.startsWith(addressLinkScheme))
    throw new MuttrError('LINK_INVALID', "that is somebody's address, and no link to join by", {
      hint: 'Write to them by it: `muttr address use LINK`.'
    })
  if (!link.startsWith(scheme)) throw new MuttrError('LINK_INVALID', 'no muttr: link')
  const encoded = link.slice(scheme.length)
  const all = new Uint8Array(Buffer.from(encoded, 'base64url'))
  // Buffer skips what is not base64url; one link must have one text only.
  if (Buffer.from(all).toString('base64url') !== encoded || all.byteLength <= checksumBytes)
    throw new MuttrError('LINK_INVALID', 'the link holds characters that do not belong there')
  const payload = all.subarray(0, -checksumBytes)
  if (!equalBytes(checksum(payload), all.subarray(-checksumBytes)))
    throw new MuttrError('LINK_INVALID', 'the link is incomplete or mistyped')
  const read = decodeCbor(payload, 'a join link', joinLink, linkCharsMax, 'LINK_INVALID')
  if (!read.network && !read.pod && !read.invite && !read.contact)
    throw new MuttrError('LINK_INVALID', 'an empty link')
  return read
}
