import { z } from 'zod'
import { limits } from '../base/limits.ts'

/** `one.test`, lower case: labels of letters, digits and hyphens. */
export const Hostname = z
  .string()
  .max(limits.hostnameCharsMax)
  .regex(/^(?!-)[a-z0-9-]{1,63}(?<!-)(\.(?!-)[a-z0-9-]{1,63}(?<!-))*$/, 'not a lower-case hostname')

const isPort = (text: string) => /^(0|[1-9]\d{0,4})$/.test(text) && Number(text) <= 65_535

/** Only what `net` can dial or listen on; the parts are checked again when the multiaddr is parsed there. */
function isTcpAddress(address: string): boolean {
  const [empty, kind, host = '', tcp, port = '', p2p, peer, ...rest] = address.split('/')
  if (empty !== '' || tcp !== 'tcp' || !isPort(port) || rest.length > 0) return false
  if (p2p !== undefined && (p2p !== 'p2p' || !/^[1-9A-HJ-NP-Za-km-z]{40,64}$/.test(peer ?? '')))
    return false
  if (kind === 'ip4') return z.ipv4().safeParse(host).success
  if (kind === 'ip6') return z.ipv6().safeParse(host).success
  return (kind === 'dns' || kind === 'dns4' || kind === 'dns6') && Hostname.safeParse(host).success
}

/** `/ip4/127.0.0.1/tcp/4420`, also `ip6`, `dns`, `dns4`, `dns6`, with or without `/p2p/PEER`. */
export const Multiaddr = z
  .string()
  .max(limits.addressCharsMax)
  .refine(isTcpAddress, 'not a multiaddr such as /ip4/127.0.0.1/tcp/4420')

/** A v4 (40 characters) or v6 (64) OpenPGP fingerprint, lower-case hex. */
export const Fingerprint = z
  .string()
  .regex(/^([0-9a-f]{40}|[0-9a-f]{64})$/, 'not a fingerprint of 40 or 64 lower-case hex characters')

const resolverShape = /^(127(?:\.\d{1,3}){3}|\[::1\])(?::(\d{1,5}))?$/

/** @returns undefined for what is not on this machine. */
export function readResolver(text: string): { host: string; port: number } | undefined {
  const [, place, port = '53'] = resolverShape.exec(text) ?? []
  const host = place?.replace(/^\[|\]$/g, '')
  const isHost = z.union([z.ipv4(), z.ipv6()]).safeParse(host).success
  return isHost && isPort(port) && port !== '0' ? { host: host!, port: Number(port) } : undefined
}

/** `127.0.0.1`, `127.0.0.53:53`, `[::1]:5300`: on the way from elsewhere anybody could say that an answer is proved. */
export const LocalResolver = z
  .string()
  .refine(
    text => readResolver(text) !== undefined,
    'not a resolver on this machine, such as 127.0.0.1:53'
  )

/** Where a pod is, and, with a fingerprint, who it must be. */
export const PodEntry = z.strictObject({
  hostname: Hostname,
  addresses: z.array(Multiaddr).min(1).max(limits.contactAddressesMax),
  fingerprint: Fingerprint.optional(),
  /** Its channel over a WebSocket, where that is not `wss://HOSTNAME/muttr/pod/1`. */
  thin: z.url({ protocol: /^wss$/ }).max(limits.addressCharsMax).optional()
})
export type PodEntry = z.infer<typeof PodEntry>
