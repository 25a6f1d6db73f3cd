import { MuttrError } from '../base/errors.ts'
import type {
  Clock,
  Contact,
  Handler,
  Log,
  Millis,
  Network,
  PeerKeys,
  PlaceOf,
  Random,
  Stamper
} from '../base/ports.ts'
import type { dutyOf } from '../replicas/duty.ts'
import type { RepairParameters } from '../replicas/repair-parameters.ts'
import type { Choose } from '../routing/lookup.ts'
import { SizeEstimate } from '../routing/size.ts'
import { Table } from '../routing/table.ts'
import type { SeedStore } from '../store/store.ts'
import type { VerifyRecord } from '../wire/record.ts'
import type { StampNumber } from '../wire/stamp.ts'
import type { Admission, AdmissionStatus } from './admission.ts'
import { createAdmission } from './admission.ts'
import type { AskedStatus } from './asked.ts'
import { Asked } from './asked.ts'
import { takeCensus } from './census.ts'
import type { Core, DhtParameters, SeedCore } from './core.ts'
import { deadline, findNearest } from './core.ts'
import type { Dht } from './dht.ts'
import { getBlob } from './get.ts'
import type { Maintenance } from './maintain.ts'
import { createMaintenance } from './maintain.ts'
import type { MeterRates } from './meter.ts'
import { Peers } from './peers.ts'
import { putBlob } from './put.ts'
import type { ReachMode } from './reach.ts'
import { createReach } from './reach.ts'
import { getRecord, putRecord } from './record-ops.ts'
import type { RecordShelf } from './record-shelf.ts'
import { createRecordShelf } from './record-shelf.ts'
import { releaseBlob } from './release.ts'
import type { Repair, RepairWork } from './repair.ts'
import { createRepair, noRepair } from './repair.ts'
import { createRoom } from './room.ts'
import { createAnswers } from './serve.ts'
import { createForward, createLinksAnswer } from './serve-forward.ts'
import type { UserOf } from './serve-via.ts'
import { createViaAnswer } from './serve-via.ts'
import { createToll } from './toll.ts'
import type { TombstoneShelf } from './tombstone-shelf.ts'
import { createTombstoneShelf } from './tombstone-shelf.ts'
import { viaDht } from './via-dht.ts'

export interface SeedParts {
  network: Network
  clock: Clock
  random: Random
  log: Log
  keys: PeerKeys
  store: SeedStore
  /** Asked again and again of the same peers: it has to remember them. */
  placeOf: PlaceOf
  /** Pays for what we put. */
  stamper: Stamper
  /** A client asks and never stores for others; nobody keeps it in a table. */
  mode: 'server' | 'client'
  parameters?: Partial<DhtParameters>
  /** Checks records signed by OpenPGP keys; without it they are refused. */
  verifyRecord?: VerifyRecord
  /** What stamps are worth where they are stand-ins, as in a virtual world; SHA-256 unless told. */
  stampNumber?: StampNumber | undefined
  /** How peers are asked that we are not connected to; `forward` unless told. */
  reach?: ReachMode
  /** What a peer may ask of us per second. */
  rates?: Partial<MeterRates>
  /** Relays for these peers; without it for nobody. */
  relayFor?: UserOf
  /** How copies are kept where they belong; null for not at all. */
  repair?: Partial<RepairParameters> | null
  /** Who has to do what for a key, where a variant of the protocol is tried; the one that ships unless told. */
  dutyOf?: typeof dutyOf
  /** Whom a lookup asks next, the same; the nearest unless told. */
  choose?: Choose
  /** The cap on what the network sends, where there is one: nobody is called slow for waiting on it. */
  upBytesPerSecond?: number | undefined
  /** How much slower than usual it looks after its table and its copies; 1 unless told. */
  pace?: number
  /** What was measured of the network's size before; nothing unless told. */
  size?: SizeEstimate
  /** When its next sweep is due, if it was never away since the one before; as from joining on unless told. */
  sweepAtMs?: Millis
}

export interface SeedNode extends AsyncDisposable {
  readonly dht: Dht
  readonly table: Table
  readonly admission: Pick<Admission, 'admits' | 'price'> & {
    /** With how many blobs were dropped to make room for others. */
    status(): AdmissionStatus & { evicted: number }
  }
  readonly repair: Repair
  /** Lookups, pings and forwarded requests, and why they were sent. */
  asked(): AskedStatus
  /**
   * Gets to know the network through `contacts`.
   * @returns how many contacts the table holds then; 0 when nobody answered, which is well for the first seed of a network.
   * @throws {MuttrError} `CANCELLED`
   */
  join(contacts: readonly Contact[], options?: { signal?: AbortSignal }): Promise<number>
  /** Hearsay: a contact is asked before it enters the table. */
  hear(contacts: readonly Contact[]): void
  /** This machine slept, moved, or had its clock set. */
  woke(): void
  /** Asks one peer for the seeds nearest to us. @throws {MuttrError} as Network.request */
  askNearest(from: Contact, options?: { signal?: AbortSignal }): Promise<Contact[]>
}

/**
 * R: one copy is lost with its laptop, two or more are kept, by simulations/durability.md and simulations/durability-days.md; that it is eight, and
 * W five, is for what no finding has tried yet: from docs/protocol/dht.md. With this k and alpha every lookup of simulations/lookup-hops.md is
 * exact; no finding compared them with others.
 */
const usual: DhtParameters = { replicas: 8, quorum: 5, k: 20, alpha: 3 }
/** The parts an operation needs, made from what we are handed. */
function makeCore(parts: SeedParts, stop: AbortSignal, on: { change(): void; joined(): boolean }) {
  const { network, clock, random, log, keys, store, mode, stamper, verifyRecord, placeOf } = parts
  const { reach = 'forward', rates, pace = 1, stampNumber } = parts
  const parameters = { ...usual, ...parts.parameters }
  const { k } = parameters
  const table = new Table({ place: placeOf(network.self), placeOf, k, nowMs: clock.now() })
  const asked = new Asked()
  const way = createReach({ network, clock, mode: reach, placeOf, asked, stop })
  const onChange = on.change
  const peers = new Peers({
    ...{ network, clock, random, log, keys, table, asked, onChange },
    reach: way
  })
  const { size = new SizeEstimate() } = parts
  const { joined } = on
  const { replicas } = parameters
  const judged = { network, clock, store, table, size, placeOf, replicas, rates }
  const admission = createAdmission(judged)
  const { price, isStray } = admission
  const sendMs = (bytes: number) =>
    Math.ceil((1_000 * bytes) / (parts.upBytesPerSecond ?? Number.POSITIVE_INFINITY))
  const room = createRoom({ store, clock, log, self: table.place, isStray })
  const { choose } = parts
  const asker = { network, clock, random, log, keys, placeOf, choose }
  const shared = { ...asker, stamper, stampNumber, mode, verifyRecord }
  const ours = {
    ...{ store: room.store, room, table, peers, asked, size, parameters, price, pace, sendMs }
  }
  const core: SeedCore = { ...shared, ...ours, stop, joined, lost: () => peers.lost() }
  return { core, way, admission }
}

/** A seed: serves the DHT (in server mode) and uses it. Source: docs/protocol/dht.md */
export function createSeedNode(parts: SeedParts): SeedNode {
  const stop = new AbortController()
  let isJoined = false
  let maintenance: Maintenance | undefined
  let repair: RepairWork | undefined
  const { core, way, admission } = makeCore(parts, stop.signal, {
    change() {
      maintenance?.changed()
      repair?.changed()
    },
    joined: () => isJoined
  })
  const shelf = createRecordShelf(core)
  const tombstones = createTombstoneShelf(core)
  if (parts.mode === 'server') serve(core, admission, { shelf, tombstones }, parts.relayFor)
  const isKeeping = parts.mode === 'server' && parts.repair !== null
  const keeping = isKeeping ? createRepair(core, tombstones, parts.repair ?? {}, parts) : noRepair()
  repair = keeping
  maintenance = createMaintenance(core, () => {
    isJoined = true
    keeping.joined()
  })

  const { join, askNearest } = maintenance
  return {
    dht: viaDht(core, core => createDht(core, { shelf, tombstones })),
    table: core.table,
    admission: {
      admits: admission.admits,
      price: admission.price,
      status: () => ({ ...admission.status(), evicted: core.room.evicted() })
    },
    repair: { status: () => keeping.status(), sweep: () => keeping.sweep() },
    asked: () => core.asked.status(),
    join,
    askNearest,
    hear: contacts => core.peers.hear(contacts),
    woke() {
      core.peers.woke()
      maintenance.woke()
    },
    async [Symbol.asyncDispose]() {
      stop.abort()
      core.peers[Symbol.dispose]()
      way[Symbol.dispose]()
      maintenance[Symbol.dispose]()
      keeping[Symbol.dispose]()
    }
  }
}

interface Shelves {
  shelf: RecordShelf
  tombstones: TombstoneShelf
}

const createDht = (core: Core, { shelf, tombstones }: Shelves): Dht => ({
  put: (blob, options) => putBlob(core, blob, options),
  get: (key, options) => getBlob(core, key, options),
  release: (tombstone, options) => releaseBlob(core, tombstones, tombstone, options),
  census: (key, options) => takeCensus(core, key, options),
  putRecord: (frame, options) => putRecord(core, shelf, frame, options),
  getRecord: (key, options) => getRecord(core, key, options),
  async nearest(target, options = {}) {
    const operation = deadline(core, options)
    const { contacts, requests, hops } = await findNearest(
      core,
      target,
      core.parameters.k,
      operation
    )
    options.onEnd?.({ requests, hops })
    return contacts
  }
})

const isStoring = new Set(['put', 'record-put'])

/** While nobody can dial us, what we take would count as a copy and be found by nobody. */
const whileServer =
  (network: Network, answer: Handler): Handler =>
  async (frame, from, signal) => {
    if (!network.isServer())
      throw new MuttrError('METHOD_UNKNOWN', 'this seed cannot be dialled now and takes nothing')
    return answer(frame, from, signal)
  }

function serve(core: Core, admission: Admission, shelves: Shelves, userOf?: UserOf): void {
  const { meter, counted, watched } = admission
  const { network, clock, placeOf } = core
  const { replicas } = core.parameters
  const toll = counted(createToll({ ...core, replicas }), core.room.mayTake)
  const answers = {
    ...createAnswers({ ...core, ...shelves, meter, toll, replicas }),
    forward: createForward({ network, clock, meter }),
    links: createLinksAnswer({ network, clock, meter, placeOf })
  }
  for (const [method, answer] of Object.entries(answers))
    network.serve(method, watched(isStoring.has(method) ? whileServer(network, answer) : answer))
  if (userOf) network.serve('via', watched(createViaAnswer({ ...core, userOf })))
}
