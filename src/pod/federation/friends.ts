import type { Millis, PeerKeys } from '../../base/ports.ts'
import type { Gossip, PodSummary } from '../../wire/gossip.ts'
import {
  gossipKnownMax,
  gossipSummariesMax,
  podSummary,
  signedSummary,
  summaryBytes
} from '../../wire/gossip.ts'
import { createRates } from '../rates.ts'

/** A summary that was checked, and who signed it. */
export interface Heard extends PodSummary {
  readonly peer: string
  /** As it is passed on. */
  readonly frame: Uint8Array
}

/** Who a friend is, as it has shown itself. */
export interface FriendFace {
  /** Of its certificate. 64 hex digits. */
  readonly pin: string
  readonly peers: readonly string[]
}

/** What was new. */
export interface News {
  readonly hostname: string
  /** It was not heard of, had left or was silent; or leaves. */
  readonly isChange: boolean
}

/** A summary that is older is not believed to tell of a pod that is there. */
const silentMs: Millis = 45 * 60_000
/** An older one is not even taken: it would only be passed around. */
const oldMs: Millis = 2 * 3_600_000
const skewMs: Millis = 5 * 60_000
/** Of one friend, through whomever. */
const summariesOfOne = { burst: 6, everyMs: 60_000 }

/** How a friend seems to be: of one that is `silent` nobody has heard for three quarters of an hour. */
export type Presence = 'here' | 'leaving' | 'silent'

export const presenceOf = ({ state, atMs }: PodSummary, nowMs: Millis): Presence =>
  state === 'leaving' ? 'leaving' : nowMs - atMs > silentMs ? 'silent' : 'here'

/**
 * What was heard of friends: at most one summary of each, checked before it is kept or passed on. Decides without any input or output.
 * Source: docs/protocol/gossip.md
 */
export class Friends {
  readonly #heard = new Map<string, Heard>()
  readonly #rates = createRates('summaries of one pod', summariesOfOne)
  readonly #keys: Pick<PeerKeys, 'verify'>

  constructor(keys: Pick<PeerKeys, 'verify'>) {
    this.#keys = keys
  }

  of(hostname: string): Heard | undefined {
    return this.#heard.get(hostname)
  }

  /** What was heard of pods that are friends no more is forgotten. */
  keep(friends: ReadonlySet<string>): void {
    for (const hostname of this.#heard.keys())
      if (!friends.has(hostname)) this.#heard.delete(hostname)
  }

  /** What another is asked about. */
  known(friends: Iterable<string>): Gossip['known'] {
    return [...friends]
      .slice(0, gossipKnownMax)
      .map(hostname => ({ hostname, atMs: this.#heard.get(hostname)?.atMs ?? 0 }))
  }

  /** Frames that are newer than what another knows, of those that it asks about; of itself it knows best. */
  newer(known: Gossip['known'], asker: string, nowMs: Millis): Uint8Array[] {
    return known
      .flatMap(({ hostname, atMs }) => {
        const heard = hostname === asker ? undefined : this.#heard.get(hostname)
        return heard && heard.atMs > atMs && nowMs - heard.atMs < oldMs ? [heard.frame] : []
      })
      .slice(0, gossipSummariesMax - 1)
  }

  /**
   * One that somebody told. Refused, in this order: what is no summary; of no friend; no newer than what is known, too old or of the future;
   * of another certificate than the friend has shown; not signed by one of its peers; too often.
   * @returns undefined for what is not believed, or not new
   */
  async take(
    frame: Uint8Array,
    { nowMs, faceOf }: { nowMs: Millis; faceOf(hostname: string): Promise<FriendFace | undefined> }
  ): Promise<News | undefined> {
    const { summary, peer, signature } = signedSummary.decode(frame)
    const said = podSummary.decode(summary)
    const { hostname, atMs } = said
    const before = this.#heard.get(hostname)
    const isTimely = atMs > (before?.atMs ?? nowMs - oldMs) && atMs <= nowMs + skewMs
    if (!isTimely || nowMs - atMs >= oldMs) return undefined
    const face = await faceOf(hostname)
    if (!face) return undefined
    if (Buffer.from(said.pin).toString('hex') !== face.pin || !face.peers.includes(peer))
      return undefined
    if (!this.#keys.verify(peer, summaryBytes(summary), signature)) return undefined
    // Counted last: what others make up in its name must not use it up.
    if (!this.#rates.allows(hostname, nowMs)) return undefined
    // Another one came while its face was looked for.
    if ((this.#heard.get(hostname)?.atMs ?? 0) >= atMs) return undefined
    this.#heard.set(hostname, { ...said, peer, frame })
    const was = before && presenceOf(before, nowMs)
    return { hostname, isChange: was !== presenceOf(said, nowMs) }
  }
}
