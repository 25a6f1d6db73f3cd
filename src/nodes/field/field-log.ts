import { sha256, toHex, utf8 } from '../../base/bytes.ts'
import type { Millis, PeerId } from '../../base/ports.ts'
import type { Table } from '../../sim/result.ts'
import { sessionColumns } from '../../sim/sessions.ts'

const minuteMs: Millis = 60_000
const hourMs: Millis = 60 * minuteMs
/** Not heard of for so long: the session was over when it was heard of last. */
const silentMs: Millis = 15 * minuteMs
/** Of all tables of one set: then another set begins. */
const rowsMax = 20_000
/** Upper ends; the last one takes all that is slower. */
const boundsMs = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000]

interface Span {
  fromMs: Millis
  toMs: Millis
}

/**
 * What a seed may tell researchers: who of its neighbours was there when, under names that lead to nobody, how many requests came and went, how
 * long answers took. A machine: time comes in, tables go out. Source: docs/guides/research.md
 */
export class FieldLog {
  readonly #startMs: Millis
  readonly #salt: Uint8Array
  readonly #spans = new Map<PeerId, Span[]>()
  readonly #connected = new Set<PeerId>()
  /** By minute and method: `[sent, served]`. */
  readonly #counts = new Map<number, Map<string, [sent: number, served: number]>>()
  readonly #roundTrips = boundsMs.map(() => 0)
  #rows = 0

  /** @param salt is kept here alone, and goes with this object. */
  constructor(startMs: Millis, salt: Uint8Array) {
    this.#startMs = startMs
    this.#salt = salt
  }

  get isFull(): boolean {
    return this.#rows >= rowsMax
  }

  connected(peer: PeerId, nowMs: Millis): void {
    this.seen(peer, nowMs)
    this.#connected.add(peer)
  }

  disconnected(peer: PeerId, nowMs: Millis): void {
    if (!this.#connected.has(peer)) return
    this.seen(peer, nowMs)
    this.#connected.delete(peer)
  }

  /** It is there: it answered. */
  seen(peer: PeerId, nowMs: Millis): void {
    const spans = this.#spans.get(peer)
    const last = spans?.at(-1)
    if (last && (this.#connected.has(peer) || nowMs - last.toMs <= silentMs)) {
      last.toMs = nowMs
      return
    }
    if (this.isFull) return
    this.#rows += 1
    if (spans) spans.push({ fromMs: nowMs, toMs: nowMs })
    else this.#spans.set(peer, [{ fromMs: nowMs, toMs: nowMs }])
  }

  counted(method: string, which: 'sent' | 'served', nowMs: Millis): void {
    const minute = Math.floor((nowMs - this.#startMs) / minuteMs)
    const counts = this.#counts.get(minute) ?? new Map<string, [number, number]>()
    this.#counts.set(minute, counts)
    let count = counts.get(method)
    if (!count) {
      if (this.isFull) return
      this.#rows += 1
      counts.set(method, (count = [0, 0]))
    }
    count[which === 'sent' ? 0 : 1] += 1
  }

  roundTrip(ms: Millis): void {
    const at = boundsMs.findIndex(bound => ms <= bound)
    this.#roundTrips[at < 0 ? boundsMs.length - 1 : at]! += 1
  }

  /** Whoever is connected now, for the log that follows this one. */
  get neighbours(): readonly PeerId[] {
    return [...this.#connected]
  }

  tables(nowMs: Millis): { sessions: Table; requests: Table; roundtrips: Table } {
    for (const peer of this.#connected) this.seen(peer, nowMs)
    return { sessions: this.#sessions(), requests: this.#requests(), roundtrips: this.#trips() }
  }

  /** To the minute. Who was seen for less is not told of: a moment is no session. */
  #sessions(): Table {
    const hoursOf = (atMs: Millis) =>
      Number((Math.round((atMs - this.#startMs) / minuteMs) / 60).toFixed(4))
    const rows = [...this.#spans].flatMap(([peer, spans]) => {
      const name = toHex(sha256(this.#salt, utf8(peer))).slice(0, 12)
      return spans
        .map(({ fromMs, toMs }): [string, number, number] => [name, hoursOf(fromMs), hoursOf(toMs)])
        .filter(([, from, to]) => to > from)
    })
    rows.sort((a, b) => a[1] - b[1] || (a[0] < b[0] ? -1 : 1))
    return { columns: [...sessionColumns], units: ['', '', ''], rows }
  }

  #requests(): Table {
    const rows = [...this.#counts].flatMap(([minute, counts]) =>
      [...counts].map(([method, [sent, served]]) => {
        const atHours = Number(((minute * minuteMs) / hourMs).toFixed(4))
        return [atHours, method, sent, served]
      })
    )
    return {
      columns: ['atHours', 'method', 'sent', 'served'],
      units: ['h', '', 'requests a minute', 'requests a minute'],
      rows
    }
  }

  #trips(): Table {
    const rows = boundsMs.map((bound, i) => [
      i === boundsMs.length - 1 ? 'more' : bound,
      this.#roundTrips[i]!
    ])
    return { columns: ['atMostMs', 'answers'], units: ['ms', ''], rows }
  }
}
