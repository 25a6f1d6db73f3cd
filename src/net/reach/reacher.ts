import type { Connection, Libp2p } from '@libp2p/interface'
import { limits } from '../../base/limits.ts'
import type { Clock, Log, Millis, PeerId, Random, Reachability } from '../../base/ports.ts'
import { encodeStanding, standingMethod, type Standing as Told } from '../../wire/reach.ts'
import { isRelayed, scopeOf, scopes, withoutPeer } from '../addresses.ts'
import type { Link, Links } from '../links.ts'
import type { RelayTransport } from '../relay/transport.ts'
import { askRound, portsOf } from './ask.ts'
import { PortKeeper } from './port-keeper.ts'
import { RelayKeeper } from './relay-keeper.ts'
import type { StandingInit } from './standing.ts'
import { Standing, settleMs } from './standing.ts'

export interface ReachInit extends Omit<StandingInit, 'client'> {
  /** Ask the router for a port when nobody can dial us. */
  mapping: boolean
  /** Who may relay for us, before any other: multiaddrs with `/p2p/`. */
  relays: () => readonly string[]
}

export const usualReach: ReachInit = {
  announce: [],
  always: false,
  mapping: false,
  relays: () => []
}

export interface ReacherParts {
  libp2p: Libp2p
  clock: Clock
  log: Log
  random: Random
  links: Pick<Links, 'greeted' | 'listen'>
  transport: RelayTransport
  init: ReachInit
  client: boolean
  closing: AbortSignal
  connect: (address: string, signal: AbortSignal) => Promise<Connection>
  /** What others should dial has changed, or what we are to them. */
  onChange(): void
}

const tickMs: Millis = 15_000

/** Finds out whether others can dial us, does what makes it possible, and tells them what we are. Source: docs/protocol/reach.md */
export class Reacher implements AsyncDisposable {
  readonly #p: ReacherParts
  readonly #standing: Standing
  readonly #ports: PortKeeper
  readonly #relays: RelayKeeper
  /** When each peer last connected to us directly. */
  readonly #came = new Map<PeerId, Millis>()
  readonly #told = new WeakMap<object, string>()
  /** What peers are told, by how far away they are, as it was last told. */
  #last = ''
  #timer: Disposable | undefined
  #timerMs = Number.POSITIVE_INFINITY
  #work: Promise<void> | undefined
  /** A peer saw us at an address that is none of ours. */
  #isTranslated = false

  constructor(parts: ReacherParts) {
    this.#p = parts
    const { init, client, libp2p } = parts
    this.#standing = new Standing({ ...init, client })
    this.#ports = new PortKeeper(parts)
    this.#relays = new RelayKeeper({ ...parts, preferred: init.relays })
    libp2p.addEventListener('connection:open', ({ detail }) => this.#opened(detail))
    libp2p.addEventListener('connection:close', ({ detail }) => {
      if (this.#relays.lost(detail)) this.#changed()
    })
  }

  /** libp2p listens now. */
  start(): void {
    this.look()
    if (this.#p.client) return
    this.#p.links.listen(({ type, server, contact }) => {
      if (type === 'disconnected' || !server) return
      if (type === 'connected') this.#relays.back(contact.peer)
      this.#soon(settleMs)
    })
    this.#soon(tickMs)
  }

  /** The addresses of this machine may have changed. */
  look(): void {
    if (!this.#standing.own(this.#own(), this.#p.clock.now())) return
    this.#ports.again()
    this.#changed()
    this.#soon(settleMs)
  }

  /** What the greeting on a connection says of us. */
  greeting(connection: Connection): Told {
    return this.#standing.to(scopeOf(connection.remoteAddr))
  }

  /** The greeting has left on it: from now on it is told what changes. */
  greeted({ channel }: Pick<Link, 'channel'>, said: Told): void {
    this.#told.set(channel, JSON.stringify(said))
  }

  isServer(): boolean {
    return this.#standing.serverTo('machine')
  }

  addresses(): string[] {
    return this.#standing.addresses()
  }

  /** Wherever we may be dialled from, near or far; what we tell any one peer is a part of it. */
  places(): string[] {
    return [...new Set([...this.#own(), ...this.addresses()])]
  }

  reach(): Reachability {
    return this.#standing.reach()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#timer?.[Symbol.dispose]()
    await this.#work
    await this.#ports[Symbol.asyncDispose]()
  }

  #own(): string[] {
    return this.#p.transport.listening().map(withoutPeer)
  }

  #soon(delayMs: Millis): void {
    const { clock, closing } = this.#p
    const atMs = clock.now() + delayMs
    if (closing.aborted || atMs >= this.#timerMs) return
    this.#timer?.[Symbol.dispose]()
    this.#timerMs = atMs
    this.#timer = clock.after(delayMs, () => {
      this.#timerMs = Number.POSITIVE_INFINITY
      this.#work ??= this.#upkeep()
        .catch(err => this.#p.log.warn('finding out how we are reached failed', { err }))
        .finally(() => {
          this.#work = undefined
          this.#soon(this.#pauseMs())
        })
    })
  }

  #pauseMs(): Millis {
    const leftMs = this.#standing.dueMs - this.#p.clock.now()
    return leftMs > 0 ? Math.min(tickMs, leftMs) : tickMs
  }

  #opened(connection: Connection): void {
    if (connection.direction !== 'inbound' || isRelayed(connection.remoteAddr)) return
    const nowMs = this.#p.clock.now()
    const peer = connection.remotePeer.toString()
    this.#came.delete(peer)
    this.#came.set(peer, nowMs)
    if (this.#came.size > cameMax) this.#came.delete(this.#came.keys().next().value!)
    this.#standing.came(scopeOf(connection.remoteAddr), nowMs)
  }

  async #upkeep(): Promise<void> {
    const { clock, closing, init, random } = this.#p
    this.look()
    const standing = this.#standing
    if (clock.now() >= standing.dueMs) await this.#round()
    const wantsPort = init.mapping && (standing.isHidden || this.#ports.held !== undefined)
    if (wantsPort && this.#isTranslated) {
      const [port] = portsOf(this.#own(), '/ip4')
      const { mapping, failure } = await this.#ports.keep(port, { random, signal: closing })
      standing.mapped(mapping, clock.now(), failure)
      if (clock.now() >= standing.dueMs) await this.#round()
    }
    if (standing.isHidden) await this.#relays.keep()
    else this.#relays.release()
    this.#changed()
  }

  async #round(): Promise<void> {
    const { clock, links, random, closing } = this.#p
    const mapped = this.#standing.mapping
    const own = this.#own()
    const round = await askRound({
      links: links.greeted(),
      own,
      extraPort: mapped && Number(mapped.address.split('/').at(-1)),
      counts: scope => this.#standing.counts(scope),
      random,
      clock,
      signal: closing,
      cameSince: (peer, sinceMs) => (this.#came.get(peer) ?? -1) >= sinceMs
    })
    if (closing.aborted || !round) return
    this.#isTranslated = round.isTranslated
    const before = this.#standing.isHidden
    this.#standing.answered(round.found, clock.now())
    if (before !== this.#standing.isHidden)
      this.#p.log.info('how others reach us has changed', { ...this.reach() })
  }

  /** Tells everybody we are connected to who was told something else. */
  #changed(): void {
    this.#standing.relayed(this.#relays.addresses())
    const all = scopes.map(scope => this.#standing.to(scope))
    if (JSON.stringify(all) === this.#last) return
    this.#last = JSON.stringify(all)
    this.#p.onChange()
    for (const link of this.#p.links.greeted()) {
      const told = all[scopes.indexOf(scopeOf(link.connection.remoteAddr))]!
      const text = JSON.stringify(told)
      if (this.#told.get(link.channel) === text) continue
      this.#told.set(link.channel, text)
      link.channel
        .request(standingMethod, encodeStanding(told), { timeoutMs: tellMs })
        .catch(err => this.#p.log.debug('not told how we are reached', { err }))
    }
  }
}

const cameMax = limits.peersMeteredMax
const tellMs: Millis = 10_000
