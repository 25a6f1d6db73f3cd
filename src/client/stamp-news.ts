import type { Emit } from '../base/events.ts'
import type { Clock, Millis } from '../base/ports.ts'
import type { PutOptions } from '../seed/dht.ts'

const firstMs: Millis = 1_000

/** Says how the work for a put goes on, when it takes long: after 1, 2, 4, 8, … seconds. @param key in hex */
export function stampNews(
  { clock, emit }: { clock: Clock; emit: Emit },
  key: string
): Required<Pick<PutOptions, 'onStamp'>> {
  const startMs = clock.now()
  let nextMs = startMs + firstMs
  return {
    onStamp({ factor, share }) {
      const nowMs = clock.now()
      if (nowMs < nextMs) return
      nextMs = startMs + 2 * (nowMs - startMs)
      emit({ type: 'stamping', key, factor, share })
    }
  }
}
