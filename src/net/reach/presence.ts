import type { Connection, Libp2p } from '@libp2p/interface'
import { MuttrError } from '../../base/errors.ts'
import { limits } from '../../base/limits.ts'
import type { Clock, Log, Millis, PeerId, Reachability } from '../../base/ports.ts'
import { decodeStanding, dialBackMethod, standingMethod } from '../../wire/reach.ts'
import { isRelayed } from '../addresses.ts'
import type { Link, Links } from '../links.ts'
import { systemRandom } from '../random.ts'
import type { RelayCaps, RelayServer } from '../relay/server.ts'
import type { RelayTransport } from '../relay/transport.ts'
import { DialBack } from './dial-back.ts'
import type { ReachInit } from './reacher.ts'
import { Reacher } from './reacher.ts'

export interface PresenceParts {
  libp2p: Libp2p
  clock: Clock
  log: Log
  links: Pick<Links, 'greeted' | 'listen' | 'heard'>
  transport: RelayTransport
  init: ReachInit
  client: boolean
  /** Carries peers that cannot be dialled. */
  relay: boolean | Partial<RelayCaps>
  closing: AbortSignal
  connect: (address: string, signal: AbortSignal) => Promise<Connection>
  onChange(): void
}

const standingEveryMs: Millis = 30_000

/** What a node is to others, and does for theirs: dials back, relays, hears and tells standings. */
export class Presence implements AsyncDisposable {
  readonly #p: PresenceParts
  readonly #reacher: Reacher
  readonly #dialBack: DialBack
  readonly #standings = new WeakMap<Link, { left: number; atMs: Millis }>()
  #relay: RelayServer | undefined

  constructor(parts: PresenceParts) {
    this.#p = parts
    this.#reacher = new Reacher({ ...parts, random: systemRandom })
    this.#dialBack = new DialBack(parts)
  }

  async start(): Promise<void> {
    const { relay } = this.#p
    if (relay !== false) {
      // Loaded only where others are relayed.
      const { RelayServer } = await import('../relay/server.ts')
      this.#relay = new RelayServer({ ...this.#p, caps: relay === true ? {} : relay })
    }
    this.#reacher.start()
  }

  greeting(connection: Connection) {
    return this.#reacher.greeting(connection)
  }
  greeted: Reacher['greeted'] = (link, said) => this.#reacher.greeted(link, said)
  isServer = (): boolean => this.#reacher.isServer()
  addresses = (): string[] => this.#reacher.addresses()
  places = (): string[] => this.#reacher.places()
  reach = (): Reachability => this.#reacher.reach()
  relaying = () => this.#relay?.usage
  look = (): void => this.#reacher.look()

  /** The IP address where a connected peer is; undefined for one that is seen through a relay alone. */
  hostOf(peer: PeerId): string | undefined {
    const direct = this.#p.libp2p
      .getConnections()
      .filter(({ remotePeer }) => remotePeer.toString() === peer)
      .find(({ remoteAddr }) => !isRelayed(remoteAddr))
    const [place] = direct?.remoteAddr.getComponents() ?? []
    return place?.name === 'ip4' || place?.name === 'ip6' ? place.value : undefined
  }
  /** As {@link DialBack.tries}. */
  tries: DialBack['tries'] = (peer, address, signal) => this.#dialBack.tries(peer, address, signal)

  /** Made only to see whether a peer can be dialled. */
  isTrial(connection: Connection): boolean {
    return this.#dialBack.isTrial(connection)
  }

  /** Carries others, or what leads to us: not to be closed. */
  isOn(connection: Connection): boolean {
    return this.#p.transport.isOn(connection) || (this.#relay?.isOn(connection) ?? false)
  }

  /** Answers what is about connections themselves. @returns undefined for any other method */
  answer(
    link: Link,
    method: string,
    payload: Uint8Array,
    signal: AbortSignal
  ): Promise<Uint8Array> | undefined {
    if (method === standingMethod) return this.#heard(link, payload)
    if (method === dialBackMethod && !this.#p.client)
      return this.#dialBack.answer(payload, link.connection, signal)
    return undefined
  }

  async #heard(link: Link, payload: Uint8Array): Promise<Uint8Array> {
    const said = decodeStanding(payload)
    const nowMs = this.#p.clock.now()
    const before = this.#standings.get(link) ?? { left: limits.standingsBurst, atMs: nowMs }
    const gained = Math.max(0, nowMs - before.atMs) / standingEveryMs
    const left = Math.min(limits.standingsBurst, before.left + gained) - 1
    if (left < 0) throw new MuttrError('LIMIT_EXCEEDED', 'its standing changes too often')
    this.#standings.set(link, { left, atMs: nowMs })
    this.#p.links.heard(link, said)
    return new Uint8Array(0)
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#reacher[Symbol.asyncDispose]()
  }
}
