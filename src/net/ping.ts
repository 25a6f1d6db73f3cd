import type { Stream } from '@libp2p/interface'

/** 128 pings on their way at once. */
const unreadBytesMax = 4_096
const lifeMs = 10_000

interface Inside {
  handlePing(stream: Stream): void
}

/**
 * Gives libp2p's ping an echo that holds little, before it is started: its own takes whatever comes for ten seconds and keeps
 * what the asker does not read, a gigabyte when it is asked to.
 */
export function tamePing(service: unknown): void {
  const ping = service as Partial<Inside> | undefined
  if (typeof ping?.handlePing !== 'function') throw new TypeError('@libp2p/ping has changed')
  ping.handlePing = echo
}

function echo(stream: Stream): void {
  const late = AbortSignal.timeout(lifeMs)
  const end = (why: string) => stream.abort(new Error(why))
  late.addEventListener('abort', () => end('a ping that takes too long'), { once: true })
  stream.addEventListener('message', ({ data }) => {
    if (stream.writeStatus !== 'writable') return
    if (stream.writeBufferLength + data.byteLength > unreadBytesMax) end('asks and reads nothing')
    else stream.send(data)
  })
  stream.addEventListener('remoteCloseWrite', () => {
    stream.close({ signal: late }).catch(end)
  })
}
