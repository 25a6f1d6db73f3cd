import type { Log, PeerId, Session } from '../base/ports.ts'
import type { PodLimits } from './limits.ts'
import type { Served } from './session.ts'

/** Who is here: takes sessions in, so many and no more, and sees them off. */
export interface Reception extends AsyncDisposable {
  take(session: Session): void
  served(): Iterable<Served>
  sessions(): Iterable<[Session, Served]>
  /** The sessions of one peer. */
  of(peer: PeerId): Iterable<Served>
  readonly size: number
}

interface Parts {
  limits: Pick<PodLimits, 'sessionsMax' | 'sessionsPerPeerMax'>
  log: Log
  serve: (session: Session) => Served
}

export function createReception({ limits, log, serve }: Parts): Reception {
  const here = new Map<Session, Served>()
  const ofPeer = new Map<PeerId, Set<Served>>()
  let ended = false

  const mayEnter = (peer: PeerId): boolean =>
    !ended &&
    here.size < limits.sessionsMax &&
    (ofPeer.get(peer)?.size ?? 0) < limits.sessionsPerPeerMax

  return {
    take(session) {
      const { peer } = session
      if (!mayEnter(peer)) {
        log.debug('pod.session-refused', { peer })
        void session[Symbol.asyncDispose]()
        return
      }
      const served = serve(session)
      const sessions = ofPeer.get(peer) ?? new Set()
      here.set(session, served)
      ofPeer.set(peer, sessions.add(served))
      void session.closed.then(() => {
        served[Symbol.dispose]()
        here.delete(session)
        sessions.delete(served)
        if (sessions.size === 0 && ofPeer.get(peer) === sessions) ofPeer.delete(peer)
      })
    },
    served: () => here.values(),
    sessions: () => [...here],
    of: peer => ofPeer.get(peer) ?? [],
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
