import type { Millis, PeerId } from '../base/ports.ts'

const liedMs: Millis = 12 * 3_600_000
const fullMs: Millis = 30 * 60_000
const slowMs: Millis = 60_000
/** Without a copy that it had claimed or was given, so often within so long: now and then that is honest. */
const strikesMax = 3
const strikesMs: Millis = 12 * 3_600_000
/** Who has had enough of us so often within so long has no room. */
const refusalsMax = 5
const refusalsMs: Millis = 3_600_000
const peersMax = 512

interface Count {
  readonly count: number
  readonly sinceMs: Millis
}

/** Peers that do not do their part, for a while. Bounded; the longest known are forgotten first. */
export class Avoided {
  readonly #untilMs = new Map<PeerId, Millis>()
  readonly #slowUntilMs = new Map<PeerId, Millis>()
  readonly #strikes = new Map<PeerId, Count>()
  readonly #refusals = new Map<PeerId, Count>()

  /** Passed over: somebody else shall hold what belongs to it. */
  has(peer: PeerId, nowMs: Millis): boolean {
    return (this.#untilMs.get(peer) ?? 0) > nowMs
  }

  /** Not to be asked just now. */
  isSlow(peer: PeerId, nowMs: Millis): boolean {
    return (this.#slowUntilMs.get(peer) ?? 0) > nowMs
  }

  /** It did not prove what it had claimed, or lost what it was given. @returns whether it is passed over because of it. */
  strike(peer: PeerId, isLie: boolean, nowMs: Millis): boolean {
    const before = this.#strikes.get(peer)
    const isRecent = before !== undefined && nowMs - before.sinceMs < strikesMs
    const { count, sinceMs } = isRecent ? before : { count: 0, sinceMs: nowMs }
    if (!isLie && count + 1 < strikesMax) {
      keep(this.#strikes, peer, { count: count + 1, sinceMs })
      return false
    }
    this.#strikes.delete(peer)
    keep(this.#untilMs, peer, nowMs + liedMs)
    return true
  }

  /** It has no room. */
  fill(peer: PeerId, nowMs: Millis): void {
    keep(this.#untilMs, peer, nowMs + fullMs)
  }

  /** It has had enough of us for now. @returns whether it says so too often. */
  slow(peer: PeerId, nowMs: Millis): boolean {
    keep(this.#slowUntilMs, peer, nowMs + slowMs)
    const before = this.#refusals.get(peer)
    const isRecent = before !== undefined && nowMs - before.sinceMs < refusalsMs
    const { count, sinceMs } = isRecent ? before : { count: 0, sinceMs: nowMs }
    keep(this.#refusals, peer, { count: count + 1, sinceMs })
    return count + 1 >= refusalsMax
  }

  /** When the next slow one may be asked again. */
  nextMs(nowMs: Millis): Millis {
    let at = Number.POSITIVE_INFINITY
    for (const [peer, untilMs] of this.#slowUntilMs)
      if (untilMs <= nowMs) this.#slowUntilMs.delete(peer)
      else at = Math.min(at, untilMs)
    return at
  }
}

function keep<T>(map: Map<PeerId, T>, peer: PeerId, value: T): void {
  map.delete(peer)
  map.set(peer, value)
  if (map.size > peersMax) map.delete(map.keys().next().value!)
}
