import { MuttrError } from '../base/errors.ts'
import type {
  Contact,
  Handler,
  Millis,
  Network,
  PeerEvent,
  PeerId,
  PeerKeys,
  RequestOptions,
  Session
} from '../base/ports.ts'
import { excessOf } from './excess.ts'
import type { VirtualNetwork } from './network.ts'
import { expire, overTheWire, Streams } from './streams.ts'

export interface NodeOptions {
  /** In server mode: answers requests. True unless told. */
  server?: boolean
  /** `behind`: behind a router without a port; it answers only those it is connected to. `open` unless told. */
  nat?: 'open' | 'behind'
}

/** After which TCP knocks again (RFC 6298). */
const dialAgainMs: Millis = 1_000
/** As `src/net/warmth.ts` has it. */
const sweepMs: Millis = 5_000

/** Of requests to be answered: nobody calls them off, as none goes over a wire that could break. */
const unending = new AbortController().signal

interface Settle {
  resolve(answer: Uint8Array): void
  reject(err: unknown): void
}

/** One node's end of the virtual network. */
export class VirtualNode implements Network {
  readonly keys: PeerKeys
  readonly self: PeerId
  readonly index: number
  /** Can be dialled. */
  server: boolean
  /** Requests this node sent, by method. */
  readonly sent = new Map<string, number>()
  /** Requests this node answered, by method, and the bytes of the answers. */
  readonly answered = new Map<string, { requests: number; bytes: number }>()
  dials = 0
  alive = true
  readonly streams: Streams
  /** Where it listens, when it can be dialled. */
  readonly address: string
  readonly #net: VirtualNetwork
  /** In server mode; it may be hidden all the same. */
  readonly #serves: boolean
  readonly #handlers = new Map<string, Handler>()
  readonly #listeners = new Set<(event: PeerEvent) => void>()
  readonly #connections = new Map<PeerId, { usedMs: Millis }>()
  #warm = new Set<PeerId>()
  /** What is called off when one of these signals aborts: many requests share one. */
  readonly #cancels = new WeakMap<AbortSignal, Set<() => void>>()
  /** As {@link contact} gave it last. */
  #contact: Contact = { peer: '', addresses: [] }
  #sweep: Disposable | undefined
  /** Until when what was given to the line before is still being sent. */
  #sendingMs: Millis = 0

  constructor(
    net: VirtualNetwork,
    { index, keys, server = true, nat = 'open' }: NodeOptions & { index: number; keys: PeerKeys }
  ) {
    this.#net = net
    this.index = index
    this.server = server && nat === 'open'
    this.#serves = server
    this.keys = keys
    this.self = keys.self
    this.address = `/ip4/127.${index >> 16}.${(index >> 8) & 255}.${index & 255}/tcp/4420`
    this.streams = new Streams(net, this)
  }

  /** One object for as long as it says the same. */
  contact(): Contact {
    const isSame =
      this.#contact.peer === this.self && this.#contact.addresses.length > 0 === this.server
    if (!isSame) this.#contact = { peer: this.self, addresses: this.server ? [this.address] : [] }
    return this.#contact
  }

  /** Gone from one moment to the next, with all it knew. */
  kill(): void {
    this.alive = false
    this.streams.die()
    const peers = [...this.#connections.keys()]
    if (this.#net.options.deaths === 'refused')
      for (const peer of peers) this.#net.nodes.get(peer)?.drop(this)
    else this.#net.after(this.#net.options.noticeMs, () => this.#noticed(peers))
    this.#connections.clear()
  }

  /** What they had with us before is over; what was made since we came back is not. */
  #noticed(peers: readonly PeerId[]): void {
    for (const peer of peers) {
      const other = this.#net.nodes.get(peer)
      if (!other || this.isConnected(peer) || !other.#connections.delete(this.self)) continue
      other.#emit({ type: 'disconnected', contact: this.contact(), server: this.server })
    }
  }

  /** The network has fallen apart: connections to the other side have brought nothing for so long that they are taken for dead. */
  noticeApart(): void {
    for (const peer of this.#connections.keys()) {
      const other = this.#net.nodes.get(peer)
      if (other && this.#net.apart(this, other)) this.drop(other)
    }
  }

  /** Back, under the same key, and connected to nobody. */
  revive(): void {
    this.alive = true
    this.#warm.clear()
  }

  /** How long so many bytes take on this node's line, with what waits before them. */
  sendMs(bytes: number): Millis {
    const { upBytesPerSecond } = this.#net.options
    if (upBytesPerSecond === Number.POSITIVE_INFINITY) return 0
    const nowMs = this.#net.clock.now()
    this.#sendingMs = Math.max(nowMs, this.#sendingMs) + (1_000 * bytes) / upBytesPerSecond
    return this.#sendingMs - nowMs
  }

  request(to: Contact, method: string, payload: Uint8Array, o: RequestOptions) {
    const { promise, resolve, reject } = Promise.withResolvers<Uint8Array>()
    const { signal } = o
    const end = () => {
      timer[Symbol.dispose]()
      cancels?.delete(cancel)
    }
    const refuse = (code: 'PEER_TIMEOUT' | 'PEER_UNREACHABLE' | 'CANCELLED') => {
      end()
      reject(new MuttrError(code, `simulated: ${method}`))
    }
    const cancel = () => refuse('CANCELLED')
    const timer = this.#net.after(o.timeoutMs, () => refuse('PEER_TIMEOUT'))
    const cancels = signal && this.#cancelsOf(signal)
    const settle: Settle = {
      resolve(answer) {
        end()
        resolve(answer)
      },
      reject(err) {
        end()
        reject(err)
      }
    }
    const target = this.#net.nodes.get(to.peer)
    if (signal?.aborted) cancel()
    else cancels?.add(cancel)
    if (signal?.aborted) return promise
    if (!this.#reach(to, target)) this.#net.after(1, () => refuse('PEER_UNREACHABLE'))
    else if (target) this.#exchange(target, method, payload, settle)
    else this.#countDial()
    return promise
  }

  #cancelsOf(signal: AbortSignal): Set<() => void> {
    let cancels = this.#cancels.get(signal)
    if (cancels) return cancels
    this.#cancels.set(signal, (cancels = new Set()))
    signal.addEventListener('abort', () => {
      for (const cancel of [...cancels]) cancel()
    })
    return cancels
  }

  #reach(to: Contact, target: VirtualNode | undefined): boolean {
    const { deaths } = this.#net.options
    if (!this.alive || to.peer === this.self) return false
    if (this.isConnected(to.peer)) return true
    if (to.addresses.length === 0) return false
    if (deaths === 'silent') return true
    return target?.server === true && target.alive
  }

  #exchange(target: VirtualNode, method: string, payload: Uint8Array, settle: Settle): void {
    const net = this.#net
    const isDialled = !this.isConnected(target.self)
    const count = () => this.#countRequest(target, method, payload.byteLength)
    if (isDialled) this.#countDial()
    else count()
    if (isDialled && !target.server) return
    net.carry({
      from: this,
      to: target,
      bytes: payload.byteLength,
      extraMs: isDialled ? net.dialMs(this, target) : 0,
      arrive: () => {
        if (isDialled) count()
        this.#connect(target)
        const back = (bytes: number, arrive: () => void) =>
          net.carry({ from: target, to: this, bytes, arrive })
        target.#answer(method, payload, this.self).then(
          answer => {
            net.counted(method, answer.byteLength)
            target.#countAnswer(method, answer.byteLength)
            back(answer.byteLength, () => settle.resolve(answer))
          },
          err => back(0, () => settle.reject(overTheWire(err)))
        )
      }
    })
  }

  /** There is a connection to send it on. */
  #countRequest(target: VirtualNode, method: string, bytes: number): void {
    const net = this.#net
    net.totals.requests += 1
    net.onRequest(this, target, method)
    net.counted(method, bytes)
    net.byMethod.set(method, (net.byMethod.get(method) ?? 0) + 1)
    this.sent.set(method, (this.sent.get(method) ?? 0) + 1)
  }

  #countDial(): void {
    this.dials += 1
    this.#net.totals.dials += 1
  }

  #countAnswer(method: string, bytes: number): void {
    const count = this.answered.get(method) ?? { requests: 0, bytes: 0 }
    count.requests += 1
    count.bytes += bytes
    this.answered.set(method, count)
  }

  async #answer(method: string, payload: Uint8Array, from: PeerId) {
    const handler = this.#serves ? this.#handlers.get(method) : undefined
    if (!handler) throw new MuttrError('METHOD_UNKNOWN', method)
    return handler(payload, from, unending)
  }

  #connect(target: VirtualNode): void {
    const nowMs = this.#net.clock.now()
    const ours = this.#connections.get(target.self)
    const theirs = target.#connections.get(this.self)
    if (ours) ours.usedMs = nowMs
    else this.#connections.set(target.self, { usedMs: nowMs })
    if (theirs) theirs.usedMs = nowMs
    else target.#connections.set(this.self, { usedMs: nowMs })
    // One of them may have been away, and the other does not know it yet.
    if (!ours) this.#emit({ type: 'connected', contact: target.contact(), server: target.server })
    if (!theirs) target.#emit({ type: 'connected', contact: this.contact(), server: this.server })
    const { connectionsMax } = this.#net.options
    for (const node of [this, target]) if (node.#connections.size > connectionsMax) node.#watch()
  }

  /** As `src/net/warmth.ts`, which looks every few seconds; here only where there may be something to do. */
  #watch(): void {
    this.#sweep ??= this.#net.after(sweepMs, () => {
      this.#sweep = undefined
      if (!this.alive) return
      this.#closeExcess()
      this.#dialMissing()
      if (this.#connections.size > this.#net.options.connectionsMax) this.#watch()
    })
  }

  #closeExcess(): void {
    const stays = (peer: PeerId) => this.#warm.has(peer) || this.streams.isOn(peer)
    const o = { max: this.#net.options.connectionsMax, nowMs: this.#net.clock.now(), stays }
    for (const peer of excessOf(this.#connections, o)) {
      const other = this.#net.nodes.get(peer)
      if (other) this.drop(other, { inPeace: other.alive && !this.#net.apart(this, other) })
      else this.#connections.delete(peer)
    }
  }

  /** Closes the connection between the two. @param o.inPeace both say goodbye, as none does that is dead or cut off. */
  drop(other: VirtualNode, { inPeace = false } = {}): void {
    this.#connections.delete(other.self)
    other.#connections.delete(this.self)
    const type = 'disconnected'
    this.#emit({ type, contact: other.contact(), server: other.server, inPeace })
    other.#emit({ type, contact: this.contact(), server: this.server, inPeace })
  }

  #emit(event: PeerEvent): void {
    if (event.type === 'disconnected' && this.#warm.has(event.contact.peer)) this.#watch()
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
    return [...this.#connections.keys()].flatMap(peer => {
      const node = this.#net.nodes.get(peer)
      return node ? [{ contact: node.contact(), server: node.server }] : []
    })
  }

  isServer(): boolean {
    return this.server
  }

  /** Can be dialled from now on, or no longer; tells those it is connected to. */
  stand(server: boolean): void {
    this.server = server
    for (const peer of this.#connections.keys()) {
      const other = this.#net.nodes.get(peer)
      if (other) other.#emit({ type: 'changed', contact: this.contact(), server })
    }
  }

  isConnected(peer: PeerId): boolean {
    return this.#connections.has(peer)
  }

  /** Nodes are free of subnets unless they are put into one. */
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
    const { connectionsMax, warmShare } = this.#net.options
    const most = Math.max(1, Math.floor(connectionsMax * warmShare))
    this.#warm = new Set(contacts.slice(0, most).map(c => c.peer))
    this.#dialMissing()
  }

  #dialMissing(): void {
    for (const peer of this.#warm) {
      const target = this.#net.nodes.get(peer)
      if (!target?.alive || !target.server || this.isConnected(peer)) continue
      this.#countDial()
      const dialMs = this.#net.dialMs(this, target)
      const arrive = () => this.#connect(target)
      this.#net.carry({ from: this, to: target, bytes: 0, extraMs: dialMs, arrive })
    }
  }

  async open(to: Contact, protocol: string, options: RequestOptions): Promise<Session> {
    return this.streams.open(await this.#connected(to, options), protocol, options)
  }

  accept(protocol: string, take: (session: Session) => void): void {
    this.streams.accept(protocol, take)
  }

  async dial(text: string, options: RequestOptions): Promise<Contact> {
    const [address = '', wanted] = text.split('/p2p/')
    const peer = this.#net.at(address)?.self ?? ''
    if (wanted !== undefined && wanted !== peer)
      throw new MuttrError('PEER_UNREACHABLE', `${wanted} does not listen at ${address}`)
    return (await this.#connected({ peer, addresses: [address] }, options)).contact()
  }

  /** @returns the node when a connection stands, dialling when there is none. */
  #connected(to: Contact, options: RequestOptions): Promise<VirtualNode> {
    const net = this.#net
    const { promise, resolve, reject } = Promise.withResolvers<VirtualNode>()
    const fail = (code: 'PEER_TIMEOUT' | 'PEER_UNREACHABLE' | 'CANCELLED') => {
      deadline[Symbol.dispose]()
      reject(new MuttrError(code, `simulated: ${to.peer}`))
    }
    const deadline = expire(net, options, fail)
    const target = net.nodes.get(to.peer)
    if (!this.#reach(to, target)) net.after(1, () => fail('PEER_UNREACHABLE'))
    else if (target && this.isConnected(to.peer)) {
      deadline[Symbol.dispose]()
      resolve(target)
    } else {
      this.#countDial()
      if (!target?.server) return promise
      const wayMs = net.wayMs(this, target, 0) + net.dialMs(this, target)
      net.after(wayMs + net.resentMs(dialAgainMs), () => {
        if (!this.alive || !target.alive || net.apart(this, target)) return
        deadline[Symbol.dispose]()
        this.#connect(target)
        resolve(target)
      })
    }
    return promise
  }
}
