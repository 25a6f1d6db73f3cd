import { signal } from '@preact/signals'
import { useEffect, useState } from 'preact/hooks'
import { clock, gathered, lookAtClock } from '../../clock.ts'
import { type Problem, problemOf } from '../../data/ask.ts'
import { eventsIn } from '../../data/stream.ts'
import { events } from './ask.ts'

/** Grows when there may be something new. */
const changes = signal(0)
const changed = gathered(250, () => {
  changes.value++
})
/** What this page did itself, it shows at once. */
export const refresh = (): void => void changes.value++

const retryMs = { first: 500, most: 10_000 }
const pollMs = 20_000

/** Follows what happens at the pod until told to stop. */
export async function follow(stop: AbortSignal): Promise<void> {
  const poll = () => {
    if (stop.aborted) return
    if (document.visibilityState === 'visible') changed()
    clock.after(pollMs, poll)
  }
  clock.after(pollMs, poll)
  for (let waitMs = retryMs.first; !stop.aborted; ) {
    try {
      const answer = await events(stop)
      waitMs = retryMs.first
      changed()
      for await (const _ of eventsIn(answer)) {
        lookAtClock()
        changed()
      }
    } catch {
      // Whether the pod answers is shown; here it is only asked again.
    }
    await new Promise<void>(done => clock.after(waitMs, done))
    waitMs = Math.min(2 * waitMs, retryMs.most)
  }
}

export interface Loaded<T> {
  value: T | undefined
  problem: Problem | null
}

/**
 * What was asked for, asked again when something changed; the last good answer stays meanwhile.
 * @param of what the question depends on. @param isLive false: asked again only when that is another
 */
export function useLoad<T>(
  load: () => Promise<T>,
  of: readonly unknown[] = [],
  isLive = true
): Loaded<T> {
  const [loaded, setLoaded] = useState<Loaded<T>>({ value: undefined, problem: null })
  const now = isLive ? changes.value : 0
  useEffect(() => {
    let isCurrent = true
    load().then(
      value => isCurrent && setLoaded({ value, problem: null }),
      err => isCurrent && setLoaded(({ value }) => ({ value, problem: problemOf(err) }))
    )
    return () => {
      isCurrent = false
    }
  }, [now, ...of])
  return loaded
}
