import { limits } from '../base/limits.ts'
import type { Contact } from '../base/ports.ts'
import { recent } from '../base/recent.ts'

const ip4 = /^\/ip4\/(\d+)\.(\d+)\.(\d+)\.\d+\//
const ip6 = /^\/ip6\/([0-9a-f:.]+)\//i
const none: readonly string[] = []

function isPrivate4(a: number, b: number): boolean {
  return (
    a === 127 ||
    a === 10 ||
    (a === 172 && b >= 16 && b < 32) ||
    (a === 192 && b === 168) ||
    (a === 169 && b === 254) ||
    (a === 100 && b >= 64 && b < 128)
  )
}

/** A dual-stack socket's name for an IPv4 address: `::ffff:192.0.2.1`, or the same in hex. */
const mapped4 = /^(?:0*:)*:?:?ffff:(?:(\d+)\.(\d+)\.(\d+)\.\d+|([0-9a-f]{1,4}):([0-9a-f]{1,4}))$/i

function octetsOf(address: string): [number, number, number] | undefined {
  const found = mapped4.exec(address)
  if (!found) return undefined
  if (found[1] !== undefined) return [Number(found[1]), Number(found[2]), Number(found[3])]
  const [high, low] = [Number.parseInt(found[4]!, 16), Number.parseInt(found[5]!, 16)]
  return [high >> 8, high & 255, low >> 8]
}

const ip4AtEnd = /(\d+)\.(\d+)\.(\d+)\.(\d+)$/
const group = (high: string, low: string): string => ((+high << 8) | +low).toString(16)

/** Eight numbers. */
function groupsOf(address: string): number[] {
  const written = address.replace(ip4AtEnd, (_, a, b, c, d) => `${group(a, b)}:${group(c, d)}`)
  const [head = '', tail] = written.split('::')
  const groups = head === '' ? [] : head.split(':')
  const behind = tail === undefined || tail === '' ? [] : tail.split(':')
  while (tail !== undefined && groups.length + behind.length < 8) groups.push('0')
  return [...groups, ...behind].map(g => Number.parseInt(g, 16))
}

/** The first 48 bits as text, or undefined for loopback, link-local and unique local addresses. */
function subnet6(address: string, withLocal = false): string | undefined {
  const [a = 0, b = 0, c = 0] = groupsOf(address)
  const local =
    (a === 0 && b === 0 && c === 0) || (a & 0xfe00) === 0xfc00 || (a & 0xff80) === 0xfe80
  return local && !withLocal ? undefined : `${a.toString(16)}:${b.toString(16)}:${c.toString(16)}`
}

/**
 * The networks a contact counts against: its public IPv4 /24s, IPv6 /48s and DNS names. Loopback and private ranges are free:
 * there, one machine may well be a whole network.
 */
export function subnetsOf({ addresses }: Contact): readonly string[] {
  let found: Set<string> | undefined
  for (const address of addresses) {
    const { subnet } = whereabouts(address)
    if (subnet !== undefined) found = (found ?? new Set()).add(subnet)
  }
  return found ? [...found] : none
}

/** The same addresses are named again and again. */
const whereabouts = recent(16_384, address => ({
  subnet: subnetOf(address),
  reach: reachOf(address)
}))

/**
 * The network that a multiaddr counts against: an IPv4 /24, an IPv6 /48, or a DNS name.
 * @param withLocal also of loopback and private ranges, which are free otherwise.
 */
export function subnetOf(address: string, withLocal = false): string | undefined {
  const v4 = ip4.exec(address)
  const v6 = v4 ? null : ip6.exec(address)
  const octets: readonly number[] | undefined = v4
    ? v4.slice(1, 4).map(Number)
    : v6
      ? octetsOf(v6[1]!)
      : undefined
  if (octets) {
    const [a = 0, b = 0, c = 0] = octets
    return isPrivate4(a, b) && !withLocal ? undefined : `${a}.${b}.${c}`
  }
  if (v6) return subnet6(v6[1]!, withLocal)
  return address.startsWith('/dns') ? address.split('/')[2] : undefined
}

/** How far an address leads: within this machine (0), within networks like ours (1), anywhere (2); undefined for what is no IP address. */
function reachOf(address: string): 0 | 1 | 2 | undefined {
  const v4 = ip4.exec(address)
  if (v4) return reach4(Number(v4[1]), Number(v4[2]))
  const v6 = ip6.exec(address)
  if (!v6) return undefined
  if (subnet6(v6[1]!) !== undefined) return reachOfGateway(groupsOf(v6[1]!))
  return /^[0:]/.test(v6[1]!) ? 0 : 1 // with other zeros than ::1, an IPv4 address is written inside
}

function reach4(a: number, b: number): 0 | 1 | 2 {
  if (a === 127) return 0
  return a === 0 || isPrivate4(a, b) ? 1 : 2
}

/** Of an address that a gateway makes an IPv4 address of: how far that leads. 6to4 (RFC 3056), NAT64 (RFC 6052, 8215), Teredo (RFC 4380). */
function reachOfGateway([a, b = 0, c, d, e, f, g = 0]: number[]): 0 | 1 | 2 {
  if (a === 0x2002) return reach4(b >> 8, b & 255)
  if (a === 0x2001 && b === 0) return 1
  if (a !== 0x64 || b !== 0xff9b) return 2
  if (c === 1) return 1
  return c || d || e || f ? 2 : reach4(g >> 8, g & 255)
}

/** Whether a multiaddr begins with an IP address that others than those in networks like ours can have. */
export const isAnywhere = (address: string): boolean => reachOf(`${address}/`) === 2

/**
 * What `teller` says of where others are, as far as we would follow it: nobody sends us to a network that is nearer than its own, into
 * our house or onto our own machine, nobody makes us ask a name server, and nobody has us knock at one network more often than
 * peers of it may stand in our table. A contact that loses all its addresses can still be reached by a connection that there is.
 */
export function believed(teller: Contact, told: readonly Contact[]): Contact[] {
  let nearest = 2
  for (const address of teller.addresses)
    nearest = Math.min(nearest, whereabouts(address).reach ?? 2)
  const counts = new Map<string, number>()
  const isBelieved = (address: string): boolean => {
    const { reach, subnet } = whereabouts(address)
    if ((reach ?? -1) < nearest) return false
    if (subnet === undefined) return true
    const count = (counts.get(subnet) ?? 0) + 1
    counts.set(subnet, count)
    return count <= limits.subnetPeersMax
  }
  return told.map(contact => {
    const addresses: string[] = []
    for (const address of contact.addresses)
      if (addresses.length < limits.hearsayAddressesMax && isBelieved(address))
        addresses.push(address)
    return addresses.length === contact.addresses.length
      ? contact
      : { peer: contact.peer, addresses }
  })
}
