import { MuttrError } from '../../src/base/errors.ts'
import type {
  Contact,
  Network,
  PeerEvent,
  PeerId,
  RequestOptions,
  Session
} from '../../src/base/ports.ts'

type Answer = (method: string, payload: Uint8Array, signal: AbortSignal) => Promise<Uint8Array>

export interface FakeSession extends Session {
  /** Every request this end asked, as it left. */
  readonly asked: { method: string; payload: Uint8Array }[]
}

/** Sees what passes: each request, and again with its answer. */
export type Tap = (frame: {
  from: PeerId
  to: PeerId
  method: string
  payload: Uint8Array
  answer: Uint8Array | null
}) => void

/**
 * Two ends of one private stream, in memory. Frames arrive in order, in a later turn; closing one end closes both, and
 * requests under way fail with `PEER_CLOSED`. Errors cross as they do on a wire: a code and a message.
 */
export function sessionPair(
  a: PeerId,
  b: PeerId,
  tap: Tap = () => undefined,
  underWay = new Set<symbol>()
): [FakeSession, FakeSession] {
  const closed = Promise.withResolvers<void>()
  const down = new AbortController()
  const answerers: { a?: Answer; b?: Answer } = {}
  const close = async (): Promise<void> => {
    down.abort()
    closed.resolve()
  }
  const end = (peer: PeerId, mine: 'a' | 'b', theirs: 'a' | 'b'): FakeSession => {
    const asked: { method: string; payload: Uint8Array }[] = []
    return {
      peer,
      asked,
      closed: closed.promise,
      serve: answer => {
        answerers[mine] = answer
      },
      request: async (method, payload, options) => {
        asked.push({ method, payload })
        const frame = { from: peer === b ? a : b, to: peer, method, payload }
        tap({ ...frame, answer: null })
        const id = Symbol(method)
        underWay.add(id)
        try {
          const answerer = () => answerers[theirs]
          const given = await overWire(answerer, method, payload, options, down.signal)
          tap({ ...frame, answer: given })
          return given
        } finally {
          underWay.delete(id)
        }
      },
      [Symbol.asyncDispose]: close
    }
  }
  return [end(b, 'a', 'b'), end(a, 'b', 'a')]
}

async function overWire(
  answerer: () => Answer | undefined,
  method: string,
  payload: Uint8Array,
  { signal }: RequestOptions,
  down: AbortSignal
): Promise<Uint8Array> {
  if (down.aborted) throw new MuttrError('PEER_CLOSED', 'the stream has ended')
  const gone = Promise.withResolvers<never>()
  const onDown = () => gone.reject(new MuttrError('PEER_CLOSED', 'the stream ended'))
  const onAbort = () => gone.reject(new MuttrError('CANCELLED', 'cancelled'))
  down.addEventListener('abort', onDown)
  signal?.addEventListener('abort', onAbort)
  const work = async (): Promise<Uint8Array> => {
    await new Promise(resolve => setImmediate(resolve))
    const answer = answerer()
    if (!answer) throw new MuttrError('METHOD_UNKNOWN', method)
    try {
      const given = await answer(method, payload.slice(), down)
      await new Promise(resolve => setImmediate(resolve))
      return given.slice()
    } catch (err) {
      await new Promise(resolve => setImmediate(resolve))
      if (err instanceof MuttrError) throw new MuttrError(err.code, err.message)
      throw new MuttrError('INTERNAL', String(err), { cause: err })
    }
  }
  try {
    return await Promise.race([work(), gone.promise])
  } finally {
    down.removeEventListener('abort', onDown)
    signal?.removeEventListener('abort', onAbort)
  }
}

export interface FakeNetwork {
  /** The network as `self` sees it: only private streams. */
  at(self: PeerId): Pick<Network, 'self' | 'accept' | 'open' | 'dial' | 'onPeer'>
  /** From now on `peer` cannot be reached, and reaches nobody; its streams end. */
  unplug(peer: PeerId): Promise<void>
  plug(peer: PeerId): void
  /** Everybody sees that `peer` is there. */
  meet(peer: PeerId): void
}

/** Private streams between peers of one process. `underWay`: how many requests wait for their answer. */
export function fakeNetwork(tap?: Tap): FakeNetwork & { underWay(): number } {
  const takers = new Map<string, (session: Session) => void>()
  const sessions = new Map<PeerId, Set<Session>>()
  const away = new Set<PeerId>()
  const underWay = new Set<symbol>()
  const listeners = new Set<(event: PeerEvent) => void>()
  const remember = (peer: PeerId, session: Session): void => {
    sessions.set(peer, (sessions.get(peer) ?? new Set()).add(session))
  }
  return {
    at: self => ({
      self,
      onPeer(listener) {
        listeners.add(listener)
        return { [Symbol.dispose]: () => void listeners.delete(listener) }
      },
      async dial(address) {
        const peer = address.split('/p2p/').at(-1)!
        if (away.has(peer) || away.has(self))
          throw new MuttrError('PEER_UNREACHABLE', `${peer} is not there`)
        return { peer, addresses: [address] }
      },
      accept: (protocol, take) => void takers.set(`${self} ${protocol}`, take),
      async open(to: Contact, protocol: string, { signal }: RequestOptions) {
        if (signal?.aborted) throw new MuttrError('CANCELLED', 'cancelled')
        const take = takers.get(`${to.peer} ${protocol}`)
        if (!take || away.has(to.peer) || away.has(self))
          throw new MuttrError('PEER_UNREACHABLE', `${to.peer} is not there`)
        const [mine, theirs] = sessionPair(self, to.peer, tap, underWay)
        remember(to.peer, mine)
        remember(self, mine)
        take(theirs)
        return mine
      }
    }),
    underWay: () => underWay.size,
    async unplug(peer) {
      away.add(peer)
      const open = sessions.get(peer) ?? []
      sessions.delete(peer)
      for (const session of open) await session[Symbol.asyncDispose]()
    },
    plug: peer => void away.delete(peer),
    meet(peer) {
      const contact = { peer, addresses: [] }
      for (const listener of listeners) listener({ type: 'connected', contact, server: true })
    }
  }
}
