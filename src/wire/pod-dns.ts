import { limits } from '../base/limits.ts'
import type { PeerId } from '../base/ports.ts'

/** A pod in the DNS: where it is (SRV) and, no better than the zone is signed, who (TXT); both under this name. Source: docs/protocol/finding.md */
export const podService = (hostname: string): string => `_muttr._tcp.${hostname}`

export interface PodTxt {
  readonly peer: PeerId
  /** Of the pod's certificate, lower-case hex. */
  readonly fingerprint: string
}

const version = 'v=muttr1'

/** One string of at most 255 bytes. */
export const encodePodTxt = ({ peer, fingerprint }: PodTxt): string =>
  `${version}; id=${peer}; fp=${fingerprint}`

/**
 * @param text one TXT record, its strings joined. Fields that are not known are passed over.
 * @returns undefined for another program's record, and for one that is not whole.
 */
export function decodePodTxt(text: string): PodTxt | undefined {
  if (text.length > txtCharsMax) return undefined
  const [first, ...rest] = text.split(';').map(part => part.trim())
  if (first !== version) return undefined
  const said = new Map(rest.map(part => part.split('=', 2) as [string, string]))
  const [peer = '', fingerprint = ''] = [said.get('id'), said.get('fp')?.toLowerCase()]
  const isWhole =
    /^[1-9A-HJ-NP-Za-km-z]{40,64}$/.test(peer) && /^([0-9a-f]{40}|[0-9a-f]{64})$/.test(fingerprint)
  return isWhole && peer.length <= limits.peerIdCharsMax ? { peer, fingerprint } : undefined
}

const txtCharsMax = 1_024

/** A record as an operator publishes it. */
export interface DnsRecord {
  /** Without the dot at the end. */
  readonly name: string
  readonly type: 'A' | 'AAAA' | 'CNAME' | 'SRV' | 'TXT'
  readonly value: string
}

export interface PodOnTheNet extends PodTxt {
  readonly hostname: string
  /** Where people dial it. */
  readonly port: number
  /** Public ones, IPv4 and IPv6. */
  readonly addresses: readonly string[]
  /** GnuPG asks there first, where it is. */
  readonly openpgpkey: boolean
}

/** What must be in the DNS, so that others find a pod by its hostname. */
export function podRecords(pod: PodOnTheNet): DnsRecord[] {
  const { hostname, port, addresses, openpgpkey } = pod
  const service = podService(hostname)
  const at = addresses.map((value): DnsRecord => {
    return { name: hostname, type: value.includes(':') ? 'AAAA' : 'A', value }
  })
  return [
    ...at,
    { name: service, type: 'SRV', value: `0 0 ${port} ${hostname}` },
    { name: service, type: 'TXT', value: encodePodTxt(pod) },
    ...(openpgpkey
      ? [{ name: `openpgpkey.${hostname}`, type: 'CNAME' as const, value: hostname }]
      : [])
  ]
}
