import type { Millis, PeerId } from '../../base/ports.ts'
import type { Figure, Table } from '../../sim/result.ts'
import { sessionColumns } from '../../sim/sessions.ts'
import { quantile } from '../full/figures.ts'
import type { Walked } from './walk.ts'

const hourMs: Millis = 3_600_000

interface Kept {
  /** Those that are over. */
  readonly sessions: [fromMs: Millis, toMs: Millis][]
  /** Under way: since when, and when it was seen last. */
  open: { fromMs: Millis; seenMs: Millis } | undefined
  awayMs: Millis | undefined
}

/**
 * Who was there from when to when, as walks saw it: a session begins and ends halfway between a walk that met the peer and one that did
 * not. Exact to half of what lies between two walks; who came back in between was never away.
 */
export class Presence {
  readonly #peers = new Map<PeerId, Kept>()
  #startMs: Millis | undefined
  /** The last walk that counts. */
  #last: { startMs: Millis; endMs: Millis } | undefined

  /**
   * Takes a walk in. One that was ended before it had tried everybody says nothing of who it did not try; one in which nobody answered at
   * all says something of us alone.
   */
  add({ peers, startMs, endMs, ended }: Walked): void {
    const answered = [...peers.values()].filter(({ state }) => state === 'answered')
    if (ended === 'stopped' || answered.length === 0) return
    const isFirst = this.#startMs === undefined
    this.#startMs ??= startMs
    for (const [peer, { state, atMs }] of peers)
      if (state === 'answered') this.#there(peer, isFirst ? startMs : atMs)
      else if (state !== 'untried') this.#away(peer, atMs)
    this.#last = { startMs, endMs }
  }

  #there(peer: PeerId, atMs: Millis): void {
    let kept = this.#peers.get(peer)
    if (!kept) this.#peers.set(peer, (kept = { sessions: [], open: undefined, awayMs: undefined }))
    if (kept.open) {
      kept.open.seenMs = atMs
      return
    }
    const beforeMs = kept.awayMs ?? this.#last?.startMs ?? atMs
    kept.open = { fromMs: (beforeMs + atMs) / 2, seenMs: atMs }
  }

  #away(peer: PeerId, atMs: Millis): void {
    const kept = this.#peers.get(peer)
    if (!kept) return
    kept.awayMs = atMs
    if (!kept.open) return
    kept.sessions.push([kept.open.fromMs, (kept.open.seenMs + atMs) / 2])
    kept.open = undefined
  }

  /** As a scenario replays it; undefined before there was a second walk. Source: docs/guides/research.md */
  table(nameOf: (peer: PeerId) => string): Table | undefined {
    const zeroMs = this.#startMs
    const last = this.#last
    if (zeroMs === undefined || !last || last.startMs === zeroMs) return undefined
    const hoursOf = (atMs: Millis) => Number(((atMs - zeroMs) / hourMs).toFixed(5))
    const rows = [...this.#peers].flatMap(([peer, { sessions, open }]) => {
      const isThere = open !== undefined && open.seenMs >= last.startMs
      const all = open
        ? [...sessions, [open.fromMs, isThere ? last.endMs : open.seenMs] as const]
        : sessions
      const spans = all.map(([fromMs, toMs]) => [hoursOf(fromMs), hoursOf(toMs)] as const)
      return spans
        .filter(([from, to]) => to > from)
        .map(([from, to]): [string, number, number] => [nameOf(peer), from, to])
    })
    rows.sort((a, b) => a[1] - b[1] || (a[0] < b[0] ? -1 : 1))
    return { columns: [...sessionColumns], units: ['', '', ''], rows }
  }

  /** Of all walks so far. */
  figures(): Record<string, Figure> {
    const over = [...this.#peers.values()].flatMap(({ sessions }) => sessions)
    const hours = over.map(([fromMs, toMs]) => (toMs - fromMs) / hourMs)
    const ended = quantile(hours, 0.5)
    return {
      'ever there': { value: this.#peers.size, unit: 'peers' },
      'sessions ended': { value: over.length, unit: 'sessions' },
      ...(ended !== undefined && { 'ended sessions p50': { value: ended, unit: 'h' } })
    }
  }
}
