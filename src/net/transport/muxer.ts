import type { MessageStream, Stream, StreamMuxer, StreamMuxerFactory } from '@libp2p/interface'
import type { YamuxMuxerInit } from '@libp2p/yamux'
import { yamux } from '@libp2p/yamux'
import { coalesce } from './coalesce.ts'
import { prefix, selecting, swallow } from './optimistic.ts'
import { quiet } from './quiet.ts'

/** Of a yamux stream, what this file reaches for; {@link isYamux} checks that it is there. */
interface YamuxStream extends Stream {
  /** 0 before our SYN, 2 before our ACK: the next frame carries the flag. */
  state: number
  recvWindow: number
  recvWindowCapacity: number
  sendWindowUpdate(): void
}

interface RemoteStreams {
  onRemoteStream(stream: Stream): void
}

const isYamux = (stream: Stream): stream is YamuxStream => {
  const s = stream as YamuxStream
  return (
    typeof s.state === 'number' &&
    typeof s.recvWindow === 'number' &&
    typeof s.recvWindowCapacity === 'number' &&
    typeof s.sendWindowUpdate === 'function'
  )
}

const windowBytes = 1024 * 1024
/** What a stream may hold that nobody reads, on our side and on the other; the channel itself stays far below. */
const unreadBytesMax = { here: windowBytes, there: 4 * windowBytes }

/**
 * libp2p's yamux, quicker: what is sent in one turn is encrypted and written once; credit is returned in halves of the window, not with
 * each message; the window is one blob wide from the start; streams of `protocols` are opened without waiting to hear that the other
 * side has the protocol. On the wire it is the yamux and multistream-select of the specifications. docs/decisions/011, 012
 */
export const quickYamux =
  (protocols: (protocol: string) => boolean, config: YamuxMuxerInit = {}) =>
  (): StreamMuxerFactory => {
    const factory: StreamMuxerFactory = yamux(config)()
    const createStreamMuxer = factory.createStreamMuxer.bind(factory)
    factory.createStreamMuxer = connection => quicken(createStreamMuxer(coalesce(connection)))
    return factory

    function quicken(muxer: StreamMuxer): StreamMuxer {
      const createStream = muxer.createStream.bind(muxer)
      muxer.createStream = async options => {
        const stream = await createStream(options)
        const { protocol } = options ?? {}
        const assumed = protocol !== undefined && protocols(protocol)
        tune(stream, assumed)
        if (assumed) {
          stream.protocol = protocol
          prefix(stream, selecting(protocol))
          swallow(stream, selecting(protocol))
        }
        return stream
      }
      // Not by its event: a muxer that has a listener no longer keeps the streams that came before the connection listens.
      const remote = muxer as StreamMuxer & RemoteStreams
      const onRemoteStream = remote.onRemoteStream.bind(muxer)
      remote.onRemoteStream = stream => {
        tune(stream, false)
        onRemoteStream(stream)
      }
      return muxer
    }
  }

/** @param held whether the stream's first sign of life is its first data. */
function tune(stream: Stream & MessageStream, held: boolean): void {
  if (!isYamux(stream)) throw new TypeError('libp2p has changed: this is no yamux stream')
  quiet(stream)
  const update = stream.sendWindowUpdate.bind(stream)
  stream.recvWindow = windowBytes
  stream.maxReadBufferLength = unreadBytesMax.here
  stream.maxWriteBufferLength = unreadBytesMax.there
  stream.sendWindowUpdate = () => {
    const flagged = stream.state === 0 || stream.state === 2
    if (
      flagged ? !(held && stream.state === 0) : stream.recvWindowCapacity <= stream.recvWindow / 2
    )
      update()
  }
  if (!held) return
  const send = stream.send
  stream.send = data => {
    stream.send = send
    const more = send.call(stream, data) // carries the SYN
    update() // and this widens the window
    return more
  }
}
