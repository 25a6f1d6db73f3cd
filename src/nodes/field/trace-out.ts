import { mkdir, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Clock, Handler, Log, Millis, Network, Random } from '../../base/ports.ts'
import { wrapNetwork } from '../../base/wrap-network.ts'
import { unwritable, writeFileAtomic } from '../../config/home.ts'
import { toCsv } from '../../worlds/shown/csv.ts'
import { FieldLog } from './field-log.ts'

/** A set of tables covers so much, and another begins. */
const setMs: Millis = 24 * 3_600_000
const flushMs: Millis = 10 * 60_000
/** Older sets are removed. */
const setsMax = 14
/** Their answers wait for nothing but the line. */
const isQuick: ReadonlySet<string> = new Set(['ping', 'find-node'])
const nameOf = /^(sessions|requests|roundtrips)-(\d{1,9})\.csv$/

interface TraceOut extends AsyncDisposable {
  /** The network as the seed shall see it. */
  readonly network: Network
}

interface Parts {
  folder: string
  network: Network
  clock: Clock
  random: Random
  log: Log
}

/**
 * Keeps tables of what a seed sees in a folder that its owner named. Rewritten every ten minutes and at the end; a disk that is full costs
 * the tables and nothing else.
 * @throws {MuttrError} `DISK_FULL`, `DISK_FAILED` when the folder cannot be made.
 */
export async function openTraceOut({ folder, network, ...parts }: Parts): Promise<TraceOut> {
  const { clock, random, log } = parts
  await mkdir(folder, { recursive: true }).catch(err => {
    throw unwritable(err, folder)
  })
  const begin = () => new FieldLog(clock.now(), random.bytes(32))
  let set = (await setsIn(folder)).at(-1) ?? 0
  let untilMs = 0
  let kept = begin()
  let writing = Promise.resolve()

  function next(): void {
    const { neighbours } = kept
    set += 1
    kept = begin()
    untilMs = clock.now() + setMs
    for (const peer of neighbours) kept.connected(peer, clock.now())
  }
  next()

  const flush = (): Promise<void> => {
    const tables = Object.entries(kept.tables(clock.now()))
    const number = set
    if (clock.now() >= untilMs || kept.isFull) next()
    writing = writing
      .then(async () => {
        for (const [name, table] of tables)
          await writeFileAtomic(join(folder, `${name}-${number}.csv`), toCsv(table))
        await prune(folder)
      })
      .catch(err => log.warn('the trace cannot be written', { err }))
    return writing
  }
  let timer: Disposable
  const later = () => {
    timer = clock.after(flushMs, () => {
      void flush()
      later()
    })
  }
  later()

  const listening = network.onPeer(({ type, contact: { peer }, server }) => {
    // Who is no server is somebody's own machine, asking for itself.
    if (type === 'disconnected' || !server) kept.disconnected(peer, clock.now())
    else kept.connected(peer, clock.now())
  })
  for (const { contact, server } of network.connected())
    if (server) kept.connected(contact.peer, clock.now())

  return {
    network: watched(network, () => kept, clock),
    async [Symbol.asyncDispose]() {
      listening[Symbol.dispose]()
      timer[Symbol.dispose]()
      await flush()
    }
  }
}

/** The same network, counting what is asked and answered. */
function watched(network: Network, log: () => FieldLog, clock: Clock): Network {
  const counted =
    (method: string, handler: Handler): Handler =>
    (payload, from, signal) => {
      log().counted(method, 'served', clock.now())
      return handler(payload, from, signal)
    }
  return wrapNetwork(network, {
    async request(to, method, payload, options) {
      const startMs = clock.now()
      const isWarm = network.isConnected(to.peer)
      log().counted(method, 'sent', startMs)
      const answer = await network.request(to, method, payload, options)
      if (isWarm && isQuick.has(method)) log().roundTrip(clock.now() - startMs)
      return answer
    },
    serve: (method, handler) => network.serve(method, counted(method, handler))
  })
}

async function setsIn(folder: string): Promise<number[]> {
  const names = await readdir(folder)
  const sets = names.flatMap(name => nameOf.exec(name)?.[2] ?? []).map(Number)
  return [...new Set(sets)].sort((a, b) => a - b)
}

async function prune(folder: string): Promise<void> {
  const old = new Set((await setsIn(folder)).slice(0, -setsMax))
  for (const name of await readdir(folder))
    if (old.has(Number(nameOf.exec(name)?.[2] ?? -1))) await rm(join(folder, name), { force: true })
}
