import type { Clock, Log, Millis, PeerId, PeerKeys, Random } from '../base/ports.ts'
import type { Dice } from './dice.ts'
import type { Distribution } from './distributions.ts'
import { draw } from './distributions.ts'
import { standInKeys } from './keys.ts'
import type { Latency } from './latency.ts'
import { dialRoundTrips, latencyOf } from './latency.ts'
import type { NodeOptions } from './node.ts'
import { VirtualNode } from './node.ts'
import type { World } from './world.ts'

export interface NetworkOptions {
  /** Evenly 12.5 to 37.5 ms unless told. */
  latency?: Latency
  /** Up to so much longer, by lot for each message: messages overtake each other. */
  jitterMs?: Millis
  /** Part of all messages that never arrive. */
  loss?: number
  /** What a node can send; messages wait for those before them. Unlimited unless told. */
  upBytesPerSecond?: number
  /** Connections a node keeps; what exceeds them is closed once it has been idle for a while, the longest unused first, none that is warm. */
  connectionsMax?: number
  /** Round trips until a dialled connection can be used. */
  dialRoundTrips?: number
  /** What a dial takes beside them, in milliseconds. Nothing unless told. */
  dialMs?: Distribution
  /** How dead peers show: silence, or the connection is refused at once. */
  deaths?: 'silent' | 'refused'
  /** After so long the others take a silent one's connection for closed; never unless told. Muttr's channels: 60 s to 80 s. */
  noticeMs?: Millis
  /** Part of the connections that keepWarm may hold. A third unless told, as `src/net/warmth.ts` has it. */
  warmShare?: number
  /** Makes a node's keys from 32 random bytes; stand-ins unless told. */
  makeKeys?: (random: Uint8Array) => PeerKeys
}

/**
 * Wires between nodes that run the shipped code. Modelled: latency, jitter, loss of whole messages, bandwidth of the sender, dialling,
 * connections that are closed when there are too many, partitions, nodes that cannot be dialled, death with and without a word, private
 * streams ({@link Streams}). Not modelled: TCP's and QUIC's own recovery and congestion but for private streams, libp2p's CPU and memory.
 */
export class VirtualNetwork {
  readonly world: World
  readonly options: Required<NetworkOptions>
  readonly clock: Clock
  readonly random: Random
  readonly nodes = new Map<PeerId, VirtualNode>()
  readonly #byAddress = new Map<string, VirtualNode>()
  /** Of all nodes since the start. `bytes` are those of requests and answers, without what carries them. */
  readonly totals = { requests: 0, dials: 0, bytes: 0, lost: 0 }
  /** Requests since the start. */
  readonly byMethod = new Map<string, number>()
  /** Requests and their answers. */
  readonly bytesByMethod = new Map<string, number>()
  /** Whether the network has fallen apart between two nodes: what one says does not reach the other. */
  apart: (a: VirtualNode, b: VirtualNode) => boolean = () => false
  /** Told of each request that there is a connection for. */
  onRequest: (from: VirtualNode, to: VirtualNode, method: string) => void = () => {}
  /** One way, between two nodes by their numbers, without jitter. */
  readonly latencyMs: (from: number, to: number) => Millis
  readonly #keyDice: Dice
  readonly #lossDice: Dice
  readonly #jitterDice: Dice
  readonly #dialDice: Dice
  /** When handshakes under way will be over, by who dials whom. */
  readonly #shaking = new Map<string, Millis>()
  #made = 0

  constructor(world: World, options: NetworkOptions = {}) {
    this.world = world
    this.options = {
      latency: { type: 'pairwise', ms: 25 },
      jitterMs: 0,
      loss: 0,
      upBytesPerSecond: Number.POSITIVE_INFINITY,
      connectionsMax: 200,
      dialRoundTrips,
      dialMs: { type: 'constant', value: 0 },
      deaths: 'silent',
      noticeMs: Number.POSITIVE_INFINITY,
      warmShare: 1 / 3,
      makeKeys: standInKeys,
      ...options
    }
    this.clock = world.clock
    this.random = world.dice('random')
    this.#keyDice = world.dice('keys')
    this.#lossDice = world.dice('loss')
    this.#jitterDice = world.dice('jitter')
    this.#dialDice = world.dice('dials')
    this.latencyMs = latencyOf(this.options.latency, world.dice('latency'))
  }

  /** A node with a key of its own. */
  add(options: NodeOptions = {}): VirtualNode {
    const keys = this.options.makeKeys(this.#keyDice.bytes(32))
    const node = new VirtualNode(this, { index: this.#made++, keys, ...options })
    this.nodes.set(node.self, node)
    this.#byAddress.set(node.address, node)
    return node
  }

  /** Who listens there, if anybody does. */
  at(address: string): VirtualNode | undefined {
    return this.#byAddress.get(address)
  }

  /** A dead one that will not come back. */
  forget(node: VirtualNode): void {
    this.nodes.delete(node.self)
    this.#byAddress.delete(node.address)
  }

  /** A message on its way: `arrive` is called at the other end, unless it is lost or one of the two is gone by then. */
  carry(o: {
    from: VirtualNode
    to: VirtualNode
    bytes: number
    extraMs?: Millis
    arrive(): void
  }): void {
    const { from, to, bytes, extraMs = 0, arrive } = o
    const wayMs = this.wayMs(from, to, bytes) + extraMs
    const isLost = this.#loses()
    this.world.after(wayMs, () => {
      if (isLost) this.totals.lost += 1
      else if (from.alive && to.alive && !this.apart(from, to)) arrive()
    })
  }

  /** How long a message is under way. */
  wayMs(from: VirtualNode, to: VirtualNode, bytes: number): Millis {
    const { jitterMs } = this.options
    const wayMs = this.latencyMs(from.index, to.index) + from.sendMs(bytes)
    return wayMs + (jitterMs > 0 ? this.#jitterDice.next() * jitterMs : 0)
  }

  /** Until a connection can be used. Whoever needs the same one meanwhile waits for the same handshakes. */
  dialMs(from: VirtualNode, to: VirtualNode): Millis {
    const { dialRoundTrips, dialMs } = this.options
    const tripsMs = 2 * this.latencyMs(from.index, to.index) * dialRoundTrips
    const { nowMs } = this.world
    const pair = `${from.index} ${to.index}`
    const overMs = this.#shaking.get(pair) ?? 0
    if (overMs > nowMs) return tripsMs + overMs - nowMs
    const handshakeMs = draw(dialMs, this.#dialDice)
    if (handshakeMs > 0) {
      this.#shaking.set(pair, nowMs + handshakeMs)
      this.world.after(handshakeMs, () => this.#shaking.delete(pair))
    }
    return tripsMs + handshakeMs
  }

  /** How much later a message comes that is sent again until it is not lost: first after `afterMs`, then after twice as long. */
  resentMs(afterMs: Millis): Millis {
    let ms = 0
    for (let waitMs = afterMs; this.#loses(); waitMs *= 2) ms += waitMs
    return ms
  }

  #loses(): boolean {
    const { loss } = this.options
    return loss > 0 && this.#lossDice.next() < loss
  }

  counted(method: string, bytes: number): void {
    this.totals.bytes += bytes
    this.bytesByMethod.set(method, (this.bytesByMethod.get(method) ?? 0) + bytes)
  }

  /** {@link World.run} */
  run<T>(work: Promise<T>): Promise<T> {
    return this.world.run(work)
  }

  /** {@link World.pass} */
  pass(ms: Millis): Promise<void> {
    return this.world.pass(ms)
  }

  /** {@link World.after} */
  after(delayMs: Millis, run: () => void): Disposable {
    return this.world.after(delayMs, run)
  }
}

export const silentLog: Log = { debug() {}, info() {}, warn() {} }
