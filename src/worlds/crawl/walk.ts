import type { ErrorCode } from '../../base/errors.ts'
import { codeOf, MuttrError } from '../../base/errors.ts'
import { limits } from '../../base/limits.ts'
import type {
  Clock,
  Contact,
  Millis,
  Network,
  PeerId,
  PeerKeys,
  Place,
  PlaceOf,
  Random
} from '../../base/ports.ts'
import { bitOf, commonPrefix } from '../../routing/distance.ts'
import { believed } from '../../routing/subnet.ts'
import {
  decodeContacts,
  decodePong,
  encodeFindNode,
  encodePing,
  pongBytes
} from '../../wire/dht.ts'
import { Pace } from './pace.ts'
import { Queue } from './queue.ts'

interface WalkBounds {
  /** How long a walk may last. */
  lastsMs: Millis
  requests: number
  /** Known at most; who is heard of beyond is left out. */
  peers: number
  perSecond: number
  /** Peers asked at a time, each one question after the other. */
  atOnce: number
}

/**
 * `answered`; `silent`: dialled or connected, and no answer in time; `unreachable`; `refused`: it is there, and no seed; `lied`: against the
 * protocol; `untried`.
 */
type PeerState = 'answered' | 'silent' | 'unreachable' | 'refused' | 'lied' | 'untried'

/** What a walk found out about one peer. */
export interface Seen {
  contact: Contact
  readonly place: Place
  state: PeerState
  /** When it answered first, or was given up. */
  atMs: Millis
  /** As its greeting says. */
  server: boolean | undefined
  /** From us, over a connection that stood. */
  rttMs: Millis | undefined
  /** Whom its table holds, as far as it told. */
  readonly named: Set<PeerId>
  /** It was asked for all of its buckets, and answered. */
  isWhole: boolean
}

export interface Walked {
  readonly peers: ReadonlyMap<PeerId, Seen>
  readonly startMs: Millis
  readonly endMs: Millis
  readonly requests: number
  /** Heard of, and left out because there was no room. */
  readonly leftOut: number
  /** `done`: everybody known was tried; else what ended it before: time, requests, or whoever asked for it. */
  readonly ended: 'done' | 'late' | 'bounded' | 'stopped'
}

export interface WalkParts {
  network: Network
  clock: Clock
  random: Random
  keys: Pick<PeerKeys, 'verify'>
  placeOf: PlaceOf
  bounds: WalkBounds
  signal: AbortSignal
  onProgress(progress: WalkProgress): void
}

export interface WalkProgress {
  seen: number
  answered: number
  left: number
  requests: number
  remainingMs: Millis
}

const timeoutMs: Millis = 5_000
/** A peer that takes longer for its whole table holds up the others. */
const peerMs: Millis = 30_000
/** Buckets asked for: at more a network would have more nodes than there are addresses, or somebody makes them up. */
const bucketsMax = 32

const states: Partial<Record<ErrorCode, PeerState>> = {
  PEER_TIMEOUT: 'silent',
  PEER_CLOSED: 'silent',
  PEER_UNREACHABLE: 'unreachable',
  WIRE_MALFORMED: 'lied',
  WIRE_TOO_LARGE: 'lied',
  SIGNATURE_INVALID: 'lied'
}

/**
 * Asks everybody who can be heard of for all of their table, as a client: nobody takes us for a seed. Never rejects for what peers do.
 * @param from whom to begin with.
 */
export async function walk(parts: WalkParts, from: readonly Contact[]): Promise<Walked> {
  return await new Walk(parts).run(from)
}

class Walk {
  readonly #p: WalkParts
  readonly #peers = new Map<PeerId, Seen>()
  readonly #tries = new Map<PeerId, number>()
  readonly #queue = new Queue()
  readonly #pace: Pace
  readonly #startMs: Millis
  readonly #over = new AbortController()
  #requests = 0
  #leftOut = 0
  #answered = 0
  #round = 1
  #ended: Walked['ended'] = 'done'

  constructor(parts: WalkParts) {
    this.#p = parts
    this.#startMs = parts.clock.now()
    this.#pace = new Pace({ ...parts, perSecond: parts.bounds.perSecond })
  }

  async run(from: readonly Contact[]): Promise<Walked> {
    const { clock, network, bounds, signal } = this.#p
    const stop = () => this.#end('stopped')
    signal.addEventListener('abort', stop, { once: true })
    if (signal.aborted) stop()
    using _late = clock.after(bounds.lastsMs, () => this.#end('late'))
    using _listening = network.onPeer(({ type, contact, server }) => {
      const seen = this.#peers.get(contact.peer)
      if (!seen || type === 'disconnected') return
      seen.server = server
      if (contact.addresses.length > 0) seen.contact = contact
    })
    this.#hear(undefined, from)
    await this.#workers()
    // Whoever did not answer may have been busy: once more, when everybody else was asked.
    this.#round = 2
    for (const [peer, { state }] of this.#peers)
      if (state === 'silent' || state === 'unreachable') this.#queue.add(undefined, peer)
    await this.#workers()
    signal.removeEventListener('abort', stop)
    return {
      peers: this.#peers,
      startMs: this.#startMs,
      endMs: clock.now(),
      requests: this.#requests,
      leftOut: this.#leftOut,
      ended: this.#ended
    }
  }

  #end(why: Walked['ended']): void {
    if (this.#over.signal.aborted) return
    this.#ended = why
    this.#over.abort()
  }

  /** As many as may be asked at a time; those without work wait until somebody names somebody. */
  async #workers(): Promise<void> {
    const busy = new Set<Promise<void>>()
    for (;;) {
      while (busy.size < this.#p.bounds.atOnce && !this.#over.signal.aborted) {
        const peer = this.#queue.next(peer => this.#isDue(peer))
        if (peer === undefined) break
        const visit = this.#visit(this.#peers.get(peer)!).finally(() => busy.delete(visit))
        busy.add(visit)
      }
      if (busy.size === 0) return
      await Promise.race(busy)
    }
  }

  #isDue = (peer: PeerId): boolean => (this.#tries.get(peer) ?? 0) < this.#round

  #hear(teller: Seen | undefined, contacts: readonly Contact[]): void {
    const { network, placeOf, bounds } = this.#p
    for (const contact of contacts) {
      const { peer } = contact
      if (peer === network.self || peer === teller?.contact.peer) continue
      teller?.named.add(peer)
      const known = this.#peers.get(peer)
      if (!known && this.#peers.size >= bounds.peers) {
        this.#leftOut += 1
        continue
      }
      if (!known) {
        const place = placeIn(placeOf, peer)
        if (!place) continue
        this.#peers.set(peer, unknown(contact, place))
      }
      if (!this.#tries.has(peer)) this.#queue.add(teller?.contact.peer, peer)
    }
  }

  async #visit(seen: Seen): Promise<void> {
    const { clock, network } = this.#p
    const { peer } = seen.contact
    this.#tries.set(peer, (this.#tries.get(peer) ?? 0) + 1)
    const untilMs = clock.now() + peerMs
    try {
      await this.#ping(seen)
      this.#answered += 1
      seen.state = 'answered'
      seen.atMs = clock.now()
      seen.server ??= network.connected().find(({ contact }) => contact.peer === peer)?.server
      this.#queue.led(peer, true)
      const startMs = await this.#ping(seen)
      seen.rttMs = clock.now() - startMs
      seen.isWhole = await this.#readTable(seen, untilMs)
    } catch (err) {
      this.#failed(seen, err)
    }
    this.#tell()
  }

  #failed(seen: Seen, err: unknown): void {
    const code = codeOf(err)
    if (code === 'CANCELLED') return // it is we who ended it
    const state = code === undefined ? 'lied' : (states[code] ?? 'refused')
    if (seen.state === 'answered' && state !== 'lied') return
    if (seen.state === 'answered') this.#answered -= 1
    seen.state = state
    seen.atMs = this.#p.clock.now()
    this.#queue.led(seen.contact.peer, false)
  }

  /** @returns when it was sent. */
  async #ping(seen: Seen): Promise<Millis> {
    const { random, keys } = this.#p
    const nonce = random.bytes(16)
    const sentMs = await this.#turn()
    const signature = decodePong(await this.#ask(seen.contact, 'ping', encodePing(nonce)))
    if (!signature || !keys.verify(seen.contact.peer, pongBytes(nonce), signature))
      throw new MuttrError('SIGNATURE_INVALID', 'a pong that its peer did not sign')
    return sentMs
  }

  /**
   * Bucket by bucket, the farthest first: those nearest to a place in one are all of that bucket, then all that are nearer to the peer, then
   * farther ones. So the first answer that names a farther one, or fewer than fit, has shown the rest of the table.
   * @returns whether that was reached.
   */
  async #readTable(seen: Seen, untilMs: Millis): Promise<boolean> {
    const { clock, random, placeOf } = this.#p
    for (let bucket = 0; bucket < bucketsMax; bucket++) {
      if (clock.now() > untilMs) return false
      await this.#turn()
      const target = placeInBucket(seen.place, bucket, random.bytes(32))
      const answer = await this.#ask(seen.contact, 'find-node', encodeFindNode(target))
      const named = believed(seen.contact, decodeContacts(answer))
      this.#hear(seen, named)
      const isFarther = ({ peer }: Contact) => {
        const place = placeIn(placeOf, peer)
        return place !== undefined && commonPrefix(seen.place, place) < bucket
      }
      if (named.length < limits.contactsMax || named.some(isFarther)) return true
    }
    return false
  }

  /** Waits for our turn to send. @throws {MuttrError} `CANCELLED` when there is none any more. */
  async #turn(): Promise<Millis> {
    if (this.#requests >= this.#p.bounds.requests) this.#end('bounded')
    else this.#requests += 1
    return await this.#pace.turn(this.#over.signal)
  }

  #ask(to: Contact, method: string, payload: Uint8Array): Promise<Uint8Array> {
    const { signal } = this.#over
    return this.#p.network.request(to, method, payload, { timeoutMs, signal })
  }

  #tell(): void {
    const { clock, onProgress } = this.#p
    const seen = this.#peers.size
    const left = seen - this.#tries.size
    const remainingMs = ((clock.now() - this.#startMs) / this.#tries.size) * left
    onProgress({ seen, answered: this.#answered, left, requests: this.#requests, remainingMs })
  }
}

const unknown = (contact: Contact, place: Place): Seen => ({
  contact,
  place,
  state: 'untried',
  atMs: 0,
  server: undefined,
  rttMs: undefined,
  named: new Set(),
  isWhole: false
})

/** Undefined for what is no peer id. */
function placeIn(placeOf: PlaceOf, peer: PeerId): Place | undefined {
  try {
    return placeOf(peer)
  } catch {
    return undefined
  }
}

/** Shares exactly so many bits with `place`; the others by lot. */
function placeInBucket(place: Place, bucket: number, lot: Uint8Array): Place {
  const out = Uint8Array.from(lot)
  for (let bit = 0; bit <= bucket; bit++) {
    const mask = 128 >> (bit & 7)
    const value = bit < bucket ? bitOf(place, bit) : 1 - bitOf(place, bit)
    out[bit >> 3] = value ? out[bit >> 3]! | mask : out[bit >> 3]! & ~mask
  }
  return out
}
