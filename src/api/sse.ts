import { utf8 } from '../base/bytes.ts'
import type { MuttrEvent } from '../base/events.ts'
import type { Clock } from '../base/ports.ts'
import { apiLimits } from './limits.ts'
import { malformed } from './schemas.ts'

interface EventStreamParts {
  events: AsyncIterable<{ type: string }>
  clock: Clock
  /** Called once, however the stream ends; must make a waiting `events` end. */
  onEnd: () => void
}

/**
 * Events as text/event-stream, one at a time as the reader takes them, with a comment when nothing happened for a while. A source that
 * fails ends the stream; it never errors, because the HTTP library would print that.
 */
export function eventStream({
  events,
  clock,
  onEnd
}: EventStreamParts): ReadableStream<Uint8Array> {
  const source = events[Symbol.asyncIterator]()
  let heartbeat: Disposable | undefined
  let ended = false
  const end = () => {
    if (ended) return
    ended = true
    heartbeat?.[Symbol.dispose]()
    onEnd()
  }
  return new ReadableStream<Uint8Array>({
    start(controller) {
      controller.enqueue(utf8(': muttr events\n\n'))
      const beat = () => {
        if ((controller.desiredSize ?? 0) > 0) controller.enqueue(utf8(': quiet\n\n'))
        heartbeat = clock.after(apiLimits.heartbeatMs, beat)
      }
      heartbeat = clock.after(apiLimits.heartbeatMs, beat)
    },
    async pull(controller) {
      const next = await source.next().catch(() => ({ done: true as const }))
      if (ended) return
      if (!next.done) return controller.enqueue(utf8(`data: ${JSON.stringify(next.value)}\n\n`))
      end()
      controller.close()
    },
    cancel() {
      end()
      source.return?.().catch(() => {})
    }
  })
}

/** Reads what {@link eventStream} wrote. @throws {MuttrError} `WIRE_MALFORMED` at a line longer than any event of ours. */
export async function* readEvents<T = MuttrEvent>(
  body: ReadableStream<Uint8Array>
): AsyncGenerator<T> {
  const decoder = new TextDecoder()
  let rest = ''
  for await (const chunk of body) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n')
    rest = lines.pop() ?? ''
    if (rest.length > apiLimits.jsonBytesMax) throw malformed('an event is too long')
    for (const line of lines) if (line.startsWith('data: ')) yield JSON.parse(line.slice(6))
  }
}
