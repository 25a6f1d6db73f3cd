import { MuttrError } from '../base/errors.ts'
import type { Millis, PeerId, RequestOptions, Session } from '../base/ports.ts'
import type { VirtualNetwork } from './network.ts'
import type { VirtualNode } from './node.ts'

/** What is sent and not acknowledged is sent again after so long, then after twice as long, and so on: about as Linux does. */
const resendMs: Millis = 200
/** Bytes of a frame beside its payload. */
const frameBytes = 16

type Answer = Parameters<Session['serve']>[0]
type Take = (session: Session) => void

/** Only a code and a message cross the wire. */
export const overTheWire = (err: unknown): MuttrError =>
  err instanceof MuttrError
    ? new MuttrError(err.code, err.message)
    : new MuttrError('INTERNAL', String(err))

/**
 * Private streams of one node. A frame that is lost comes later, as TCP sends it again, and all behind it wait: frames arrive in order or
 * the stream ends. While two nodes are apart frames are kept; when one has waited for `noticeMs`, both ends close. When a node dies,
 * the other end closes after `noticeMs`, or at once where deaths are refused connections. Not modelled: windows, congestion.
 */
export class Streams {
  readonly #net: VirtualNetwork
  readonly #node: VirtualNode
  readonly #takers = new Map<string, Take>()
  readonly #ends = new Set<End>()
  readonly #counts = new Map<PeerId, number>()

  constructor(net: VirtualNetwork, node: VirtualNode) {
    this.#net = net
    this.#node = node
  }

  accept(protocol: string, take: Take): void {
    this.#takers.set(protocol, take)
  }

  /** Connections that carry one are not to be closed. */
  isOn(peer: PeerId): boolean {
    return this.#counts.has(peer)
  }

  /** The two are connected. @throws {MuttrError} `PEER_UNREACHABLE` when it takes no such streams, `PEER_TIMEOUT`, `CANCELLED` */
  open(to: VirtualNode, protocol: string, options: RequestOptions): Promise<Session> {
    const net = this.#net
    const { promise, resolve, reject } = Promise.withResolvers<Session>()
    const [mine, theirs] = pairOf(net, this.#node, to, protocol)
    const deadline = expire(net, options, code => {
      reject(new MuttrError(code, `simulated: ${protocol}`))
      void mine[Symbol.asyncDispose]()
    })
    void promise.catch(() => undefined).then(() => deadline[Symbol.dispose]())
    this.#keep(mine)
    mine.send(0, () => {
      const take = to.streams.#takers.get(protocol)
      if (take) {
        to.streams.#keep(theirs)
        take(theirs)
      }
      theirs.send(0, () => {
        if (take) return resolve(mine)
        reject(new MuttrError('PEER_UNREACHABLE', `${to.self} takes no ${protocol}`))
        mine.end()
      })
    })
    mine.closed.then(() => reject(new MuttrError('PEER_CLOSED', 'the stream ended')))
    return promise
  }

  #keep(end: End): void {
    this.#ends.add(end)
    this.#count(end.peer, 1)
    void end.closed.then(() => {
      this.#ends.delete(end)
      this.#count(end.peer, -1)
    })
  }

  #count(peer: PeerId, by: number): void {
    const count = (this.#counts.get(peer) ?? 0) + by
    if (count > 0) this.#counts.set(peer, count)
    else this.#counts.delete(peer)
  }

  /** The node dies, and says nothing. */
  die(): void {
    const { deaths, noticeMs } = this.#net.options
    for (const end of [...this.#ends]) {
      end.end()
      this.#net.after(deaths === 'refused' ? 0 : noticeMs, () => end.other.end())
    }
  }
}

/** @returns what calls `give` once unless disposed before. */
export function expire(
  net: VirtualNetwork,
  { timeoutMs, signal }: RequestOptions,
  give: (code: 'PEER_TIMEOUT' | 'CANCELLED') => void
): Disposable {
  let isOver = false
  const end = (code: 'PEER_TIMEOUT' | 'CANCELLED') => {
    if (isOver) return
    over()
    give(code)
  }
  const cancel = () => end('CANCELLED')
  const timer = net.after(timeoutMs, () => end('PEER_TIMEOUT'))
  const over = () => {
    isOver = true
    timer[Symbol.dispose]()
    signal?.removeEventListener('abort', cancel)
  }
  if (signal?.aborted) queueMicrotask(cancel)
  else signal?.addEventListener('abort', cancel, { once: true })
  return { [Symbol.dispose]: over }
}

function pairOf(net: VirtualNetwork, a: VirtualNode, b: VirtualNode, protocol: string): [End, End] {
  const [mine, theirs] = [new End(net, a, b, protocol), new End(net, b, a, protocol)]
  mine.other = theirs
  theirs.other = mine
  return [mine, theirs]
}

interface Frame {
  readonly sentMs: Millis
  readonly dueMs: Millis
  readonly arrive: () => void
}

/** One end of a private stream, and what it has sent. */
class End implements Session {
  readonly peer: PeerId
  readonly closed: Promise<void>
  other!: End
  readonly #net: VirtualNetwork
  readonly #from: VirtualNode
  readonly #to: VirtualNode
  readonly #name: string
  readonly #over = new AbortController()
  readonly #close: () => void
  readonly #pending = new Set<(err: MuttrError) => void>()
  /** Under way to the other end, in order. */
  readonly #frames: Frame[] = []
  #resendMs = resendMs
  #answer: Answer | undefined

  constructor(net: VirtualNetwork, from: VirtualNode, to: VirtualNode, protocol: string) {
    this.#net = net
    this.#from = from
    this.#to = to
    this.peer = to.self
    // `/muttr/pod/1` counts as `pod`.
    this.#name = protocol.split('/')[2] ?? protocol
    const { promise, resolve } = Promise.withResolvers<void>()
    this.closed = promise
    this.#close = resolve
  }

  get #isOver(): boolean {
    return this.#over.signal.aborted
  }

  serve(answer: Answer): void {
    this.#answer = answer
  }

  request(method: string, payload: Uint8Array, options: RequestOptions): Promise<Uint8Array> {
    const { promise, resolve, reject } = Promise.withResolvers<Uint8Array>()
    if (this.#isOver) {
      reject(new MuttrError('PEER_CLOSED', 'the stream has ended'))
      return promise
    }
    const net = this.#net
    const deadline = expire(net, options, code =>
      settle(() => reject(new MuttrError(code, method)))
    )
    const fail = (err: MuttrError) => settle(() => reject(err))
    const settle = (run: () => void) => {
      deadline[Symbol.dispose]()
      this.#pending.delete(fail)
      run()
    }
    this.#pending.add(fail)
    const name = `${this.#name}/${method}`
    net.totals.requests += 1
    net.byMethod.set(name, (net.byMethod.get(name) ?? 0) + 1)
    net.counted(name, payload.byteLength)
    this.send(payload.byteLength, () => {
      const { other } = this
      other.#answered(method, payload.slice()).then(
        answer => {
          net.counted(name, answer.byteLength)
          other.send(answer.byteLength, () => settle(() => resolve(answer.slice())))
        },
        err => other.send(0, () => fail(overTheWire(err)))
      )
    })
    return promise
  }

  async #answered(method: string, payload: Uint8Array): Promise<Uint8Array> {
    if (!this.#answer) throw new MuttrError('METHOD_UNKNOWN', method)
    return this.#answer(method, payload, this.#over.signal)
  }

  /** Hands a frame to the line; `arrive` is called at the other end, unless one of the two ends before. */
  send(bytes: number, arrive: () => void): void {
    if (this.#isOver) return
    const net = this.#net
    const sentMs = net.clock.now()
    const wayMs = net.wayMs(this.#from, this.#to, bytes + frameBytes) + net.resentMs(resendMs)
    const dueMs = Math.max(sentMs + wayMs, this.#frames.at(-1)?.dueMs ?? 0)
    this.#frames.push({ sentMs, dueMs, arrive })
    if (this.#frames.length === 1) net.after(dueMs - sentMs, () => this.#step())
  }

  #step(): void {
    const net = this.#net
    const nowMs = net.clock.now()
    const [head] = this.#frames
    if (!head || this.other.#isOver) return
    if (!this.#to.alive || net.apart(this.#from, this.#to)) {
      this.#wait(nowMs - head.sentMs)
      return
    }
    this.#resendMs = resendMs
    this.#frames.shift()
    const next = this.#frames[0]
    if (next) net.after(Math.max(0, next.dueMs - nowMs), () => this.#step())
    head.arrive()
  }

  /** Nothing comes through now: it is sent again, until that has lasted too long. */
  #wait(sinceMs: Millis): void {
    const net = this.#net
    if (sinceMs < net.options.noticeMs) {
      net.after(this.#resendMs, () => this.#step())
      this.#resendMs *= 2
    } else {
      this.end()
      this.other.end()
    }
  }

  /** This end is over; the other knows nothing of it. */
  end(): void {
    if (this.#isOver) return
    this.#over.abort()
    this.#close()
    for (const fail of [...this.#pending]) fail(new MuttrError('PEER_CLOSED', 'the stream ended'))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.send(0, () => this.other.end())
    this.end()
  }
}
