import type { Contact, Millis, Place } from '../base/ports.ts'
import { bitOf } from '../routing/distance.ts'
import { believed } from '../routing/subnet.ts'
import { lost, regionsLeast, upkeep } from '../routing/upkeep.ts'
import { decodeContacts, encodeFindNode } from '../wire/dht.ts'
import type { LookupReason } from './asked.ts'
import type { Core, SeedCore } from './core.ts'
import { deadline, findNearest } from './core.ts'

const { bucketsAtJoin, joinTimeoutMs, pingsPerTick, settleMs, silentMs, staleMs, tickMs } = upkeep
const warmDelayMs: Millis = 250
/** Connections are made again first. */
const wokeMs: Millis = 3_000
const expiredPerTick = 1_000
/** A place that shares more leading bits with ours lies in a part of the space small enough to be crowded because we are there. */
const farBitsMax = 3

export interface Maintenance extends Disposable {
  join(contacts: readonly Contact[], o?: { signal?: AbortSignal }): Promise<number>
  askNearest(from: Contact, o?: { signal?: AbortSignal }): Promise<Contact[]>
  /** The table changed: the neighbourhood to keep warm may have. */
  changed(): void
  /** This machine slept or moved: what is due by the clock is looked at soon. */
  woke(): void
}

/** A random place that shares exactly `bits` leading bits with `place`. */
function placeSharing(place: Place, bits: number, random: Uint8Array): Place {
  const out = Uint8Array.from(random)
  const set = (bit: number, value: number) => {
    const mask = 128 >> (bit & 7)
    out[bit >> 3] = value ? out[bit >> 3]! | mask : out[bit >> 3]! & ~mask
  }
  for (let bit = 0; bit < bits; bit++) set(bit, bitOf(place, bit))
  if (bits < 256) set(bits, 1 - bitOf(place, bits))
  return out
}

/**
 * Whom to stay connected to: our neighbourhood, and in turn with it peers spread evenly over the whole space, half of them from
 * the farthest bucket, a quarter from the next. Links as good as random are what makes two hops reach nearly everybody; near ones
 * alone would leave the far side to dialling. Obeyed up to the network's own limit, so the order matters.
 */
function warmList(core: Pick<Core, 'table' | 'parameters' | 'network'>): Contact[] {
  const { table, parameters, network } = core
  const near = table.nearest(table.place, table.k)
  const buckets = table.spread(table.k).map(bucket => {
    const standing: Contact[] = []
    const others: Contact[] = []
    for (const c of bucket) (network.isConnected(c.peer) ? standing : others).push(c)
    return [...standing, ...others] // what stands, stays
  })
  const far: Contact[] = []
  for (let turn = 1; far.length < table.k && buckets.some(b => b.length > 0); turn++) {
    const lowestBit = 31 - Math.clz32(turn & -turn) // 0 1 0 2 0 1 0 3 …
    const next = buckets[lowestBit]?.shift()
    if (next) far.push(next)
    else if (lowestBit > buckets.length) buckets.find(b => b.length > 0)?.shift()
  }
  const { replicas } = parameters
  const out = new Map<string, Contact>()
  for (let i = 0; i < replicas; i++)
    for (const contact of [near[i], far[i]]) if (contact) out.set(contact.peer, contact)
  for (const contact of [...far, ...near]) out.set(contact.peer, contact)
  return [...out.values()]
}

/** Joins the network and keeps the table alive: pings the silent, refreshes stale buckets, lets stored things expire. */
export function createMaintenance(core: SeedCore, markJoined: () => void): Maintenance {
  const { clock, log, network, peers, random, store, table } = core
  /** Of 2 R the last tells the size of the network much better than of R. */
  const sampled = 2 * core.parameters.replicas
  let lastJoin: readonly Contact[] = []
  let timer: Disposable | undefined
  let warming: Disposable | undefined

  function changed(): void {
    if (core.stop.aborted) return
    warming ??= clock.after(warmDelayMs, () => {
      warming = undefined
      network.keepWarm(warmList(core))
    })
  }

  async function refresh(
    bits: number,
    reason: LookupReason,
    operation: ReturnType<typeof deadline>
  ): Promise<void> {
    const place = placeSharing(table.place, bits, random.bytes(32))
    const drawn = bits <= farBitsMax
    const dial = reason !== 'measure'
    await findNearest(core, place, sampled, { ...operation, reason, dial, drawn })
  }

  /** What was heard is asked; but nobody keeps us from beginning by naming peers that never answer. */
  async function settled(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    using _ = clock.after(settleMs, resolve)
    await Promise.race([peers.idle(), promise])
  }

  async function join(contacts: readonly Contact[], o: { signal?: AbortSignal } = {}) {
    lastJoin = contacts
    const operation = deadline(core, { ...o, timeoutMs: joinTimeoutMs })
    // Nobody was named: whom we remember is being asked.
    if (contacts.length === 0) await settled()
    const how = { ...operation, reason: 'join' as const, dial: true, from: contacts }
    await findNearest(core, table.place, core.parameters.k, how)
    await settled()
    const buckets = Array.from({ length: Math.min(table.depth, bucketsAtJoin) }, (_, bits) => bits)
    await Promise.all(buckets.map(bits => refresh(bits, 'join', operation)))
    await settled()
    markJoined()
    changed()
    return table.size
  }

  /**
   * A far bucket to look into while too few regions were seen to say how large the network is, and enough are known to tell. Where every bucket
   * has room we know everybody, and our own table tells: twenty laptops that come and go asked each other once a minute, without end.
   */
  function unmeasured(): number | undefined {
    const { regions } = core.size
    if (regions >= regionsLeast || table.depth === 0 || table.size < sampled) return undefined
    if (table.hasRoomEverywhere) {
      // At a random place, so that ids that were minted somewhere do not count.
      const place = random.bytes(32)
      const places = table.nearest(place, sampled).map(({ peer }) => core.placeOf(peer))
      core.size.sample(place, places)
      return undefined
    }
    return regions % Math.min(table.depth, farBitsMax + 1)
  }

  async function tick(): Promise<void> {
    await store.expire(clock.now(), expiredPerTick)
    await core.room.relieve()
    if (table.size === 0 && lastJoin.length > 0) await join(lastJoin)
    const silent = table.silent(clock.now() - silentMs, pingsPerTick)
    await Promise.all(silent.map(contact => peers.ping(contact, 'silent', core.stop)))
    peers.seekLost(lost.perTick)
    const stale = table.stale(clock.now() - staleMs)
    const bucket = stale ?? unmeasured()
    const reason = stale === undefined ? 'measure' : 'refresh'
    if (bucket !== undefined) await refresh(bucket, reason, deadline(core, {}))
    changed()
  }

  let ticking = false
  let wokeMeanwhile = false
  function again(delayMs = tickMs * core.pace): void {
    const jitter = 0.8 + (0.4 * random.bytes(1)[0]!) / 256
    timer?.[Symbol.dispose]()
    timer = clock.after(delayMs * jitter, () => {
      ticking = true
      wokeMeanwhile = false
      tick()
        .catch(err => log.warn('maintenance failed', { err }))
        .finally(() => {
          ticking = false
          if (!core.stop.aborted) again(wokeMeanwhile ? wokeMs : undefined)
        })
    })
  }
  again()

  function woke(): void {
    wokeMeanwhile = true
    if (!ticking && !core.stop.aborted) again(wokeMs)
  }

  return {
    join,
    changed,
    woke,
    async askNearest(from, o = {}) {
      const { signal } = deadline(core, o)
      const read = (answer: Uint8Array) => believed(from, decodeContacts(answer))
      const options = { read, signal, dial: true }
      const heard = await peers.ask(from, 'find-node', encodeFindNode(table.place), options)
      peers.hear(heard)
      return heard
    },
    [Symbol.dispose]() {
      timer?.[Symbol.dispose]()
      warming?.[Symbol.dispose]()
    }
  }
}
