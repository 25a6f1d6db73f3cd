import { readFile } from 'node:fs/promises'
import { noise } from '@chainsafe/libp2p-noise'
import { identify } from '@libp2p/identify'
import type { Connection, MessageStream, Stream, StreamMuxerFactory } from '@libp2p/interface'
import { ping } from '@libp2p/ping'
import { tcp } from '@libp2p/tcp'
import { yamux } from '@libp2p/yamux'
import { multiaddr } from '@multiformats/multiaddr'
import { createLibp2p } from 'libp2p'
import type { ErrorCode } from '../../src/base/errors.ts'
import type { Frame } from '../../src/wire/channel.ts'
import { decodeFrame, encodeFrame, FrameReader, packFrames } from '../../src/wire/channel.ts'

export type Stranger = Awaited<ReturnType<typeof makeStranger>>

/**
 * A stock libp2p node, with a key of its own and no part of ours in it.
 * @param onMuxer is handed the encrypted connection below yamux, to write frames of its own on it.
 */
export async function makeStranger(onMuxer?: (below: MessageStream) => void) {
  const streamMuxer = (): StreamMuxerFactory => {
    const factory: StreamMuxerFactory = yamux()()
    const create = factory.createStreamMuxer.bind(factory)
    factory.createStreamMuxer = below => {
      onMuxer?.(below)
      return create(below)
    }
    return factory
  }
  const libp2p = await createLibp2p({
    transports: [tcp()],
    connectionEncrypters: [noise()],
    streamMuxers: [streamMuxer],
    connectionMonitor: { enabled: false },
    services: { identify: identify(), ping: ping() }
  })
  return {
    libp2p,
    connect: (address: string): Promise<Connection> => libp2p.dial(multiaddr(address)),
    async hangUp(): Promise<void> {
      for (const connection of libp2p.getConnections()) connection.abort(new Error('hung up'))
    },
    [Symbol.asyncDispose]: () => libp2p.stop() as Promise<void>
  }
}

export const openStream = (
  connection: Connection,
  protocol: string,
  maxOutboundStreams = 10_000
): Promise<Stream> => connection.newStream(protocol, { maxOutboundStreams })

/** Resolves when a stream has ended in both directions, or the connection under it. */
export function ended(stream: Stream): Promise<void> {
  if (stream.status !== 'open' || stream.remoteWriteStatus === 'closed') return Promise.resolve()
  return new Promise(resolve => {
    stream.addEventListener('close', () => resolve())
    stream.addEventListener('remoteCloseWrite', () => resolve())
  })
}

export const greeting: Frame = {
  type: 'greeting',
  server: false,
  addresses: [],
  windowBytes: 1024 * 1024,
  inFlight: 64
}

/** One of our channels spoken by hand, frame by frame, right or wrong. */
export class RawChannel {
  readonly stream: Stream
  /** What the other side said. */
  readonly heard: Frame[] = []
  readonly ended: Promise<void>
  readonly #reader = new FrameReader()
  #wake = Promise.withResolvers<void>()
  #over = false

  constructor(stream: Stream) {
    this.stream = stream
    this.ended = ended(stream).then(() => {
      this.#over = true
      this.#wake.resolve()
    })
    stream.addEventListener('message', ({ data }) => {
      for (const piece of data instanceof Uint8Array ? [data] : [...data])
        this.#reader.push(piece, raw => this.heard.push(decodeFrame(raw)))
      this.#wake.resolve()
      this.#wake = Promise.withResolvers()
    })
  }

  static async open(connection: Connection, protocol: string): Promise<RawChannel> {
    return new RawChannel(await openStream(connection, protocol))
  }

  bytes(...pieces: Uint8Array[]): boolean {
    return this.stream.send(Buffer.concat(pieces))
  }

  say(...frames: Frame[]): boolean {
    return this.bytes(packFrames(frames.map(encodeFrame)))
  }

  /** The first frame that fits, also of those heard before. @throws when the stream ends without one. */
  async hear(fits: (frame: Frame) => boolean): Promise<Frame> {
    for (;;) {
      const found = this.heard.find(fits)
      if (found) return found
      if (this.#over) throw new Error('the stream ended')
      await this.#wake.promise
    }
  }

  /** Waits for its end. @returns the code of its goodbye, or `closed` when none came. */
  async verdict(): Promise<ErrorCode | 'closed'> {
    try {
      const goodbye = await this.hear(f => f.type === 'goodbye')
      await this.ended
      return (goodbye.type === 'goodbye' && goodbye.code) || 'closed'
    } catch {
      return 'closed'
    }
  }

  /** Asks for a sign of life. What is said to a peer that is closing may cost its last words, so `closed` can have had a code. */
  async fate(): Promise<ErrorCode | 'closed' | 'kept'> {
    const nonce = 4_000_000_000
    try {
      this.say({ type: 'ping', nonce })
      const isPong = (f: Frame) => f.type === 'pong' && f.nonce === nonce
      await this.hear(f => f.type === 'goodbye' || isPong(f))
      if (this.heard.some(isPong)) return 'kept'
    } catch {
      // It has ended.
    }
    return this.verdict()
  }
}

/** Resident memory of a process, in MiB; Linux keeps it in /proc. */
export async function memoryOf(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8')
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(status)![1]) / 1024
}

/** Sends until so many bytes are gone, or the other side has ended it, or takes nothing any more for a while. @returns bytes sent. */
export async function pour(
  stream: MessageStream,
  piece: Uint8Array,
  totalBytes: number,
  patienceMs = 1_500
): Promise<number> {
  let sent = 0
  while (sent < totalBytes && stream.status === 'open') {
    try {
      if (!stream.send(piece) && !(await drained(stream, patienceMs))) break
    } catch {
      break
    }
    sent += piece.byteLength
  }
  return sent
}

function drained(stream: MessageStream, patienceMs: number): Promise<boolean> {
  return new Promise(resolve => {
    const late = setTimeout(() => resolve(false), patienceMs)
    const done = (is: boolean) => () => {
      clearTimeout(late)
      resolve(is)
    }
    stream.addEventListener('drain', done(true), { once: true })
    stream.addEventListener('close', done(false), { once: true })
  })
}
