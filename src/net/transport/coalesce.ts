import type { MessageStream } from '@libp2p/interface'

type Piece = Parameters<MessageStream['send']>[0]

/** So much in one turn of the event loop goes out without waiting for its end. */
const turnBytesMax = 256 * 1024
/** What may wait for a peer that does not read. yamux answers pings and the like however much waits already. */
const unreadBytesMax = 8 * 1024 * 1024

/**
 * Makes a stream send what it is given within one turn of the event loop as one piece. libp2p writes the length, the header, the body
 * and the tag of a message as packets of their own, and a window update beside each; see docs/decisions/011-half-a-round-trip.md.
 */
export function coalesce<T extends MessageStream>(stream: T): T {
  // libp2p's streams have it, but the interface that all of them share does not tell.
  const writable = () =>
    (stream as { writeStatus?: string }).writeStatus === 'writable' && stream.status === 'open'
  stream.maxWriteBufferLength = unreadBytesMax // libp2p ends it above
  const send = stream.send.bind(stream)
  const close = stream.close.bind(stream)
  const abort = stream.abort.bind(stream)
  let pieces: Uint8Array[] = []
  let size = 0
  let scheduled = false

  const flush = (): boolean => {
    scheduled = false
    if (size === 0 || !writable()) return !stream.writableNeedsDrain
    const whole = pieces.length === 1 ? pieces[0]! : Buffer.concat(pieces, size)
    pieces = []
    size = 0
    return send(whole)
  }
  const flushLater = () => {
    try {
      flush()
    } catch {
      // The stream failed while it sent: it has aborted itself and tells so by its event.
    }
  }

  stream.send = (data: Piece) => {
    if (!writable()) return send(data) // throws what it always threw
    if (data instanceof Uint8Array) pieces.push(data)
    else for (const piece of data) pieces.push(piece)
    size += data.byteLength
    if (size >= turnBytesMax) return flush()
    if (!scheduled) {
      scheduled = true
      // The queue of ticks runs when that of microtasks is empty: everything that follows from one event has then been sent.
      queueMicrotask(() => process.nextTick(flushLater))
    }
    return !stream.writableNeedsDrain
  }
  stream.close = async options => {
    // What a stream above this one was given in this turn has then come down here.
    await new Promise(resolve => setImmediate(resolve))
    flushLater()
    await close(options)
  }
  stream.abort = err => {
    flushLater() // last words, such as a goodbye
    abort(err)
  }
  return stream
}
