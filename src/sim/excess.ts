import type { Millis, PeerId } from '../base/ports.ts'

const idleMs: Millis = 60_000
const crowdedIdleMs: Millis = 2_000

/**
 * Of too many connections those to close, as `src/net/warmth.ts` chooses them: the longest unused, none that was used lately.
 * @param o.stays whether one is kept, or in use.
 */
export function excessOf(
  connections: ReadonlyMap<PeerId, { readonly usedMs: Millis }>,
  o: { max: number; nowMs: Millis; stays(peer: PeerId): boolean }
): PeerId[] {
  const excess = connections.size - o.max
  if (excess <= 0) return []
  const untilMs = o.nowMs - (excess > o.max / 2 ? crowdedIdleMs : idleMs)
  const idle = [...connections].filter(([peer, { usedMs }]) => usedMs <= untilMs && !o.stays(peer))
  idle.sort(([, a], [, b]) => a.usedMs - b.usedMs)
  return idle.slice(0, excess).map(([peer]) => peer)
}
