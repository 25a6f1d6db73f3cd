import { MuttrError } from '../base/errors.ts'
import { limits } from '../base/limits.ts'
import type {
  Clock,
  Contact,
  Log,
  Millis,
  Network,
  PeerKeys,
  PlaceOf,
  Random,
  Stamper
} from '../base/ports.ts'
import { Candidates } from '../routing/candidates.ts'
import { fraction } from '../routing/distance.ts'
import type { Choose, LookupEnd, LookupOptions } from '../routing/lookup.ts'
import { Lookup, pathsUsual } from '../routing/lookup.ts'
import type { SizeEstimate } from '../routing/size.ts'
import { density } from '../routing/size.ts'
import { believed } from '../routing/subnet.ts'
import type { Table } from '../routing/table.ts'
import { asking } from '../routing/upkeep.ts'
import type { SeedStore } from '../store/store.ts'
import { decodeContacts, encodeFindNode } from '../wire/dht.ts'
import type { VerifyRecord } from '../wire/record.ts'
import type { StampNumber } from '../wire/stamp.ts'
import type { Admission } from './admission.ts'
import type { Asked, LookupReason } from './asked.ts'
import type { DhtOptions } from './dht.ts'
import { drive } from './drive.ts'
import type { Asker, Peers } from './peers.ts'
import type { Room } from './room.ts'

export interface DhtParameters {
  /** R: copies of a blob or record. */
  replicas: number
  /** W: acknowledgements after which it counts as stored. */
  quorum: number
  /** Contacts in a bucket and in an answer. */
  k: number
  /** Requests of a lookup under way at a time. */
  alpha: number
  /** Disjoint paths of a lookup; 3 unless told. */
  paths?: number
  /** Where a place looks crowded, its region: where so many times R would live. 2 unless told; 0 asks and stores no further. */
  regionShare?: number
}

/** What the operations of one seed share. */
export interface Core {
  network: Network
  clock: Clock
  random: Random
  log: Log
  keys: PeerKeys
  store: SeedStore
  table: Table
  peers: Asker
  /** Peers that were silent and left the table lately. */
  lost(): readonly Contact[]
  /** The relay behind `peers`, where an operation goes through one: it is asked first, and we ourselves hold no copy. */
  via?: Contact
  asked: Asked
  size: SizeEstimate
  placeOf: PlaceOf
  stamper: Stamper
  mode: 'server' | 'client'
  parameters: DhtParameters
  /** See {@link LookupOptions.choose}. */
  choose: Choose | undefined
  verifyRecord: VerifyRecord | undefined
  /** As {@link readStamp} takes it. */
  stampNumber?: StampNumber | undefined
  /** What a fresh put costs `from` now, as a multiple of a stamp's floor price: 1 to 1,000. See {@link Admission.price}. */
  price: Admission['price']
  /** What is dropped where the store is full; `store` makes use of it by itself. */
  room: Omit<Room, 'store'>
  /** How long it takes to send so many bytes under a cap of our own; 0 where there is none. */
  sendMs(bytes: number): Millis
  /** How much slower than usual everything goes that this seed does by itself: 1, or more on a battery or a metered link. */
  pace: number
  /** Aborts when the seed is disposed. */
  stop: AbortSignal
  /** The first look around is done: what the table does not know is not likely to be there. */
  joined(): boolean
}

/** Of the seed itself, which also looks after its table. */
export type SeedCore = Core & { peers: Peers }

/** A relay is one more way to go for each request, and may have to dial. */
const relayedTimeoutMs: Millis = 20_000

/** The end of an operation, and the signal that ends it before. */
export function deadline(core: Core, { timeoutMs, signal }: DhtOptions) {
  const usualMs = core.via ? relayedTimeoutMs : asking.operationMs
  return {
    deadlineMs: core.clock.now() + (timeoutMs ?? usualMs),
    signal: signal ? AbortSignal.any([signal, core.stop]) : core.stop
  }
}

/**
 * How many nodes there are, as far as we can tell; crowding our own neighbourhood moves it only while we know nothing else. No
 * fewer than we know: in a small network an estimate is off by half, and its keys would look crowded.
 */
export function networkNodes({ table, size, placeOf, parameters }: Core): number | undefined {
  const known = table.size + 1
  if (table.hasRoomEverywhere) return known
  if (size.nodes !== undefined) return Math.max(size.nodes, known)
  const around = table.nearest(table.place, parameters.k).map(c => placeOf(c.peer))
  const nodes = density(table.place, around)
  return nodes && Math.max(nodes, known)
}

/** An operation may start from the table alone where it can hardly have missed more than half of the R nearest. */
export function isCovered(core: Core, place: Uint8Array): boolean {
  const { table, parameters, placeOf } = core
  if (!core.joined()) return false
  if (table.hasRoomEverywhere) return true
  const near = table.nearest(place, parameters.replicas, { spares: true })
  const last = near.at(-1)
  if (near.length < parameters.replicas || !last) return true
  return fraction(place, placeOf(last.peer)) * (networkNodes(core) ?? 0) <= 2 * parameters.replicas
}

/** The candidates that the table has for `place`; with ourselves, where we may hold a copy. */
export function startFrom(core: Core, place: Uint8Array, o: { self: boolean }): Candidates {
  const { network, table, placeOf, parameters, mode, via } = core
  const candidates = new Candidates({ target: place, self: network.self, placeOf })
  candidates.start(table.nearest(place, parameters.k, { spares: true }))
  // Few are left: a small network, or we are cut off from the others, who are tried, and counted as nodes that are away.
  if (table.size < parameters.replicas) candidates.start(core.lost())
  if (via) candidates.start([via])
  else if (o.self && mode === 'server' && network.isServer()) candidates.start([network.contact()])
  return candidates
}

/** The usual options of a lookup. */
export const lookupOptions = (
  core: Core,
  candidates: Candidates,
  want: number
): Omit<LookupOptions, 'deadlineMs'> => ({
  candidates,
  want,
  alpha: core.parameters.alpha,
  paths: core.parameters.paths ?? pathsUsual,
  hedgeMs: core.peers.hedgeMs('find-node'),
  requestsMax: limits.lookupRequestsMax,
  ...(core.choose && { choose: core.choose })
})

export interface Found {
  contacts: Contact[]
  end: LookupEnd
  /** Sent. */
  requests: number
  /** From whom we know to whom, until the nearest that answered; 0 when nobody did. */
  hops: number
}

interface FindOptions {
  deadlineMs: Millis
  signal: AbortSignal
  /** Dial, whatever the mode of reach. */
  dial?: boolean
  /** To begin with, beside those of the table. */
  from?: readonly Contact[]
  requestsMax?: number
  /** What it is for; `asked for` unless told. */
  reason?: LookupReason
  /** So many of those that we know longest are asked first, and beside the others. */
  elders?: number
  /** Begins with them alone. */
  eldersOnly?: boolean
  /** By our own dice: nobody else can have chosen the place, so what is found there tells how large the network is. */
  drawn?: boolean
}

/**
 * Looks up the `want` nearest that answer, by find-node.
 * @throws {MuttrError} `CANCELLED`
 */
export async function findNearest(
  core: Core,
  place: Uint8Array,
  want: number,
  o: FindOptions
): Promise<Found> {
  const { machine, candidates, end } = await walk(core, place, want, o)
  const contacts = machine.nearest(want)
  const { requests } = machine
  const hops = candidates.all.find(({ state }) => state === 'answered')?.hops ?? 0
  const found = { contacts, end, requests, hops }
  if (core.via) return found // what a relay says teaches us nothing
  core.table.touched(place, core.clock.now())
  if (o.drawn && end === 'answered' && contacts.length === want)
    core.size.sample(
      place,
      contacts.map(c => core.placeOf(c.peer))
    )
  return found
}

/** The lookup itself, with all that were heard of on the way. @throws {MuttrError} `CANCELLED` */
export async function walk(core: Core, place: Uint8Array, want: number, o: FindOptions) {
  const { clock, peers } = core
  const { deadlineMs, requestsMax = limits.lookupRequestsMax, from = [] } = o
  const { reason = 'asked for' } = o
  const self = core.network.self
  const elders = core.table.elders(place, o.elders ?? 0)
  const candidates = o.eldersOnly
    ? new Candidates({ target: place, self, placeOf: core.placeOf })
    : startFrom(core, place, { self: false })
  candidates.start([...elders, ...from].filter(c => c.peer !== self))
  const usual = lookupOptions(core, candidates, want)
  const machine = new Lookup({
    ...usual,
    alpha: usual.alpha + elders.length,
    first: elders.map(c => c.peer),
    deadlineMs,
    requestsMax
  })
  const payload = encodeFindNode(place)
  let end: LookupEnd | undefined
  await drive(machine, {
    clock,
    signal: o.signal,
    isOver: nowMs => (end = machine.end(nowMs)) !== undefined,
    async ask(contact) {
      if (!core.via) core.asked.lookup(reason)
      try {
        const read = (answer: Uint8Array) => believed(contact, decodeContacts(answer))
        const options = { read, signal: core.stop, dial: o.dial }
        const heard = await peers.ask(contact, 'find-node', payload, options)
        machine.answered(contact.peer, heard)
        peers.hear(heard)
      } catch {
        machine.failed(contact.peer)
      }
    }
  })
  return { machine, candidates, end: end ?? ('late' as const) }
}

export const networkEmpty = (): MuttrError =>
  new MuttrError('NETWORK_EMPTY', 'no other seed could be reached')
