import type { MuttrEvent } from '../../base/events.ts'
import { clock, lookAtClock } from '../clock.ts'
import { access, ask } from './ask.ts'

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

/** Follows the node's events for as long as the page is open. EventSource cannot carry a token, so the stream is read by hand. */
export async function follow(): Promise<void> {
  for (let waitMs = retryMs.first; access.value === 'open'; ) {
    try {
      const answer = await ask('/events')
      waitMs = retryMs.first
      for (const listener of resumed) listener()
      if (answer.body) await read(answer.body)
    } catch {
      // Whether Muttr answers is shown; here it is only asked again.
    }
    await new Promise<void>(done => clock.after(waitMs, done))
    waitMs = Math.min(2 * waitMs, retryMs.most)
  }
}

async function read(body: ReadableStream<Uint8Array>): Promise<void> {
  const reader = body.pipeThrough(new TextDecoderStream() as never).getReader()
  for (let rest = ''; ; ) {
    const { value, done } = (await reader.read()) as ReadableStreamReadResult<string>
    if (done) return
    const lines = (rest + value).split('\n')
    rest = lines.pop() ?? ''
    for (const line of lines)
      if (line.startsWith('data: ')) {
        const event = JSON.parse(line.slice(6)) as MuttrEvent
        lookAtClock()
        for (const listener of listeners) listener(event)
      }
  }
}
