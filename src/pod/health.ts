import type { Failure, Millis, PeerId } from '../base/ports.ts'
import type { DnsRecord } from '../wire/pod-dns.ts'
import { decodePodTxt } from '../wire/pod-dns.ts'
import type { PortSeen } from './health-ports.ts'

/** What was found of one thing that a pod needs. Codes are API, and stand in docs/guides/pod.md; a good finding has none. */
export interface Finding {
  readonly what: string
  readonly level: 'good' | 'warning' | 'bad'
  readonly code: HealthCode | null
  readonly detail: string
  readonly hint: string | null
  /** How much of it is used up, from 0 to 1. */
  readonly used?: number
  /** Of a port: who saw what. */
  readonly seen?: readonly PortSeen[]
}

export type HealthCode =
  | 'POD_DOWN'
  | 'NODE_CHECK'
  | 'DNS_UNANSWERED'
  | 'DNS_NONE'
  | 'DNS_MISSING'
  | 'DNS_OTHER'
  | 'DOOR_OFF'
  | 'DOOR_UNREACHABLE'
  | 'DOOR_OTHER'
  | 'TLS_NONE'
  | 'TLS_ENDS'
  | 'TLS_STALE'
  | 'DISK_SHORT'
  | 'MEMORY_SHORT'
  | 'NETWORK_SMALL'
  | 'PORT_CLOSED'
  | 'PORT_PARTLY'
  | 'PORTS_UNSEEN'

const dayMs: Millis = 24 * 3_600_000
export const good = (what: string, detail: string, used?: number): Finding => ({
  ...{ what, level: 'good', code: null, detail, hint: null },
  ...(used !== undefined && { used })
})
const found =
  (level: 'warning' | 'bad') =>
  (what: string, code: HealthCode, detail: string, hint: string, used?: number): Finding => ({
    ...{ what, level, code, detail, hint },
    ...(used !== undefined && { used })
  })
export const warning = found('warning')
export const bad = found('bad')

/** What the name servers say under a name. */
export interface Seen {
  readonly addresses: readonly string[]
  readonly services: readonly { host: string; port: number }[]
  readonly texts: readonly string[]
}

/**
 * The DNS beside what should be in it.
 * @param wanted as `podRecords` of src/wire/pod-dns.ts. @param seen the failure, when the name servers did not answer.
 * @param siblings the other processes that serve the pod: its name may lead to any of them.
 */
export function judgeDns(
  wanted: readonly DnsRecord[],
  seen: Seen | Failure,
  siblings: readonly PeerId[] = []
): Finding[] {
  if ('code' in seen)
    return [
      bad(
        'dns',
        'DNS_UNANSWERED',
        seen.message,
        'Ask again; then look at the name servers of this machine and of the zone.'
      )
    ]
  const of = (...types: DnsRecord['type'][]) => wanted.filter(({ type }) => types.includes(type))
  const publish = (records: readonly DnsRecord[]) =>
    `Publish: ${records.map(({ name, type, value }) => `${name}. ${type} ${type === 'TXT' ? `"${value}"` : value}`).join('; ')}`
  return [
    judgeAddresses(of('A', 'AAAA'), seen.addresses),
    judgeService(of('SRV'), seen, publish, siblings),
    judgeText(of('TXT'), seen, publish, siblings)
  ]
}

type Publish = (records: readonly DnsRecord[]) => string

function judgeAddresses(wanted: readonly DnsRecord[], seen: readonly string[]): Finding {
  const [name, own] = ['dns address', wanted.map(({ value }) => value)]
  if (seen.length === 0)
    return bad(
      name,
      'DNS_MISSING',
      'the hostname has no address',
      `Publish A and AAAA records${own.length > 0 ? `: ${own.join(', ')}` : ' with the public addresses of this machine'}.`
    )
  const strange = seen.filter(address => !own.includes(address))
  if (own.length === 0)
    return good(
      name,
      `${seen.join(', ')}; this machine has no public address of its own to compare`
    )
  if (strange.length === 0) return good(name, seen.join(', '))
  const hint = `This machine has ${own.join(', ')}. That is well behind a proxy or a forwarded port; else correct the records.`
  return warning(name, 'DNS_OTHER', `${strange.join(', ')} is not of this machine`, hint)
}

function judgeService(
  wanted: readonly DnsRecord[],
  { services }: Seen,
  publish: Publish,
  siblings: readonly PeerId[]
): Finding {
  const [, , port, host] = wanted[0]?.value.split(' ') ?? []
  const shown = services.map(s => `${s.host}:${s.port}`)
  if (services.length === 0)
    return warning('dns service', 'DNS_NONE', 'there is no SRV record', publish(wanted))
  const fits = services.some(s => String(s.port) === port && s.host === host)
  if (!fits && siblings.length > 0 && services.every(s => s.host === host))
    return good('dns service', `${shown.join(', ')}; this process listens at ${port}`)
  return fits
    ? good('dns service', shown.join(', '))
    : bad(
        'dns service',
        'DNS_OTHER',
        `SRV says ${shown.join(', ')}, and the pod is at ${host}:${port}`,
        publish(wanted)
      )
}

function judgeText(
  wanted: readonly DnsRecord[],
  { texts }: Seen,
  publish: Publish,
  siblings: readonly PeerId[]
): Finding {
  const own = decodePodTxt(wanted[0]?.value ?? '')
  const read = texts.map(decodePodTxt).filter(txt => txt !== undefined)
  if (read.length === 0)
    return warning('dns key', 'DNS_NONE', 'there is no TXT record of the pod', publish(wanted))
  const peers = [own?.peer, ...siblings]
  const wrong = read.filter(
    txt => txt.fingerprint !== own?.fingerprint || !peers.includes(txt.peer)
  )
  return wrong.length === 0
    ? good('dns key', `names ${own?.fingerprint}`)
    : bad(
        'dns key',
        'DNS_OTHER',
        `TXT names another key or peer: ${wrong[0]?.fingerprint}`,
        publish(wanted)
      )
}

export interface DoorSeen {
  readonly mode: 'files' | 'acme' | 'proxy'
  readonly port: number
  readonly untilMs: Millis | null
  readonly problem: Failure | null
}

const soonMs = 14 * dayMs

/** @param door null where it is off. */
export function judgeDoor(door: DoorSeen | null, nowMs: Millis): Finding[] {
  if (!door)
    return [
      warning(
        'door',
        'DOOR_OFF',
        'there is no HTTPS: GnuPG and browsers find nothing, and who finds the pod by its hostname believes the plain DNS',
        'Set `pod.https` in muttr.json; `muttr pod init --help` names the modes.'
      )
    ]
  const { mode, port, untilMs, problem } = door
  const open = good('door', `${mode}, port ${port}`)
  if (mode === 'proxy') return [open]
  if (untilMs === null)
    return [
      open,
      bad(
        'certificate',
        'TLS_NONE',
        problem?.message ?? 'none yet',
        problem?.hint ?? 'Wait a minute and look again.'
      )
    ]
  const days = Math.floor((untilMs - nowMs) / dayMs)
  const until = days < 0 ? 'has ended' : `ends in ${days} days`
  if (untilMs - nowMs < soonMs)
    return [
      open,
      bad(
        'certificate',
        'TLS_ENDS',
        `it ${until}${problem ? `; ${problem.message}` : ''}`,
        problem?.hint ?? 'Renew it.'
      )
    ]
  return [
    open,
    problem
      ? warning(
          'certificate',
          'TLS_STALE',
          `it ${until}, and there is none newer: ${problem.message}`,
          problem.hint
        )
      : good('certificate', until)
  ]
}

/** @param shown the fingerprint that `https://HOST/.well-known/muttr` shows, seen from here; undefined when nothing is there. */
export function judgePage(own: string, shown: string | undefined | Failure): Finding {
  const name = 'https'
  if (typeof shown === 'object')
    return bad(
      name,
      'DOOR_UNREACHABLE',
      shown.message,
      'Others see the same, unless only this machine cannot reach itself: firewall, port 443, the chain of the certificate.'
    )
  if (shown === undefined)
    return bad(
      name,
      'DOOR_UNREACHABLE',
      'nothing answers there as a pod does',
      'Open port 443; a proxy must pass on /.well-known/ and /pks/.'
    )
  return shown === own
    ? good(name, 'answers with the key of this pod, under a certificate that this machine trusts')
    : bad(
        name,
        'DOOR_OTHER',
        `another pod answers there: ${shown}`,
        'The DNS or the proxy leads elsewhere.'
      )
}

const MiB = 2 ** 20
const GiB = 2 ** 30

interface Room {
  freeBytes: number
  totalBytes: number
}

interface Need {
  what: string
  code: HealthCode
  hint: string
  /** Below so much free it is bad, and a warning. */
  badBytes: number
  warningBytes: number
}

function judgeRoom({ freeBytes, totalBytes }: Room, need: Need): Finding {
  const { what, code, hint, badBytes, warningBytes } = need
  const size = (bytes: number) =>
    bytes < 10 * GiB ? `${Math.round(bytes / MiB)} MiB` : `${(bytes / GiB).toFixed(1)} GiB`
  const detail = `${size(freeBytes)} free of ${size(totalBytes)}`
  const used = totalBytes > 0 ? 1 - freeBytes / totalBytes : 0
  if (freeBytes >= warningBytes) return good(what, detail, used)
  return (freeBytes < badBytes ? bad : warning)(what, code, detail, hint, used)
}

export const judgeDisk = (room: Room): Finding =>
  judgeRoom(room, {
    ...{ what: 'disk', code: 'DISK_SHORT', badBytes: GiB / 4, warningBytes: 2 * GiB },
    hint: 'Make room, or lower store.capBytes and pod.ahead.'
  })

export const judgeMemory = (room: Room): Finding =>
  judgeRoom(room, {
    ...{ what: 'memory', code: 'MEMORY_SHORT', badBytes: 64 * MiB, warningBytes: 192 * MiB },
    hint: 'A pod wants 512 MiB for itself; lower connections.max, or take a larger machine.'
  })

/**
 * Whether a letter is safe in this network: it is kept by R nodes, and counts as stored at W.
 * @param nodes seeds there are, this one included.
 */
export function judgeNetwork(o: { nodes: number; replicas: number; quorum: number }): Finding {
  const { nodes, replicas, quorum } = o
  const name = 'network'
  const has = `${nodes} ${nodes === 1 ? 'seed' : 'seeds'}`
  const hint = `Letters want ${replicas} seeds that stay, in ${Math.ceil(replicas / 2)} networks at least: run one at other people's places, as bootstrap/README.md says.`
  if (nodes < quorum)
    return bad(
      name,
      'NETWORK_SMALL',
      `${has}: fewer than the ${quorum} copies at which a letter counts as stored, so each that is away can be the last`,
      hint
    )
  if (nodes < replicas)
    return warning(
      name,
      'NETWORK_SMALL',
      `${has}: each keeps every letter, and ${replicas} copies are wanted`,
      hint
    )
  if (nodes < 2 * replicas)
    return warning(
      name,
      'NETWORK_SMALL',
      `${has}: enough for ${replicas} copies, and few to take over when some of them go`,
      hint
    )
  return good(name, `${has}, ${replicas} copies of each letter among them`)
}
