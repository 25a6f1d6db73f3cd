import type { Log, PeerId, Session } from '../base/ports.ts'
import type { PodLimits } from './limits.ts'
import type { Served } from './session.ts'

/** Who is here: takes sessions in, so many and no more, and sees them off. */
export interface Reception extends AsyncDisposable {
  take(session: Session): void
  /** From now on nobody comes in; who is here stays. */
  close(): void
  open(): void
  served(): Iterable<Served>
  sessions(): Iterable<[Session, Served]>
  /** A session over which the peer is not proved has identified as a device of it. */
  name(session: Session, peer: PeerId): void
  /** The sessions of one peer, and those that it has said to be its own. */
  of(peer: PeerId): Iterable<Served>
  readonly size: number
}

interface Parts {
  limits: Pick<PodLimits, 'sessionsMax' | 'thinSessionsMax' | 'sessionsPerPeerMax'>
  log: Log
  serve: (session: Session) => Served
  /** Whether there is memory for one more. */
  hasRoom?: (() => boolean) | undefined
  onShed?: (() => void) | undefined
}

export function createReception({ limits, log, serve, hasRoom, onShed }: Parts): Reception {
  const here = new Map<Session, Served>()
  const ofPeer = new Map<PeerId, Set<Served>>()
  /** Whoever names a peer gives it what is their own; they take nothing of what the peer may. */
  const named = new Map<PeerId, Map<Session, Served>>()
  const nameOf = new Map<Session, PeerId>()
  let thin = 0
  let isClosed = false
  let ended = false

  const mayEnter = ({ peer, binding }: Session): boolean =>
    !ended &&
    !isClosed &&
    (binding === undefined
      ? here.size - thin < limits.sessionsMax
      : thin < limits.thinSessionsMax) &&
    (ofPeer.get(peer)?.size ?? 0) < limits.sessionsPerPeerMax
  const unname = (session: Session): void => {
    const peer = nameOf.get(session)
    if (peer === undefined) return
    nameOf.delete(session)
    const sessions = named.get(peer)!
    sessions.delete(session)
    if (sessions.size === 0) named.delete(peer)
  }

  return {
    take(session) {
      const { peer } = session
      const isShed = hasRoom?.() === false
      if (isShed) onShed?.()
      if (isShed || !mayEnter(session)) {
        log.debug('pod.session-refused', { peer })
        void session[Symbol.asyncDispose]()
        return
      }
      const served = serve(session)
      const sessions = ofPeer.get(peer) ?? new Set()
      here.set(session, served)
      if (session.binding !== undefined) thin += 1
      ofPeer.set(peer, sessions.add(served))
      void session.closed.then(() => {
        served[Symbol.dispose]()
        here.delete(session)
        if (session.binding !== undefined) thin -= 1
        unname(session)
        sessions.delete(served)
        if (sessions.size === 0 && ofPeer.get(peer) === sessions) ofPeer.delete(peer)
      })
    },
    close() {
      isClosed = true
    },
    open() {
      isClosed = false
    },
    name(session, peer) {
      const served = here.get(session)
      if (!served) return
      unname(session)
      nameOf.set(session, peer)
      named.set(peer, (named.get(peer) ?? new Map()).set(session, served))
    },
    served: () => here.values(),
    sessions: () => [...here],
    of: peer => [...(ofPeer.get(peer) ?? []), ...(named.get(peer)?.values() ?? [])],
    get size() {
      return here.size
    },
    async [Symbol.asyncDispose]() {
      ended = true
      await Promise.all([...here.keys()].map(session => session[Symbol.asyncDispose]()))
      for (const served of here.values()) served[Symbol.dispose]()
    }
  }
}
