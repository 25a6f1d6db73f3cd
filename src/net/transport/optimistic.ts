import type { MessageStream } from '@libp2p/interface'
import { MuttrError } from '../../base/errors.ts'

type Piece = Parameters<MessageStream['send']>[0]

/** libp2p's streams take what arrives by this method; its own transports and muxers call it. */
interface Feed {
  onData(data: Piece): void
}

/** One message of multistream-select: its length (below 128), the text, a line feed. */
function line(text: string): Buffer {
  const body = Buffer.from(`${text}\n`)
  if (body.byteLength > 127) throw new RangeError(`a protocol name of ${body.byteLength} bytes`)
  return Buffer.concat([Buffer.from([body.byteLength]), body])
}

/** What multistream-select says for `protocol`: asking and granting it look the same. */
export const selecting = (protocol: string): Buffer =>
  Buffer.concat([line('/multistream/1.0.0'), line(protocol)])

/** Swallows `expected` from the front of what arrives on a stream; anything else aborts it. */
export function swallow(stream: MessageStream, expected: Uint8Array): void {
  const feed = stream as MessageStream & Feed
  const onData = feed.onData
  let at = 0
  feed.onData = data => {
    for (const piece of data instanceof Uint8Array ? [data] : [...data]) {
      const part = piece.subarray(0, expected.byteLength - at)
      if (Buffer.compare(part, expected.subarray(at, at + part.byteLength)) !== 0) {
        stream.abort(new MuttrError('PEER_REFUSED', 'the peer does not speak the protocol'))
        return
      }
      at += part.byteLength
      if (at === expected.byteLength) feed.onData = onData
      if (piece.byteLength > part.byteLength) onData.call(feed, piece.subarray(part.byteLength))
    }
  }
}

/** Makes what is sent first wait for what is sent next: one packet. */
function holdFirst(stream: MessageStream): void {
  const send = stream.send
  stream.send = first => {
    stream.send = next => {
      stream.send = send
      send.call(stream, first)
      return send.call(stream, next)
    }
    return true
  }
}

/** Puts `head` before what is sent first. */
export function prefix(stream: MessageStream, head: Uint8Array): void {
  const send = stream.send
  stream.send = data => {
    stream.send = send
    const pieces = data instanceof Uint8Array ? [data] : [...data]
    return send.call(stream, Buffer.concat([head, ...pieces]))
  }
}

/** Plays the other side of multistream-select to a dialler, so that it goes on at once; the real answer is checked when it comes. */
export function assume(stream: MessageStream, protocol: string): void {
  const answer = selecting(protocol)
  const feed = stream as MessageStream & Feed
  const onData = feed.onData
  swallow(stream, answer)
  holdFirst(stream)
  const held = stream.send
  stream.send = first => {
    const sent = held.call(stream, first)
    queueMicrotask(() => onData.call(feed, answer))
    return sent
  }
}

/** Whether a stream has what this file reaches for. */
export const isFeed = (stream: MessageStream): boolean =>
  typeof (stream as MessageStream & Feed).onData === 'function'
