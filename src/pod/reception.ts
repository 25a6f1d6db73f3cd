import type { Log, PeerId, Session } from '../base/ports.ts'
import type { PodLimits } from './limits.ts'
import type { Served } from './session.ts'

/** Who is here: takes sessions in, so many and no more, and sees them off. */
export interface Reception extends AsyncDisposable {
  take(session: Session): void
  served(): Iterable<Served>
  readonly size: number
}

interface Parts {
  limits: Pick<PodLimits, 'sessionsMax' | 'sessionsPerPeerMax'>
  log: Log
  serve: (session: Session) => Served
}

export function createReception({ limits, log, serve }: Parts): Reception {
  const here = new Map<Session, Served>()
  const ofPeer = new Map<PeerId, number>()
  let ended = false

  const count = (peer: PeerId, more: number): void => {
    const sessions = (ofPeer.get(peer) ?? 0) + more
    if (sessions > 0) ofPeer.set(peer, sessions)
    else ofPeer.delete(peer)
  }
  const mayEnter = (peer: PeerId): boolean =>
    !ended && here.size < limits.sessionsMax && (ofPeer.get(peer) ?? 0) < limits.sessionsPerPeerMax

  return {
    take(session) {
      const { peer } = session
      if (!mayEnter(peer)) {
        log.debug('pod.session-refused', { peer })
        void session[Symbol.asyncDispose]()
        return
      }
      const served = serve(session)
      here.set(session, served)
      count(peer, 1)
      void session.closed.then(() => {
        served[Symbol.dispose]()
        here.delete(session)
        count(peer, -1)
      })
    },
    served: () => here.values(),
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
