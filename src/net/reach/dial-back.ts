import type { Connection, Libp2p } from '@libp2p/interface'
import { multiaddr } from '@multiformats/multiaddr'
import { MuttrError } from '../../base/errors.ts'
import { limits } from '../../base/limits.ts'
import type { Clock, Millis, PeerId, PortOutcome } from '../../base/ports.ts'
import { decodeDialBack, encodeDialBackAnswer } from '../../wire/reach.ts'
import { isRelayed, withoutPeer } from '../addresses.ts'
import { hostOf } from '../crowd.ts'
import { outcomeOf } from '../outcome.ts'
import { endSoon } from '../stream.ts'

interface Parts {
  libp2p: Libp2p
  clock: Clock
  closing: AbortSignal
}

const dialMs: Millis = 3_000
const minuteMs: Millis = 60_000

/**
 * Dials a peer where its connection comes from, at ports that it names, and says where it answered as itself: so that it learns
 * whether others can. Nobody can send us anywhere else than where he is himself. Source: docs/protocol/reach.md
 */
export class DialBack {
  readonly #p: Parts
  /** Peers being dialled for their own sake, until the try ends: no channel belongs on such a connection. */
  readonly #trying = new Map<PeerId, Promise<void>>()
  readonly #hosts = new Map<string, number>()
  #minute = 0
  #count = 0

  constructor(parts: Parts) {
    this.#p = parts
  }

  isTrial({ remotePeer, direction }: Connection): boolean {
    return direction === 'outbound' && this.#trying.has(remotePeer.toString())
  }

  /** @throws {MuttrError} `LIMIT_EXCEEDED`, `PEER_REFUSED` to one that came through a relay, `WIRE_MALFORMED` */
  async answer(frame: Uint8Array, from: Connection, signal: AbortSignal): Promise<Uint8Array> {
    const ports = decodeDialBack(frame)
    const [place] = from.remoteAddr.getComponents()
    if (isRelayed(from.remoteAddr) || !place?.value)
      throw new MuttrError('PEER_REFUSED', 'only the relay is seen from here')
    const peer = from.remotePeer.toString()
    this.#admit(hostOf(from), peer)
    const open: number[] = []
    for (const port of new Set(ports))
      if ((await this.tries(peer, `/${place.name}/${place.value}/tcp/${port}`, signal)) === 'open')
        open.push(port)
    return encodeDialBackAnswer({ seen: withoutPeer(from.remoteAddr), open })
  }

  /** Whether a peer answers as itself at an address. Where it is being tried already, that is waited for, some seconds at most. @throws the reason of `asked` while it waits */
  async tries(peer: PeerId, address: string, asked: AbortSignal): Promise<PortOutcome> {
    const ended = AbortSignal.any([asked, this.#p.closing])
    for (let before = this.#trying.get(peer); before; before = this.#trying.get(peer))
      await untilOver(before, ended)
    const over = Promise.withResolvers<void>()
    this.#trying.set(peer, over.promise)
    const late = AbortSignal.timeout(dialMs)
    const signal = AbortSignal.any([ended, late])
    try {
      const where = multiaddr(`${address}/p2p/${peer}`)
      endSoon(await this.#p.libp2p.dial(where, { signal, force: true }))
      return 'open'
    } catch (err) {
      return late.aborted ? 'timeout' : outcomeOf(err)
    } finally {
      this.#trying.delete(peer)
      over.resolve()
    }
  }

  #admit(host: string, peer: PeerId): void {
    const minute = Math.floor(this.#p.clock.now() / minuteMs)
    if (minute !== this.#minute) {
      this.#minute = minute
      this.#count = 0
      this.#hosts.clear()
    }
    const ofHost = this.#hosts.get(host) ?? 0
    const free =
      ofHost < limits.dialBacksPerHostPerMinute &&
      this.#count < limits.dialBacksPerMinute &&
      !this.#trying.has(peer)
    if (!free) throw new MuttrError('LIMIT_EXCEEDED', 'more dialling back than one host is given')
    this.#hosts.set(host, ofHost + 1)
    this.#count += 1
  }
}

/** @throws the signal's reason, once it aborts. */
async function untilOver(other: Promise<void>, signal: AbortSignal): Promise<void> {
  const { promise, reject } = Promise.withResolvers<never>()
  const stop = () => reject(signal.reason)
  signal.addEventListener('abort', stop, { once: true })
  try {
    signal.throwIfAborted()
    await Promise.race([other, promise])
  } finally {
    signal.removeEventListener('abort', stop)
  }
}
