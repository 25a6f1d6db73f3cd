import type { ErrorCode } from '../base/errors.ts'
import { codeOf, MuttrError } from '../base/errors.ts'
import type {
  Clock,
  Contact,
  Log,
  Millis,
  Network,
  PeerId,
  PeerKeys,
  Random
} from '../base/ports.ts'
import { Lost } from '../routing/lost.ts'
import { RoundTrip } from '../routing/rtt.ts'
import type { Table } from '../routing/table.ts'
import { asking, pings } from '../routing/upkeep.ts'
import type { DhtMethod } from '../wire/dht.ts'
import { decodePong, encodePing, pongBytes } from '../wire/dht.ts'
import type { Asked, PingReason } from './asked.ts'
import type { Reach } from './reach.ts'

/** These wait for the holder's disk as well. */
export const isWriting: ReadonlySet<DhtMethod> = new Set<DhtMethod>([
  'put',
  'record-put',
  'release'
])

/** A write can bear some slow holders, and its bytes are dearer. Not chosen by a finding. */
const writeFloorMs: Millis = 250

/** So long after an answer we take ourselves to be online. */
const onlineMs = 10_000
const judgeMs = 2_000

const silent = new Set<ErrorCode | undefined>(['PEER_TIMEOUT', 'PEER_UNREACHABLE', 'PEER_CLOSED'])
const isSilence = (err: unknown): boolean => silent.has(codeOf(err))

/** No answer, or none that makes sense; with any other code the peer is there and refuses. */
export const isAway = (err: unknown): boolean => isSilence(err) || codeOf(err) === 'WIRE_MALFORMED'

export interface AskOptions<T> {
  /** Reads and checks the answer; what it throws counts against the peer. */
  read(answer: Uint8Array): T
  timeoutMs?: Millis
  signal?: AbortSignal | undefined
  /** Dial, whatever the mode of reach. */
  dial?: boolean | undefined
  /** Whether `read` verified that the peer itself signed the answer. */
  signed?: boolean | ((value: T) => boolean)
}

/** Wraps what `read` threw, to tell it from what the network did. */
class BrokenAnswer extends Error {
  constructor(cause: unknown) {
    super('an answer against the protocol', { cause })
  }
}

interface Parts {
  network: Network
  clock: Clock
  random: Random
  log: Log
  keys: PeerKeys
  table: Table
  reach: Reach
  asked: Asked
  /** A peer entered the table or left it. */
  onChange(): void
}

/** Whom an operation asks through: our own {@link Peers}, or a relay. */
export type Asker = Pick<Peers, 'ask' | 'hear' | 'doubt' | 'hedgeMs' | 'cost'>

/** Asks peers and lets the routing table learn from how they answer; pings what is hearsay before it may enter. */
export class Peers implements Disposable {
  readonly #p: Parts
  readonly #reading = new RoundTrip(asking.floorMs)
  readonly #writing = new RoundTrip(writeFloorMs)
  /** Contacts as their own greetings gave them: better than what others say of them. */
  readonly #greeted = new Map<PeerId, Contact>()
  /** Connected, and no servers: they answer, but belong in no table. */
  readonly #others = new Set<PeerId>()
  /** Until when whom we could not reach is not tried on hearsay. */
  readonly #shunned = new Map<PeerId, Millis>()
  /** The same of those that broke the protocol, whatever they say. */
  readonly #liars = new Map<PeerId, Millis>()
  readonly #queue = new Map<PeerId, { contact: Contact; reason: PingReason }>()
  readonly #lost = new Lost()
  /** From the queue, and no answer yet. */
  readonly #pinging = new Set<PeerId>()
  readonly #stop = new AbortController()
  readonly #listening: Disposable
  #answerMs = Number.NEGATIVE_INFINITY
  /** How often this machine was away. */
  #wakes = 0
  #waiting: (() => void)[] = []

  constructor(parts: Parts) {
    this.#p = parts
    this.#listening = parts.network.onPeer(({ type, contact, server }) => {
      if (type === 'disconnected') this.#left(contact.peer)
      else if (server) this.#greet(contact)
      else this.#hidden(contact.peer)
    })
    for (const { contact, server } of parts.network.connected())
      if (server) this.#greet(contact)
      else this.#hidden(contact.peer)
  }

  /** @throws {MuttrError} as Network.request, and `WIRE_MALFORMED` when `read` throws */
  async ask<T>(
    to: Contact,
    method: DhtMethod,
    payload: Uint8Array,
    { read, timeoutMs = asking.timeoutMs, signal, dial, signed = false }: AskOptions<T>
  ): Promise<T> {
    const { clock, network, reach, table } = this.#p
    const startMs = clock.now()
    const startWakes = this.#wakes
    const check = (answer: Uint8Array) => {
      try {
        return read(answer)
      } catch (cause) {
        throw new BrokenAnswer(cause)
      }
    }
    try {
      const options = { read: check, timeoutMs, signal, dial }
      const { value, direct } = await reach.ask(to, method, payload, options)
      this.#roundTrip(method).sample(clock.now() - startMs)
      if (direct || (typeof signed === 'function' ? signed(value) : signed)) this.#proved(to)
      return value
    } catch (err) {
      if (err instanceof BrokenAnswer) throw this.#lied(to.peer, err.cause)
      // What fell while we slept says nothing of the peer.
      if (isSilence(err) && startWakes === this.#wakes) this.#failed(to, startMs)
      else if (codeOf(err) === 'METHOD_UNKNOWN' && network.isConnected(to.peer))
        table.remove(to.peer)
      throw err
    }
  }

  /** Contacts that others named. */
  hear(contacts: readonly Contact[]): void {
    for (const contact of contacts) if (!this.#pinging.has(contact.peer)) this.#consider(contact)
    this.#work()
  }

  #consider(contact: Contact): void {
    const { network, clock, table } = this.#p
    const { peer } = contact
    if (this.#queue.size >= pings.queueMax || peer === network.self || this.#queue.has(peer)) return
    if (this.#isShunned(peer, clock.now()) || !table.wants(contact)) return
    this.#queue.set(peer, { contact, reason: 'candidate' })
  }

  /** This machine slept, or its clock was set: nobody failed because of that, and nobody is judged before somebody has answered again. */
  woke(): void {
    this.#wakes += 1
    this.#answerMs = Number.NEGATIVE_INFINITY
    this.#shunned.clear()
  }

  /** Peers that were silent and left the table lately: where few are left, it may be we who were cut off. */
  lost(): Contact[] {
    return this.#lost.lately(this.#p.clock.now())
  }

  /** Pings up to `count` of those that were silent and left the table. */
  seekLost(count: number): void {
    for (const contact of this.#lost.due(this.#p.clock.now(), count)) this.doubt(contact, 'lost')
  }

  /** A ping shall show whether it still lives. */
  doubt(contact: Contact, reason: PingReason): void {
    const { peer } = contact
    const isDoubted = (this.#queue.get(peer)?.reason ?? 'candidate') !== 'candidate'
    if (this.#queue.size >= pings.queueMax || isDoubted || this.#pinging.has(peer)) return
    this.#queue.set(peer, { contact, reason })
    this.#work()
  }

  /** @returns whether it answered. */
  async ping(contact: Contact, reason: PingReason, signal?: AbortSignal): Promise<boolean> {
    const { random, keys, asked } = this.#p
    const nonce = random.bytes(16)
    asked.ping(reason)
    const read = (answer: Uint8Array) => {
      const signature = decodePong(answer)
      if (!signature || !keys.verify(contact.peer, pongBytes(nonce), signature))
        throw new MuttrError('SIGNATURE_INVALID', 'a pong that its peer did not sign')
    }
    try {
      await this.ask(contact, 'ping', encodePing(nonce), { read, signal, signed: true })
      return true
    } catch {
      asked.unanswered(reason)
      this.#shun(contact.peer)
      return false
    }
  }

  /** Resolves when all queued pings are done. */
  async idle(): Promise<void> {
    if (this.#pinging.size === 0 && this.#queue.size === 0) return
    await new Promise<void>(resolve => this.#waiting.push(resolve))
  }

  /** After which an answer to `method` is slow. */
  hedgeMs(method: DhtMethod): Millis {
    return this.#roundTrip(method).hedgeMs
  }

  /** As {@link Reach.cost}. */
  cost = (peer: PeerId): 0 | 1 | 2 => this.#p.reach.cost(peer);

  [Symbol.dispose](): void {
    this.#listening[Symbol.dispose]()
    this.#stop.abort()
    this.#queue.clear()
    for (const resolve of this.#waiting) resolve()
  }

  #roundTrip(method: DhtMethod): RoundTrip {
    return isWriting.has(method) ? this.#writing : this.#reading
  }

  /** It answered us itself, or its signature was verified: it lives, whichever way the answer came. */
  #proved(contact: Contact): void {
    const { clock, table, onChange } = this.#p
    const known = table.has(contact.peer)
    this.#answerMs = clock.now()
    if (this.#others.has(contact.peer)) return
    const isIn = table.answered(this.#greeted.get(contact.peer) ?? contact, this.#answerMs)
    if (this.#lost.found(contact.peer)) this.seekLost(pings.queueMax)
    if (!known && isIn) onChange()
  }

  #left(peer: PeerId): void {
    this.#greeted.delete(peer)
    this.#others.delete(peer)
  }

  /** It says that it is no server, or no longer one. */
  #hidden(peer: PeerId): void {
    const { table, onChange } = this.#p
    this.#greeted.delete(peer)
    this.#others.add(peer)
    if (!table.has(peer)) return
    table.remove(peer)
    onChange()
  }

  #greet(contact: Contact): void {
    const { table, clock } = this.#p
    this.#others.delete(contact.peer)
    this.#greeted.set(contact.peer, contact)
    this.#shunned.delete(contact.peer) // it was away, and has come back by itself
    const known = table.contactOf(contact.peer)
    if (!known) {
      // Also while a ping is on its way to where others said that it is.
      this.#consider(contact)
      this.#work()
      return
    }
    table.seen(contact.peer, clock.now())
    // It lives elsewhere now: its answer to a ping takes that into the table, before we name the old place to others.
    const moved = contact.addresses.some(address => !known.addresses.includes(address))
    if (moved) this.doubt(contact, 'moved')
  }

  #isShunned(peer: PeerId, nowMs: Millis): boolean {
    return (this.#shunned.get(peer) ?? 0) > nowMs || (this.#liars.get(peer) ?? 0) > nowMs
  }

  #shun(peer: PeerId, where: Map<PeerId, Millis> = this.#shunned): void {
    where.set(peer, this.#p.clock.now() + pings.shunMs)
    if (where.size > pings.shunnedMax) where.delete(where.keys().next().value!)
  }

  /** Nobody leaves while nobody answers: then it may be us who is offline. So judgement may have to wait for an answer. */
  #failed(contact: Contact, startMs: Millis): void {
    if (this.#answerMs >= startMs - onlineMs) this.#strike(contact)
    else
      this.#p.clock.after(judgeMs, () => {
        if (this.#answerMs >= startMs && !this.#stop.signal.aborted) this.#strike(contact)
      })
  }

  #strike(contact: Contact): void {
    const { table, log, clock, onChange } = this.#p
    const { peer } = contact
    const known = table.contactOf(peer)
    if (table.failed(peer)) {
      this.#lost.add(known ?? contact, clock.now())
      log.debug('peer left the table', { peer })
      onChange()
    }
    if (table.has(peer)) this.doubt(contact, 'failed')
    else this.#shun(peer)
  }

  #lied(peer: PeerId, cause: unknown): MuttrError {
    this.#p.log.info('peer broke the protocol', { peer, code: codeOf(cause) })
    this.#p.table.remove(peer)
    this.#shun(peer, this.#liars)
    return new MuttrError('WIRE_MALFORMED', 'an answer against the protocol', { cause })
  }

  #work(): void {
    while (this.#pinging.size < pings.atOnce && !this.#stop.signal.aborted) {
      const next = this.#queue.values().find(({ contact }) => !this.#pinging.has(contact.peer))
      if (!next) break
      const { contact, reason } = next
      const { peer } = contact
      this.#queue.delete(peer)
      if (reason === 'candidate' && !this.#p.table.wants(contact)) continue
      this.#pinging.add(peer)
      void this.ping(contact, reason, this.#stop.signal).then(() => {
        this.#pinging.delete(peer)
        this.#work()
      })
    }
    if (this.#pinging.size > 0 || this.#queue.size > 0) return
    const settled = this.#waiting
    this.#waiting = []
    for (const resolve of settled) resolve()
  }
}
