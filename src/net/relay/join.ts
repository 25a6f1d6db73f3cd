import type { Stream } from '@libp2p/interface'
import { MuttrError } from '../../base/errors.ts'
import type { Clock, Millis } from '../../base/ports.ts'
import { endSoon } from '../stream.ts'

/** Bytes per second, with a burst: who takes more than there is waits until it would have been there. */
export class Pace {
  readonly #perSecond: number
  readonly #burst: number
  #left: number
  #atMs: Millis

  constructor(o: { bytesPerSecond: number; burstBytes: number; nowMs: Millis }) {
    this.#perSecond = o.bytesPerSecond
    this.#burst = o.burstBytes
    this.#left = o.burstBytes
    this.#atMs = o.nowMs
  }

  /** @returns how long to wait before taking more. */
  take(bytes: number, nowMs: Millis): Millis {
    const gained = (Math.max(0, nowMs - this.#atMs) * this.#perSecond) / 1_000
    this.#left = Math.min(this.#burst, this.#left + gained) - bytes
    this.#atMs = nowMs
    return this.#left >= 0 ? 0 : Math.ceil((-this.#left * 1_000) / this.#perSecond)
  }
}

interface Join {
  clock: Clock
  /** Of both directions together. */
  dataBytes: number
  durationMs: Millis
  /** All of them are to be obeyed. */
  paces: readonly Pace[]
  /** Called once, when both streams have ended. */
  onEnd(): void
}

/**
 * Makes one of two streams: what comes in on either goes out on the other, no faster than the other takes it and the paces allow,
 * until either ends or a limit is reached.
 */
export function join(a: Stream, b: Stream, o: Join): void {
  let leftBytes = o.dataBytes
  let isOver = false
  const end = (error?: Error) => {
    if (isOver) return
    isOver = true
    timer[Symbol.dispose]()
    for (const stream of [a, b]) {
      if (error) stream.abort(error)
      else endSoon(stream)
    }
    o.onEnd()
  }
  const timer = o.clock.after(o.durationMs, () =>
    end(new MuttrError('LIMIT_EXCEEDED', 'relayed for as long as this relay does'))
  )
  const spend = (bytes: number): Millis => {
    leftBytes -= bytes
    if (leftBytes < 0)
      end(new MuttrError('LIMIT_EXCEEDED', 'relayed as many bytes as this relay does'))
    const nowMs = o.clock.now()
    return Math.max(0, ...o.paces.map(pace => pace.take(bytes, nowMs)))
  }
  const flow = { clock: o.clock, spend, end, isOver: () => isOver }
  pour(a, b, flow)
  pour(b, a, flow)
}

interface Flow {
  clock: Clock
  spend(bytes: number): Millis
  end(error?: Error): void
  isOver(): boolean
}

function pour(from: Stream, to: Stream, { clock, spend, end, isOver }: Flow): void {
  let isFull = false
  let waits = 0
  // Later, not within a stream's event: a stream that is paused while it hands out what it had kept goes on granting its window.
  const settle = () =>
    queueMicrotask(() => {
      if (isOver() || (from.readStatus !== 'readable' && from.readStatus !== 'paused')) return
      if (isFull || waits > 0) from.pause()
      else from.resume()
    })
  from.addEventListener('message', ({ data }) => {
    const waitMs = spend(data.byteLength)
    if (isOver() || to.writeStatus !== 'writable') return
    try {
      isFull = !to.send(data)
    } catch {
      return end() // its own event is about to tell
    }
    if (waitMs > 0) {
      waits += 1
      clock.after(waitMs, () => {
        waits -= 1
        settle()
      })
    }
    if (isFull || waits > 0) settle()
  })
  to.addEventListener('drain', () =>
    // The stream's own listener empties its buffer in a microtask queued before this one; it may be full again at once.
    queueMicrotask(() => {
      if (to.writableNeedsDrain || to.writeBufferLength > 0) return
      isFull = false
      settle()
    })
  )
  from.addEventListener('close', () => end())
  from.addEventListener('remoteCloseWrite', () => end())
  if (from.status !== 'open') end()
}
