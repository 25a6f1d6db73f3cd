import type { MuttrEvent } from '../../base/events.ts'
import { clock, lookAtClock } from '../clock.ts'
import { access, ask } from './ask.ts'
import { eventsIn } from './stream.ts'

type Listener = (event: MuttrEvent) => void

const listeners = new Set<Listener>()
const resumed = new Set<() => void>()
const retryMs = { first: 500, most: 10_000 }

export function onEvent(listener: Listener): () => void {
  listeners.add(listener)
  return () => listeners.delete(listener)
}

/** Called when events are heard again, and some may have been missed. */
export function onResume(listener: () => void): () => void {
  resumed.add(listener)
  return () => resumed.delete(listener)
}

/** Follows the node's events for as long as the page is open. */
export async function follow(): Promise<void> {
  for (let waitMs = retryMs.first; access.value === 'open'; ) {
    try {
      const answer = await ask('/events')
      waitMs = retryMs.first
      for (const listener of resumed) listener()
      for await (const event of eventsIn<MuttrEvent>(answer)) {
        lookAtClock()
        for (const listener of listeners) listener(event)
      }
    } catch {
      // Whether Muttr answers is shown; here it is only asked again.
    }
    await new Promise<void>(done => clock.after(waitMs, done))
    waitMs = Math.min(2 * waitMs, retryMs.most)
  }
}
