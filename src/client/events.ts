import type { Emit, MuttrEvent } from '../base/events.ts'

/** Hands events to everybody who listens, now; nobody gets what happened before. */
export interface Events {
  emit: Emit
  /** Ends when `signal` aborts. A listener too slow for {@link bufferMax} events loses the oldest. */
  stream(signal: AbortSignal): AsyncGenerator<MuttrEvent, void, undefined>
}

const bufferMax = 1_000

interface Listener {
  buffer: MuttrEvent[]
  wake: () => void
}

/** @param sink is told of each event too, at once. */
export function createEvents(sink?: Emit): Events {
  const listeners = new Set<Listener>()

  async function* drain(listener: Listener, signal: AbortSignal): AsyncGenerator<MuttrEvent, void> {
    try {
      while (!signal.aborted) {
        const { promise, resolve } = Promise.withResolvers<void>()
        listener.wake = resolve
        const event = listener.buffer.shift()
        if (event) yield event
        else await promise
      }
    } finally {
      listeners.delete(listener)
    }
  }

  return {
    emit(event) {
      sink?.(event)
      for (const listener of listeners) {
        listener.buffer.push(event)
        if (listener.buffer.length > bufferMax) listener.buffer.shift()
        listener.wake()
      }
    },
    stream(signal) {
      // Registered here, not at the first `next`, so that nothing between the two is missed.
      const listener: Listener = { buffer: [], wake: () => undefined }
      const stop = () => {
        listeners.delete(listener)
        listener.wake()
      }
      signal.addEventListener('abort', stop, { once: true })
      if (!signal.aborted) listeners.add(listener)
      return drain(listener, signal)
    }
  }
}
