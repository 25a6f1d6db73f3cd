import type { Stream } from '@libp2p/interface'
import { MuttrError } from '../base/errors.ts'
import type { Channel, Lane, LaneName } from './channel/channel.ts'

/** The writing end of a libp2p stream. */
export const laneOf = (stream: Stream): Lane => ({
  send(bytes) {
    // A stream that has closed tells so by its own event, which ends the channel.
    if (stream.writeStatus !== 'writable') return false
    try {
      return stream.send(bytes)
    } catch {
      return false
    }
  }
})

/**
 * Feeds a channel from a stream's events. Nothing is ever left unread, so nothing piles up in the stream: what the peer may send is
 * bounded by the channel's own credit.
 */
export function connectLane(stream: Stream, channel: Channel, lane: LaneName): void {
  stream.addEventListener('message', ({ data }) => {
    if (data instanceof Uint8Array) channel.receive(lane, data)
    else for (const piece of data) channel.receive(lane, piece)
  })
  stream.addEventListener('drain', () =>
    // The stream's own listener empties its buffer in a microtask queued before this one; it may be full again at once.
    queueMicrotask(() => {
      if (!stream.writableNeedsDrain && stream.writeBufferLength === 0) channel.drained(lane)
    })
  )
  // The reason tells an asker when the peer does not speak the protocol at all.
  stream.addEventListener('close', ({ error }) =>
    channel.ended(error instanceof MuttrError ? error : undefined)
  )
  stream.addEventListener('remoteCloseWrite', () => channel.ended())
  if (stream.status !== 'open' || stream.remoteWriteStatus === 'closed') channel.ended()
}

/** Resets a stream that brings more than `bytesMax` in all: for protocols that collect what comes until it makes sense. */
export function boundInput(stream: Stream, bytesMax: number): void {
  let bytes = stream.readBufferLength
  stream.addEventListener('message', ({ data }) => {
    bytes += data.byteLength
    if (bytes > bytesMax)
      stream.abort(new MuttrError('WIRE_TOO_LARGE', 'more than the protocol needs'))
  })
}

/** Ends what can be closed, so that what was written still leaves, a goodbye with its reason too; by force when that takes too long. */
export function endSoon(
  closing: Pick<Stream, 'close' | 'abort'>,
  error: Error = new MuttrError('PEER_CLOSED', 'closed')
): void {
  const end = async () => {
    try {
      await closing.close({ signal: AbortSignal.timeout(endMs) })
    } catch {
      closing.abort(error)
    }
  }
  void end()
}

const endMs = 2_000
