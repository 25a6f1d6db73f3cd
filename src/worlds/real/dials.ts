import type { Clock, Millis, Network, PeerId } from '../../base/ports.ts'
import { wrapNetwork } from '../../base/wrap-network.ts'

/** A connection that comes later came by another way. */
const mostMs: Millis = 10_000

/**
 * The same network, taking the time of dials: from a request to a peer that is not connected until it is, whether the request was still waiting
 * for that or not. What never came about is left out.
 */
export function timeDials(network: Network, clock: Clock): { network: Network; dialMs: Millis[] } {
  const dialMs: Millis[] = []
  const since = new Map<PeerId, Millis>()
  network.onPeer(({ type, contact: { peer } }) => {
    const startMs = since.get(peer)
    since.delete(peer)
    if (type !== 'connected' || startMs === undefined) return
    const ms = clock.now() - startMs
    if (ms <= mostMs) dialMs.push(ms)
  })
  const request: Network['request'] = (to, method, payload, options) => {
    const nowMs = clock.now()
    const startMs = since.get(to.peer)
    const isUnderWay = startMs !== undefined && nowMs - startMs <= mostMs
    if (!isUnderWay && !network.isConnected(to.peer)) since.set(to.peer, nowMs)
    return network.request(to, method, payload, options)
  }
  return { dialMs, network: wrapNetwork(network, { request }) }
}
