import { sha256, toHex, utf8 } from '../../base/bytes.ts'
import { limits } from '../../base/limits.ts'
import type { PeerId } from '../../base/ports.ts'
import { compareDistance } from '../../routing/distance.ts'
import { density } from '../../routing/size.ts'
import type { Figure, Table } from '../../sim/result.ts'
import { average, quantile } from '../full/figures.ts'
import type { Seen, Walked } from './walk.ts'

/**
 * What stands in tables for a peer: 12 hex digits of SHA-256 over salt and id.
 * @param salt random bytes that are kept nowhere: without them a name leads to no peer.
 */
export const nameWith =
  (salt: Uint8Array) =>
  (peer: PeerId): string =>
    toHex(sha256(salt, utf8(peer))).slice(0, 12)

/** Each peer that was heard of, beside the others. */
export interface Measured {
  tables: Record<string, Table>
  figures: Record<string, Figure>
}

interface Edges {
  /** By how many of those that answered it is named. */
  namedBy: Map<PeerId, number>
  all: number
  /** To those that answered. */
  live: number
  mutual: number
}

/** A seed's neighbourhood tells how many there are only where it is not the whole network. */
const estimatesMin = 5

/** Tables and figures of one walk. @param withIds with peer ids and addresses */
export function measureWalk(
  walked: Walked,
  o: { nameOf: (peer: PeerId) => string; withIds: boolean; withEdges: boolean }
): Measured {
  const peers = [...walked.peers.values()]
  const answered = peers.filter(({ state }) => state === 'answered')
  const edges = edgesOf(walked, answered)
  const known = nearestKnown(answered)
  return {
    tables: {
      peers: peersTable(peers, { ...o, edges, known }),
      ...(o.withEdges && { edges: edgesTable(answered, o.nameOf) })
    },
    figures: figuresOf(walked, { peers, answered, edges, known })
  }
}

function edgesOf({ peers }: Walked, answered: readonly Seen[]): Edges {
  const namedBy = new Map<PeerId, number>()
  let [all, live, mutual] = [0, 0, 0]
  for (const { contact, named } of answered)
    for (const peer of named) {
      const other = peers.get(peer)
      namedBy.set(peer, (namedBy.get(peer) ?? 0) + 1)
      if (!other || other.state === 'untried') continue
      all += 1
      if (other.state !== 'answered') continue
      live += 1
      if (other.named.has(contact.peer)) mutual += 1
    }
  return { namedBy, all, live, mutual }
}

/** Of those that told all of their table: which part of the 20 nearest to them, among all that answered, stands in it. */
function nearestKnown(answered: readonly Seen[]): Map<Seen, number> {
  const sorted = answered.toSorted((a, b) => Buffer.compare(a.place, b.place))
  const shares = new Map<Seen, number>()
  for (const seen of answered) {
    if (!seen.isWhole || answered.length < 2) continue
    const nearest = nearestTo(seen, sorted)
    const there = nearest.filter(({ contact }) => seen.named.has(contact.peer)).length
    shares.set(seen, there / nearest.length)
  }
  return shares
}

/** All that share some bits with a place stand together in the order of places; so many of them suffice. */
function nearestTo(seen: Seen, sorted: readonly Seen[]): Seen[] {
  const count = Math.min(limits.contactsMax, sorted.length - 1)
  let [from, to] = [0, sorted.length]
  for (let bit = 0; ; bit++) {
    const isSet = (at: number) => ((sorted[at]!.place[bit >> 3]! >> (7 - (bit & 7))) & 1) === 1
    let [middle, end] = [from, to]
    while (middle < end) {
      const half = (middle + end) >> 1
      if (isSet(half)) end = half
      else middle = half + 1
    }
    const ours = (seen.place[bit >> 3]! >> (7 - (bit & 7))) & 1
    const [low, high] = ours === 1 ? [middle, to] : [from, middle]
    if (high - low <= count || bit === 255) break
    ;[from, to] = [low, high]
  }
  return sorted
    .slice(from, to)
    .filter(other => other !== seen)
    .sort((a, b) => compareDistance(seen.place, a.place, b.place))
    .slice(0, count)
}

interface Found {
  peers: readonly Seen[]
  answered: readonly Seen[]
  edges: Edges
  known: ReadonlyMap<Seen, number>
}

function figuresOf(walked: Walked, { peers, answered, edges, known }: Found): Measured['figures'] {
  const figures: Measured['figures'] = {}
  const add = (name: string, unit: string, value: number | undefined) => {
    if (value !== undefined && Number.isFinite(value)) figures[name] = { value, unit }
  }
  const tried = peers.filter(({ state }) => state !== 'untried').length
  const whole = answered.filter(({ isWhole }) => isWhole)
  const tableSizes = whole.map(({ named }) => named.size)
  const rtts = answered.flatMap(({ rttMs }) => rttMs ?? [])
  const inDegrees = answered.map(({ contact }) => edges.namedBy.get(contact.peer) ?? 0)
  add('seen', 'peers', peers.length)
  add('answered', 'peers', answered.length)
  add('reachable', 'share of those tried', answered.length / tried)
  add('not tried', 'peers', peers.length - tried)
  add('size estimate', 'nodes', estimateOf(walked, whole))
  add('rtt ms p50', 'ms', quantile(rtts, 0.5))
  add('rtt ms p95', 'ms', quantile(rtts, 0.95))
  add('tables read whole', 'share of those that answered', whole.length / answered.length)
  add('table size mean', 'contacts', average(tableSizes))
  add('in-degree mean', 'tables', average(inDegrees))
  add('in-degree p5', 'tables', quantile(inDegrees, 0.05))
  add('in-degree p95', 'tables', quantile(inDegrees, 0.95))
  add('entries that answer', 'share', edges.live / edges.all)
  add('entries both ways', 'share', edges.mutual / edges.live)
  add('nearest 20 known', 'share', average([...known.values()]))
  add('requests', 'requests', walked.requests)
  return figures
}

/** What the peers themselves could tell: each one's nearest 20 are so dense. The median, so that a crowded corner does not count. */
function estimateOf({ peers }: Walked, whole: readonly Seen[]): number | undefined {
  const estimates = whole.flatMap(seen => {
    const places = [...seen.named].flatMap(peer => peers.get(peer)?.place ?? [])
    const near = places.sort((a, b) => compareDistance(seen.place, a, b))
    const isAll = near.length <= limits.contactsMax
    return isAll ? [] : (density(seen.place, near.slice(0, limits.contactsMax)) ?? [])
  })
  return estimates.length < estimatesMin ? undefined : quantile(estimates, 0.5)
}

function peersTable(
  peers: readonly Seen[],
  o: Pick<Found, 'edges' | 'known'> & { nameOf: (peer: PeerId) => string; withIds: boolean }
): Table {
  const rows = peers.map(seen => {
    const { contact, state, server, rttMs, named, isWhole } = seen
    const answers = state === 'answered'
    return [
      ...[o.nameOf(contact.peer), state, server === undefined ? '' : server ? 'server' : 'client'],
      ...[rttMs ?? '', answers ? named.size : '', answers ? Number(isWhole) : ''],
      ...[o.edges.namedBy.get(contact.peer) ?? 0, o.known.get(seen) ?? ''],
      ...(o.withIds ? [contact.peer, contact.addresses.join(' ')] : [])
    ]
  })
  return {
    columns: [
      ...['peer', 'state', 'role', 'rttMs', 'tableSize', 'whole', 'inDegree', 'nearestKnown'],
      ...(o.withIds ? ['id', 'addresses'] : [])
    ],
    units: [
      ...['', '', '', 'ms', 'contacts', '', 'tables', 'share'],
      ...(o.withIds ? ['', ''] : [])
    ],
    rows: rows.sort((a, b) => (String(a[0]) < String(b[0]) ? -1 : 1))
  }
}

/** Who names whom. */
const edgesTable = (answered: readonly Seen[], nameOf: (peer: PeerId) => string): Table => ({
  columns: ['from', 'to'],
  units: ['', ''],
  rows: answered
    .flatMap(({ contact, named }) => [...named].map(peer => [nameOf(contact.peer), nameOf(peer)]))
    .sort((a, b) => (a.join() < b.join() ? -1 : 1))
})
