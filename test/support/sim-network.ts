import { MuttrError } from '../../src/base/errors.ts'
import type {
  Clock,
  Contact,
  Handler,
  Log,
  Millis,
  Network,
  PeerEvent,
  PeerId,
  PeerKeys,
  Random,
  RequestOptions
} from '../../src/base/ports.ts'
import { Agenda } from './agenda.ts'
import { makeKeys } from './peer-keys.ts'

export interface SimOptions {
  seed?: number
  /** One way; each pair of nodes has its own between half and one and a half of it. */
  latencyMs?: Millis
  /** Part of all messages that never arrive. */
  loss?: number
  /** Connections a node keeps; the least recently used beyond it, and not warm, is closed. */
  connectionsMax?: number
  /** Round trips until a dialled connection can be used. */
  dialRoundTrips?: number
  /** How dead peers show: silence, or the connection is refused at once. */
  deaths?: 'silent' | 'refused'
  /** Part of the connections that keepWarm may hold. */
  warmShare?: number
}

/** Virtual time, dice and wires for hundreds of nodes that run the shipped code. Time jumps from event to event. */
export class SimNetwork {
  readonly options: Required<SimOptions>
  readonly clock: Clock
  readonly random: Random
  readonly nodes = new Map<PeerId, SimNode>()
  /** Of all nodes since the start. */
  readonly totals = { requests: 0, dials: 0, bytes: 0 }
  readonly byMethod = new Map<string, number>()
  /** Whether the network has fallen apart between two nodes: what one says does not reach the other. */
  apart: (a: SimNode, b: SimNode) => boolean = () => false
  readonly #agenda = new Agenda()
  #nowMs: Millis = 1_800_000_000_000
  #order = 0
  #state: number

  constructor(options: SimOptions = {}) {
    this.options = {
      seed: 1,
      latencyMs: 25,
      loss: 0,
      connectionsMax: 200,
      dialRoundTrips: 3,
      deaths: 'silent',
      warmShare: 0.5,
      ...options
    }
    this.#state = (this.options.seed * 0x9e3779b1) | 0 || 1
    this.clock = { now: () => this.#nowMs, after: (delayMs, run) => this.after(delayMs, run) }
    this.random = { bytes: length => Uint8Array.from({ length }, () => this.dice() * 256) }
  }

  /** 0 to 1. */
  dice(): number {
    let x = this.#state
    x ^= x << 13
    x ^= x >>> 17
    x ^= x << 5
    this.#state = x
    return (x >>> 0) / 2 ** 32
  }

  after(delayMs: Millis, run: () => void): Disposable {
    const event = { atMs: this.#nowMs + Math.max(0, Math.ceil(delayMs)), order: this.#order++, run }
    this.#agenda.push(event)
    return {
      [Symbol.dispose]() {
        event.run = () => {}
      }
    }
  }

  /** Runs events until `work` is settled; fails when nothing is left to happen. */
  async run<T>(work: Promise<T>): Promise<T> {
    let settled = false
    const watched = work.finally(() => {
      settled = true
    })
    watched.catch(() => {})
    for (;;) {
      await new Promise(resolve => setImmediate(resolve))
      if (settled) return watched
      const event = this.#agenda.pop()
      if (!event) throw new Error('the simulation has come to a halt')
      this.#nowMs = Math.max(this.#nowMs, event.atMs)
      event.run()
    }
  }

  /** Lets `ms` of virtual time pass. */
  async pass(ms: Millis): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    this.after(ms, resolve)
    await this.run(promise)
  }

  /** A node with a key of its own. */
  add(o: { server?: boolean } = {}): SimNode {
    const node = new SimNode(this, this.nodes.size, o.server ?? true)
    this.nodes.set(node.self, node)
    return node
  }

  latencyMs(a: SimNode, b: SimNode): Millis {
    const mixed = Math.imul((a.index + 1) * 7_919 + (b.index + 1) * 7_919, 0x9e3779b1) >>> 0
    return Math.round(this.options.latencyMs * (0.5 + mixed / 2 ** 32))
  }
}

export const silentLog: Log = { debug() {}, info() {}, warn() {} }

/** One node's end of the virtual network. */
export class SimNode implements Network {
  readonly keys: PeerKeys
  readonly self: PeerId
  readonly index: number
  server: boolean
  /** Requests this node sent, by method. */
  readonly sent = new Map<string, number>()
  dials = 0
  alive = true
  readonly #sim: SimNetwork
  /** In server mode; it may be hidden all the same. */
  readonly #serves: boolean
  readonly #handlers = new Map<string, Handler>()
  readonly #listeners = new Set<(event: PeerEvent) => void>()
  readonly #connections = new Map<PeerId, { usedMs: Millis }>()
  #warm = new Set<PeerId>()
  readonly #address: string

  constructor(sim: SimNetwork, index: number, server: boolean) {
    this.#sim = sim
    this.index = index
    this.server = server
    this.#serves = server
    this.keys = makeKeys(sim.random.bytes(32))
    this.self = this.keys.self
    this.#address = `/ip4/127.${index >> 16}.${(index >> 8) & 255}.${index & 255}/tcp/4420`
  }

  contact(): Contact {
    return { peer: this.self, addresses: this.server ? [this.#address] : [] }
  }

  /** Gone from one moment to the next, with all it knew. */
  kill(): void {
    this.alive = false
    for (const peer of this.#connections.keys()) {
      const other = this.#sim.nodes.get(peer)
      if (this.#sim.options.deaths === 'refused') other?.drop(this)
    }
    this.#connections.clear()
  }

  request(to: Contact, method: string, payload: Uint8Array, o: RequestOptions) {
    const { promise, resolve, reject } = Promise.withResolvers<Uint8Array>()
    const refuse = (code: 'PEER_TIMEOUT' | 'PEER_UNREACHABLE' | 'CANCELLED') =>
      reject(new MuttrError(code, `simulated: ${method}`))
    if (o.signal?.aborted) refuse('CANCELLED')
    const cancel = () => refuse('CANCELLED')
    o.signal?.addEventListener('abort', cancel, { once: true })
    const timer = this.#sim.after(o.timeoutMs, () => refuse('PEER_TIMEOUT'))
    promise
      .catch(() => {})
      .finally(() => {
        timer[Symbol.dispose]()
        o.signal?.removeEventListener('abort', cancel)
      })
    const target = this.#sim.nodes.get(to.peer)
    if (!this.#reach(to, target)) this.#sim.after(1, () => refuse('PEER_UNREACHABLE'))
    else if (target) this.#exchange(target, method, payload, { resolve, reject })
    return promise
  }

  #reach(to: Contact, target: SimNode | undefined): boolean {
    const { deaths } = this.#sim.options
    if (!this.alive || !target || to.peer === this.self) return false
    if (this.isConnected(to.peer)) return true
    if (to.addresses.length === 0) return false
    return target.alive || deaths === 'silent'
  }

  #exchange(
    target: SimNode,
    method: string,
    payload: Uint8Array,
    { resolve, reject }: { resolve(answer: Uint8Array): void; reject(err: unknown): void }
  ): void {
    const sim = this.#sim
    const { loss, dialRoundTrips } = sim.options
    const oneWayMs = sim.latencyMs(this, target)
    let delayMs = oneWayMs
    if (!this.isConnected(target.self)) {
      delayMs += 2 * oneWayMs * dialRoundTrips
      this.dials += 1
      sim.totals.dials += 1
    }
    sim.totals.requests += 1
    sim.totals.bytes += payload.byteLength
    sim.byMethod.set(method, (sim.byMethod.get(method) ?? 0) + 1)
    this.sent.set(method, (this.sent.get(method) ?? 0) + 1)
    const stop = new AbortController()
    sim.after(delayMs, () => {
      if (!target.alive || !this.alive || sim.apart(this, target) || sim.dice() < loss) return
      this.#connect(target)
      const back = (settle: () => void) =>
        sim.after(oneWayMs, () => {
          if (this.alive && target.alive && !sim.apart(this, target) && sim.dice() >= loss) settle()
        })
      target.#answer(method, payload, this.self, stop.signal).then(
        answer => {
          sim.totals.bytes += answer.byteLength
          back(() => resolve(answer))
        },
        err => back(() => reject(overTheWire(err)))
      )
    })
  }

  async #answer(method: string, payload: Uint8Array, from: PeerId, signal: AbortSignal) {
    const handler = this.#serves ? this.#handlers.get(method) : undefined
    if (!handler) throw new MuttrError('METHOD_UNKNOWN', method)
    return handler(payload.slice(), from, signal)
  }

  #connect(target: SimNode): void {
    const nowMs = this.#sim.clock.now()
    const isNew = !this.isConnected(target.self)
    this.#connections.set(target.self, { usedMs: nowMs })
    target.#connections.set(this.self, { usedMs: nowMs })
    if (!isNew) return
    this.#emit({ type: 'connected', contact: target.contact(), server: target.server })
    target.#emit({ type: 'connected', contact: this.contact(), server: this.server })
    this.#prune()
    target.#prune()
  }

  #prune(): void {
    const over = this.#connections.size - this.#sim.options.connectionsMax
    if (over <= 0) return
    const idle = [...this.#connections]
      .sort(
        ([a, x], [b, y]) =>
          Number(this.#warm.has(a)) - Number(this.#warm.has(b)) || x.usedMs - y.usedMs
      )
      .slice(0, over)
    for (const [peer] of idle) this.#sim.nodes.get(peer)?.drop(this)
  }

  /** Closes the connection between the two. */
  drop(other: SimNode): void {
    this.#connections.delete(other.self)
    other.#connections.delete(this.self)
    this.#emit({ type: 'disconnected', contact: other.contact(), server: other.server })
    other.#emit({ type: 'disconnected', contact: this.contact(), server: this.server })
  }

  #emit(event: PeerEvent): void {
    for (const listener of this.#listeners) listener(event)
  }

  serve(method: string, handler: Handler): void {
    this.#handlers.set(method, handler)
  }

  /** Replaces or wraps what a hostile node answers. */
  handler(method: string): Handler {
    return this.#handlers.get(method)!
  }

  connected() {
    return [...this.#connections.keys()].map(peer => {
      const node = this.#sim.nodes.get(peer)!
      return { contact: node.contact(), server: node.server }
    })
  }

  isServer(): boolean {
    return this.server
  }

  /** Can be dialled from now on, or no longer; tells those it is connected to. */
  stand(server: boolean): void {
    this.server = server
    for (const peer of this.#connections.keys())
      this.#sim.nodes.get(peer)!.#emit({ type: 'changed', contact: this.contact(), server })
  }

  isConnected(peer: PeerId): boolean {
    return this.#connections.has(peer)
  }

  /** Nodes are free of subnets unless a test puts them into one. */
  readonly subnets = new Map<PeerId, string>()

  subnetOf(peer: PeerId): string | undefined {
    return this.subnets.get(peer)
  }

  onPeer(listener: (event: PeerEvent) => void): Disposable {
    this.#listeners.add(listener)
    return { [Symbol.dispose]: () => this.#listeners.delete(listener) }
  }

  /** Dials those of the list that are not connected, up to `warmShare` of the limit. */
  keepWarm(contacts: readonly Contact[]): void {
    const warm = contacts.slice(0, this.#sim.options.connectionsMax * this.#sim.options.warmShare)
    this.#warm = new Set(warm.map(c => c.peer))
    for (const { peer } of warm) {
      const target = this.#sim.nodes.get(peer)
      if (!target?.alive || this.isConnected(peer)) continue
      this.dials += 1
      this.#sim.totals.dials += 1
      this.#sim.after(this.#sim.latencyMs(this, target) * 4, () => {
        if (this.alive && target.alive) this.#connect(target)
      })
    }
  }

  async open(): Promise<never> {
    throw new MuttrError('PEER_UNREACHABLE', 'private streams are not simulated')
  }

  accept(): void {}

  async dial(): Promise<never> {
    throw new MuttrError('PEER_UNREACHABLE', 'dialling addresses is not simulated')
  }
}

/** Only a code and a message cross the wire. */
const overTheWire = (err: unknown): MuttrError =>
  err instanceof MuttrError
    ? new MuttrError(err.code, err.message)
    : new MuttrError('INTERNAL', String(err))
