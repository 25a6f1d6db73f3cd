import type { Contact } from '../base/ports.ts'

const ip4 = /^\/ip4\/(\d+)\.(\d+)\.(\d+)\.\d+\//
const ip6 = /^\/ip6\/([0-9a-f:]+)\//i
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

/** The first 48 bits as text, or undefined for loopback, link-local and unique local addresses. */
function subnet6(address: string): string | undefined {
  const [head = '', tail] = address.split('::')
  const groups = head === '' ? [] : head.split(':')
  const behind = tail === undefined || tail === '' ? [] : tail.split(':')
  while (tail !== undefined && groups.length + behind.length < 8) groups.push('0')
  const [a = 0, b = 0, c = 0] = [...groups, ...behind].map(g => Number.parseInt(g, 16))
  const local =
    (a === 0 && b === 0 && c === 0) || (a & 0xfe00) === 0xfc00 || (a & 0xffc0) === 0xfe80
  return local ? undefined : `${a}:${b}:${c}`
}

/**
 * The networks a contact counts against: its public IPv4 /24s, IPv6 /48s and DNS names. Loopback and private ranges are free:
 * there, one machine may well be a whole network.
 */
export function subnetsOf({ addresses }: Contact): readonly string[] {
  let found: Set<string> | undefined
  for (const address of addresses) {
    const subnet = subnetOf(address)
    if (subnet !== undefined) found = (found ?? new Set()).add(subnet)
  }
  return found ? [...found] : none
}

function subnetOf(address: string): string | undefined {
  const v4 = ip4.exec(address)
  if (v4) {
    const [a, b, c] = [Number(v4[1]), Number(v4[2]), Number(v4[3])]
    return isPrivate4(a, b) ? undefined : `${a}.${b}.${c}`
  }
  const v6 = ip6.exec(address)
  if (v6) return subnet6(v6[1]!)
  return address.startsWith('/dns') ? address.split('/')[2] : undefined
}
