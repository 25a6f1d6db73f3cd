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
import { RoundTrip } from '../routing/rtt.ts'
import type { Table } from '../routing/table.ts'
import type { DhtMethod } from '../wire/dht.ts'
import { decodePong, encodePing, pongBytes } from '../wire/dht.ts'
import type { Reach } from './reach.ts'

/** These wait for the holder's disk as well. */
const isWriting = new Set<DhtMethod>(['put', 'record-put', 'release'])

/** Below these nothing is called slow: a busy machine must not ask twice for what is on its way. */
const readFloorMs: Millis = 40
/** A write can bear some slow holders, and its bytes are dearer. */
const writeFloorMs: Millis = 250

/** After which a request is given up. */
export const requestTimeoutMs: Millis = 3_000
const pingsAtOnce = 3
const queueMax = 64
const shunMs = 5 * 60_000
const shunnedMax = 512
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
  /** A peer entered the table or left it. */
  onChange(): void
}

/** Asks peers and lets the routing table learn from how they answer; pings what is hearsay before it may enter. */
export interface Peers extends Disposable {
  /** @throws {MuttrError} as Network.request, and `WIRE_MALFORMED` when `read` throws */
  ask<T>(to: Contact, method: DhtMethod, payload: Uint8Array, o: AskOptions<T>): Promise<T>
  /** Contacts that others named. */
  hear(contacts: readonly Contact[]): void
  /** Its signature was verified: it lives, whichever way the answer came. */
  proved(contact: Contact): void
  /** It was slow: a ping shall show whether it still lives. */
  doubt(contact: Contact): void
  /** @returns whether it answered. */
  ping(contact: Contact, signal?: AbortSignal): Promise<boolean>
  /** Resolves when all queued pings are done. */
  idle(): Promise<void>
  /** After which an answer to `method` is slow. */
  hedgeMs(method: DhtMethod): Millis
  /** As {@link Reach.cost}. */
  cost(peer: PeerId): 0 | 1 | 2
}

export function createPeers(parts: Parts): Peers {
  const { network, clock, random, log, keys, table, reach, onChange } = parts
  const [reading, writing] = [new RoundTrip(readFloorMs), new RoundTrip(writeFloorMs)]
  const roundTripOf = (method: DhtMethod) => (isWriting.has(method) ? writing : reading)
  /** Contacts as their own greetings gave them: better than what others say of them. */
  const greeted = new Map<PeerId, Contact>()
  const shunned = new Map<PeerId, Millis>()
  const queue = new Map<PeerId, Contact>()
  /** Asked for a sign of life although they are in the table. */
  const doubted = new Set<PeerId>()
  let answerMs = Number.NEGATIVE_INFINITY
  const stop = new AbortController()
  let pinging = 0
  let waiting: (() => void)[] = []

  function enter(contact: Contact): void {
    const known = table.has(contact.peer)
    answerMs = clock.now()
    table.answered(greeted.get(contact.peer) ?? contact, answerMs)
    if (!known && table.has(contact.peer)) onChange()
  }

  function shun(peer: PeerId): void {
    shunned.set(peer, clock.now() + shunMs)
    if (shunned.size > shunnedMax) shunned.delete(shunned.keys().next().value!)
  }

  /** Nobody leaves while nobody answers: then it may be us who is offline. So judgement may have to wait for an answer. */
  function failed(contact: Contact, startMs: Millis): void {
    if (answerMs >= startMs - onlineMs) strike(contact)
    else
      clock.after(judgeMs, () => {
        if (answerMs >= startMs && !stop.signal.aborted) strike(contact)
      })
  }

  function strike(contact: Contact): void {
    const { peer } = contact
    if (table.failed(peer)) {
      log.debug('peer left the table', { peer })
      onChange()
    }
    if (table.has(peer)) peers.doubt(contact)
    else shun(peer)
  }

  /** It answered against the protocol. */
  function lied(peer: PeerId, why: unknown): void {
    log.info('peer broke the protocol', { peer, code: codeOf(why) })
    table.remove(peer)
    shun(peer)
  }

  const peers: Peers = {
    async ask(to, method, payload, { read, timeoutMs = requestTimeoutMs, signal, dial }) {
      const startMs = clock.now()
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
        roundTripOf(method).sample(clock.now() - startMs)
        if (direct) enter(to)
        return value
      } catch (err) {
        if (err instanceof BrokenAnswer) {
          lied(to.peer, err.cause)
          throw new MuttrError('WIRE_MALFORMED', 'an answer against the protocol', {
            cause: err.cause
          })
        }
        if (isSilence(err)) failed(to, startMs)
        else if (codeOf(err) === 'METHOD_UNKNOWN' && network.isConnected(to.peer))
          table.remove(to.peer)
        throw err
      }
    },

    hear(contacts) {
      for (const contact of contacts) {
        if (queue.size >= queueMax) return
        if (contact.peer === network.self || queue.has(contact.peer)) continue
        if ((shunned.get(contact.peer) ?? 0) > clock.now() || !table.wants(contact)) continue
        queue.set(contact.peer, contact)
      }
      work()
    },

    proved: enter,

    doubt(contact) {
      if (queue.size >= queueMax || doubted.has(contact.peer)) return
      doubted.add(contact.peer)
      queue.set(contact.peer, contact)
      work()
    },

    async ping(contact, signal) {
      const nonce = random.bytes(16)
      const read = (answer: Uint8Array) => {
        const signature = decodePong(answer)
        if (!signature || !keys.verify(contact.peer, pongBytes(nonce), signature))
          throw new MuttrError('SIGNATURE_INVALID', 'a pong that its peer did not sign')
      }
      try {
        await peers.ask(contact, 'ping', encodePing(nonce), { read, signal })
        enter(contact)
        return true
      } catch {
        shun(contact.peer)
        return false
      }
    },

    async idle() {
      if (pinging === 0 && queue.size === 0) return
      await new Promise<void>(resolve => waiting.push(resolve))
    },

    cost: reach.cost,

    hedgeMs: method => roundTripOf(method).hedgeMs,

    [Symbol.dispose]() {
      listening[Symbol.dispose]()
      stop.abort()
      queue.clear()
      for (const resolve of waiting) resolve()
    }
  }

  function work(): void {
    while (pinging < pingsAtOnce && !stop.signal.aborted) {
      const next = queue.values().next().value
      if (!next) break
      queue.delete(next.peer)
      if (!doubted.has(next.peer) && !table.wants(next)) continue
      pinging += 1
      void peers.ping(next, stop.signal).then(() => {
        pinging -= 1
        doubted.delete(next.peer)
        work()
      })
    }
    if (pinging > 0 || queue.size > 0) return
    const settled = waiting
    waiting = []
    for (const resolve of settled) resolve()
  }

  const greet = (contact: Contact) => {
    greeted.set(contact.peer, contact)
    if (table.has(contact.peer)) table.seen(contact.peer, clock.now())
    else peers.hear([contact])
  }
  const listening = network.onPeer(({ type, contact, server }) => {
    if (type === 'disconnected') greeted.delete(contact.peer)
    else if (server) greet(contact)
  })
  for (const { contact, server } of network.connected()) if (server) greet(contact)
  return peers
}
