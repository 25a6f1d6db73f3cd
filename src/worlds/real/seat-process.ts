import { once } from 'node:events'
import { mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fromHex, sha256, toHex } from '../../base/bytes.ts'
import { failureOf } from '../../base/failure.ts'
import type { Log, Millis } from '../../base/ports.ts'
import { systemClock as clock } from '../../net/clock.ts'
import { createNode } from '../../net/node.ts'
import { loadPeerKey, peerKeys } from '../../net/peer-key.ts'
import { systemRandom as random } from '../../net/random.ts'
import { createStamper } from '../../net/stamper.ts'
import { joinNetwork } from '../../nodes/join.ts'
import { openSeed } from '../../nodes/open-seed.ts'
import { levelStore } from '../../store/level.ts'
import { expiryAt, makeBlob } from '../../wire/blob.ts'
import { repairOf } from '../full/parameters.ts'
import { know, toldOf, touch } from '../full/past.ts'
import type { Answer, Ask, Asked, Go, Open, Question, Said, SeatInit } from './asked.ts'
import type { Sent } from './counted.ts'
import { countRequests } from './counted.ts'
import { timeDials } from './dials.ts'

/**
 * A seed as it ships, in a process of its own: tcp, noise and yamux on loopback, kad-dht beside, databases on disk, stamps that are
 * searched. Does what its parent asks by lines of JSON, and ends with it.
 */
const { folder, orphanRemoves, port, parameters }: SeatInit = JSON.parse(process.argv[2]!)
const parent = process.ppid
const capBytes = 2 ** 30
const lookIntervalMs = 1_000

const bytesOf = (hex: string) => fromHex(hex, 32)!
const say = (said: Said) => void process.stdout.write(`${JSON.stringify(said)}\n`)

/** Siblings may still be writing there; the last of us to end finds nobody any more. */
function orphaned(): never {
  rmSync(orphanRemoves, { recursive: true, force: true, maxRetries: 10 })
  process.exit(1)
}

const lines = createInterface({ input: process.stdin }).once('close', orphaned)
// Nobody reads any more: standard input says so too.
process.stdout.on('error', () => {})

mkdirSync(folder, { recursive: true })
const privateKey = await loadPeerKey(join(folder, 'peer.key'))
const address = `/ip4/127.0.0.1/tcp/${port}`
say({ loaded: { peer: peerKeys(privateKey).self, addresses: [address] } })
const open = await told<Open>()
const regions = open.regions.map(places => {
  const [place, ...nearest] = places.map(bytesOf)
  return { place: place!, nearest }
})
const silent: Log = { debug() {}, info() {}, warn() {} }
const { replicas, quorum, k, alpha, reach, connections } = parameters
const store = await levelStore(join(folder, 'seed'), { capBytes })
let sent: Sent = {}
let dialMs: Millis[] = []
const { network, seed } = await openSeed({
  privateKey,
  log: silent,
  startNode: onCandidate =>
    createNode({
      privateKey,
      listen: [address],
      mode: 'server',
      datastore: join(folder, 'peers'),
      clock,
      log: silent,
      limits: { connections },
      onCandidate
    }),
  through(node) {
    const timed = timeDials(node, clock)
    dialMs = timed.dialMs
    const counted = countRequests(timed.network)
    sent = counted.sent
    return counted.network
  },
  seed: {
    store,
    stamper: createStamper({ clock }),
    mode: 'server',
    parameters: { replicas, quorum, k, alpha },
    reach,
    repair: repairOf(parameters),
    ...toldOf({ ...open, regions }, clock.now())
  }
})

/** The next line, of those that come before any question. */
async function told<T>(): Promise<T> {
  const [line] = await once(lines, 'line')
  return JSON.parse(line)
}

const answers: { [Q in Question]: (ask: Ask<Q>) => Promise<Answer<Q>> } = {
  async put({ sizeBytes, lifeMs }) {
    const startMs = clock.now()
    const expiryMs = expiryAt(startMs + lifeMs)
    const retract = random.bytes(32)
    const blob = makeBlob(random.bytes(sizeBytes), { expiryMs, retract, accept: null })
    await seed.dht.put(blob)
    const { key, header } = blob
    const [keyHex, hash] = [toHex(key), toHex(header.hash)]
    return { key: keyHex, hash, expiryMs: header.expiryMs, ms: clock.now() - startMs }
  },
  async get({ key }) {
    const startMs = clock.now()
    const { blob } = await seed.dht.get(bytesOf(key))
    return { hash: toHex(sha256(blob.sealed)), ms: clock.now() - startMs }
  },
  async lookup({ place }) {
    const startMs = clock.now()
    let cost = { requests: 0, hops: 0 }
    const onEnd = (end: typeof cost) => {
      cost = end
    }
    const contacts = await seed.dht.nearest(bytesOf(place), { onEnd })
    return { ...cost, peers: contacts.map(({ peer }) => peer), ms: clock.now() - startMs }
  },
  async holding({ keys }) {
    const holdings = await store.holding(keys.map(bytesOf), clock.now())
    return { held: holdings.flatMap((holding, i) => (holding === 'blob' ? [i] : [])) }
  },
  count: async () => ({
    sent,
    pushedBytes: seed.repair.status().pushedBytes,
    asked: seed.asked(),
    dialMs: dialMs.splice(0)
  }),
  join: async () => ({ known: await seed.join([]) }),
  freeze: async () => ({})
}

/** A stopped process could not see that its parent is gone. */
function freeze(): never {
  const cell = new Int32Array(new SharedArrayBuffer(4))
  while (process.ppid === parent) Atomics.wait(cell, 0, 0, lookIntervalMs)
  return orphaned()
}

know(seed.table, open.known, clock.now())
say({ open: true })
const { bootstrap } = await told<Go>()

lines.on('line', async line => {
  const { id, question, ask }: Asked = JSON.parse(line)
  try {
    const answer = await (answers[question] as (ask: unknown) => Promise<Answer<Question>>)(ask)
    say({ id, answer })
  } catch (err) {
    say({ id, failure: failureOf(err) })
  }
  if (question === 'freeze') freeze()
})

const pods: [] = []
const never = new AbortController().signal
const emit = () => {}
await joinNetwork({
  network,
  seed,
  clock,
  log: silent,
  emit,
  pods,
  seeds: bootstrap,
  signal: never
})
touch(seed.table, open.lookupAgesMs, clock.now())
say({ ready: { peer: network.self, address: `${network.contact().addresses[0]}` } })
