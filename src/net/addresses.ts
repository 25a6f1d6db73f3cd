import { BlockList, isIP } from 'node:net'
import type { Multiaddr } from '@multiformats/multiaddr'
import { CODE_P2P, CODE_P2P_CIRCUIT, multiaddr } from '@multiformats/multiaddr'
import { MuttrError } from '../base/errors.ts'
import { limits } from '../base/limits.ts'
import type { Contact, PeerId } from '../base/ports.ts'
import { recent } from '../base/recent.ts'

const loopback = new BlockList()
loopback.addSubnet('127.0.0.0', 8)
loopback.addAddress('::1', 'ipv6')

/** Reachable only from the same machine or network: RFC 1918, 6598, 3927, 4193, 4291, 8215; 3879, and those inside which IPv4 is hidden. */
const local = new BlockList()
for (const [net, bits] of [
  ['127.0.0.0', 8],
  ['10.0.0.0', 8],
  ['172.16.0.0', 12],
  ['192.168.0.0', 16],
  ['100.64.0.0', 10],
  ['169.254.0.0', 16],
  ['0.0.0.0', 8]
] as const) {
  local.addSubnet(net, bits)
  // The same behind a gateway: 6to4 (RFC 3056) and NAT64 (RFC 6052).
  const [a = 0, b = 0, c = 0, d = 0] = net.split('.').map(Number)
  const written = `${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`
  local.addSubnet(`2002:${written}::`, 16 + bits, 'ipv6')
  local.addSubnet(`64:ff9b::${written}`, 96 + bits, 'ipv6')
}
for (const [net, bits] of [
  ['::', 96],
  // IPv4 translated (RFC 2765), and Teredo (RFC 4380), whose end is any IPv4 address with its bits turned: nobody has one any more.
  ['::ffff:0:0:0', 96],
  ['2001::', 32],
  ['64:ff9b:1::', 48],
  ['fec0::', 10],
  ['fc00::', 7],
  ['fe80::', 10]
] as const)
  local.addSubnet(net, bits, 'ipv6')

const hostOf = (address: Multiaddr) =>
  address.getComponents().find(({ name }) => name === 'ip4' || name === 'ip6')

function isIn(list: BlockList, address: Multiaddr): boolean {
  const host = hostOf(address)
  return host?.value !== undefined && list.check(host.value, host.name === 'ip4' ? 'ipv4' : 'ipv6')
}

const isLoopback = (address: Multiaddr): boolean => isIn(loopback, address)
const isLocal = (address: Multiaddr): boolean => isIn(local, address)

/** @param ip an IPv4 or IPv6 address. @returns whether others than those in networks like ours can have it; false for what is no address. */
export function isPublic(ip: string): boolean {
  const version = isIP(ip)
  return version !== 0 && !local.check(ip, version === 4 ? 'ipv4' : 'ipv6')
}

/** How far a place is: on this machine, in networks like ours, anywhere. */
export type Scope = 'machine' | 'local' | 'public'
export const scopes: readonly Scope[] = ['machine', 'local', 'public']

/** Of a peer behind a relay: how far the relay is. A name may be anywhere. */
export const scopeOf = (address: Multiaddr): Scope =>
  isLoopback(address) ? 'machine' : isLocal(address) ? 'local' : 'public'

/** @returns null for what is no multiaddr. */
const parse = recent(4_096, (text): Multiaddr | null => {
  try {
    return text.length <= limits.addressCharsMax + 60 ? multiaddr(text) : null
  } catch {
    return null
  }
})

/** Where a multiaddr leads: its text without the `/p2p/…` at its end, and the peer it names, if any. @throws {MuttrError} `WIRE_MALFORMED` */
export function readAddress(text: string): { address: string; peer: string | undefined } {
  const parsed = parse(text)
  if (!parsed) throw new MuttrError('WIRE_MALFORMED', 'not a multiaddr')
  const last = parsed.getComponents().at(-1)
  return { address: withoutPeer(parsed), peer: last?.code === CODE_P2P ? last.value : undefined }
}

/** The peer that a relay leads to stands behind the relay's own name, which stays. */
const ofPlace = (address: Multiaddr): Multiaddr =>
  address.getComponents().at(-1)?.code === CODE_P2P ? address.decapsulateCode(CODE_P2P) : address

export const withoutPeer = (address: Multiaddr): string => ofPlace(address).toString()

export const isRelayed = (address: Multiaddr): boolean =>
  address.getComponents().some(({ code }) => code === CODE_P2P_CIRCUIT)

const relayedShape = /^(.+)\/p2p\/([^/]+)\/p2p-circuit\/p2p\/([^/]+)$/

/** Of the address of a peer behind a relay: the relay, where it is, and the peer. @returns undefined for any other address. */
export function relayOf(
  address: Multiaddr
): { relay: PeerId; at: Multiaddr; peer: PeerId } | undefined {
  const [, at, relay, peer] = relayedShape.exec(address.toString()) ?? []
  if (!at || !relay || !peer || at.includes('/p2p/')) return undefined
  return { relay, at: multiaddr(`${at}/p2p/${relay}`), peer }
}

/** What libp2p dials for a contact; what cannot be dialled is left out. */
export function dialable({ peer, addresses }: Contact): Multiaddr[] {
  const found: Multiaddr[] = []
  for (const text of addresses.slice(0, limits.contactAddressesMax)) {
    const parsed = parse(text)
    const where = parsed && ofPlace(parsed)
    // With nothing but the peer's name libp2p would go and search for it.
    if (where && where.getComponents().length > 0) found.push(where.encapsulate(`/p2p/${peer}`))
  }
  return found
}

/**
 * What a peer says of itself, as far as we would follow it: from a public place nobody sends us to private networks, and from another
 * machine nobody sends us to our own loopback. Nor to a name: what it leads to is not known before it is looked up.
 */
export function believable(addresses: readonly string[], seenAt: Multiaddr): string[] {
  const here = isLoopback(seenAt)
  const near = isLocal(seenAt)
  return tidy(
    addresses.filter(text => {
      const parsed = parse(text)
      return parsed && hostOf(parsed) && (isLoopback(parsed) ? here : near || !isLocal(parsed))
    })
  )
}

const tidy = (addresses: readonly string[]): string[] =>
  [...new Set(addresses)]
    .filter(text => text !== '' && text.length <= limits.addressCharsMax)
    .slice(0, limits.contactAddressesMax)
