import type {
  Clock,
  Contact,
  Log,
  Network,
  PeerId,
  PeerKeys,
  Place,
  PlaceOf,
  Random
} from '../base/ports.ts'
import { SizeEstimate } from '../routing/size.ts'
import { Table } from '../routing/table.ts'
import type { SeedStore } from '../store/store.ts'
import type { VerifyRecord } from '../wire/record.ts'
import type { Core, DhtParameters } from './core.ts'
import { deadline, findNearest } from './core.ts'
import type { Dht } from './dht.ts'
import { getBlob } from './get.ts'
import type { Maintenance } from './maintain.ts'
import { createMaintenance } from './maintain.ts'
import type { MeterRates } from './meter.ts'
import { Meter } from './meter.ts'
import { Peers } from './peers.ts'
import { putBlob } from './put.ts'
import type { ReachMode } from './reach.ts'
import { createReach } from './reach.ts'
import { getRecord, putRecord } from './record-ops.ts'
import type { RecordShelf } from './record-shelf.ts'
import { createRecordShelf } from './record-shelf.ts'
import { createAnswers } from './serve.ts'
import { createForward, createLinksAnswer } from './serve-forward.ts'

export interface SeedParts {
  network: Network
  clock: Clock
  random: Random
  log: Log
  keys: PeerKeys
  store: SeedStore
  placeOf: PlaceOf
  /** A client asks and never stores for others; nobody keeps it in a table. */
  mode: 'server' | 'client'
  parameters?: Partial<DhtParameters>
  /** Checks records signed by OpenPGP keys; without it they are refused. */
  verifyRecord?: VerifyRecord
  /** How peers are asked that we are not connected to; `forward` unless told. */
  reach?: ReachMode
  /** What a peer may ask of us per second. */
  rates?: Partial<MeterRates>
}

export interface SeedNode extends AsyncDisposable {
  readonly dht: Dht
  readonly table: Table
  /**
   * Gets to know the network through `contacts`.
   * @returns how many contacts the table holds then; 0 when nobody answered, which is well for the first seed of a network.
   * @throws {MuttrError} `CANCELLED`
   */
  join(contacts: readonly Contact[], options?: { signal?: AbortSignal }): Promise<number>
  /** Hearsay: a contact is asked before it enters the table. */
  hear(contacts: readonly Contact[]): void
  /** Asks one peer for the seeds nearest to us. @throws {MuttrError} as Network.request */
  askNearest(from: Contact, options?: { signal?: AbortSignal }): Promise<Contact[]>
}

const usual: DhtParameters = { replicas: 8, quorum: 5, k: 20, alpha: 3 }
const placesMax = 4_096

/** SHA-256 of each peer id is asked for again and again. */
function remember(placeOf: PlaceOf): PlaceOf {
  const places = new Map<PeerId, Place>()
  return peer => {
    const known = places.get(peer)
    if (known) return known
    const place = placeOf(peer)
    if (places.size >= placesMax) places.delete(places.keys().next().value!)
    places.set(peer, place)
    return place
  }
}

/** The parts an operation needs, made from what we are handed. */
function makeCore(parts: SeedParts, stop: AbortSignal, on: { change(): void; joined(): boolean }) {
  const { network, clock, random, log, keys, store, mode, verifyRecord, reach = 'forward' } = parts
  const parameters = { ...usual, ...parts.parameters }
  const placeOf = remember(parts.placeOf)
  const { k } = parameters
  const table = new Table({ place: placeOf(network.self), placeOf, k, nowMs: clock.now() })
  const way = createReach({ network, clock, mode: reach, placeOf, stop })
  const onChange = on.change
  const peers = new Peers({ network, clock, random, log, keys, table, reach: way, onChange })
  const size = new SizeEstimate()
  const { joined } = on
  const shared = { network, clock, random, log, keys, store, placeOf, mode, verifyRecord }
  const core: Core = { ...shared, table, peers, size, parameters, stop, joined }
  return { core, way }
}

/** A seed: serves the DHT (in server mode) and uses it. Source: docs/protocol/dht.md */
export function createSeedNode(parts: SeedParts): SeedNode {
  const stop = new AbortController()
  let isJoined = false
  let maintenance: Maintenance | undefined
  const { core, way } = makeCore(parts, stop.signal, {
    change: () => maintenance?.changed(),
    joined: () => isJoined
  })
  const shelf = createRecordShelf(core)
  if (parts.mode === 'server') serve(core, new Meter(core.clock.now(), parts.rates), shelf)
  maintenance = createMaintenance(core, () => {
    isJoined = true
  })

  const { join, askNearest } = maintenance
  return {
    dht: createDht(core, shelf),
    table: core.table,
    join,
    askNearest,
    hear: contacts => core.peers.hear(contacts),
    async [Symbol.asyncDispose]() {
      stop.abort()
      core.peers[Symbol.dispose]()
      way[Symbol.dispose]()
      maintenance[Symbol.dispose]()
    }
  }
}

const createDht = (core: Core, shelf: RecordShelf): Dht => ({
  put: (blob, options) => putBlob(core, blob, options),
  get: (key, options) => getBlob(core, key, options),
  putRecord: (frame, options) => putRecord(core, shelf, frame, options),
  getRecord: (key, options) => getRecord(core, key, options),
  async nearest(target, options = {}) {
    const operation = deadline(core, options)
    return (await findNearest(core, target, core.parameters.k, operation)).contacts
  }
})

function serve(core: Core, meter: Meter, shelf: RecordShelf): void {
  const { network, clock, parameters } = core
  const answers = createAnswers({ ...core, meter, shelf, replicas: parameters.replicas })
  for (const [method, answer] of Object.entries(answers)) network.serve(method, answer)
  network.serve('forward', createForward({ network, clock, meter }))
  network.serve('links', createLinksAnswer({ network, clock, meter, placeOf: core.placeOf }))
}
