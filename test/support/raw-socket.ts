import { once } from 'node:events'
import type { Socket } from 'node:net'
import { connect } from 'node:net'
import type { SecureVersion } from 'node:tls'
import { connect as connectTls } from 'node:tls'
import { encodeFrame, packFrames } from '../../src/wire/channel.ts'
import { thinPath, thinSubprotocol } from '../../src/wire/thin.ts'

/** A WebSocket client that does as it is told, and nothing by itself. */
export interface RawSocket {
  readonly socket: Socket
  /** Of the answer to the handshake. */
  readonly status: number
  /** Everything that came after it. */
  readonly heard: Buffer[]
  /** Resolves when the other end is gone. */
  readonly closed: Promise<void>
  /** Resolves when so many bytes have come after the handshake. */
  hears(bytes: number): Promise<void>
}

export interface Knock {
  port: number
  /** Over TLS with this authority; plain without. */
  ca?: string
  version?: SecureVersion
  path?: string
  /** Set or, with null, left out. */
  headers?: Record<string, string | null>
}

/** What a well-behaved client would ask, but for what is said otherwise. */
export async function knock(o: Knock): Promise<RawSocket> {
  const tls = { host: 'localhost', servername: 'localhost', port: o.port, ca: o.ca }
  const socket =
    o.ca === undefined
      ? connect(o.port, '127.0.0.1')
      : connectTls({ ...tls, ...(o.version && { maxVersion: o.version }) })
  socket.on('error', () => {})
  const closed = new Promise<void>(resolve => socket.once('close', () => resolve()))
  await once(socket, o.ca === undefined ? 'connect' : 'secureConnect')
  const headers = {
    Host: 'localhost',
    Connection: 'Upgrade',
    Upgrade: 'websocket',
    'Sec-WebSocket-Version': '13',
    'Sec-WebSocket-Key': Buffer.alloc(16, 7).toString('base64'),
    'Sec-WebSocket-Protocol': thinSubprotocol,
    ...o.headers
  }
  const lines = Object.entries(headers).filter(([, value]) => value !== null)
  socket.write(
    `GET ${o.path ?? thinPath} HTTP/1.1\r\n${lines.map(([n, v]) => `${n}: ${v}\r\n`).join('')}\r\n`
  )
  const heard: Buffer[] = []
  const status = await new Promise<number>((resolve, reject) => {
    let head = Buffer.alloc(0)
    socket.once('close', () => reject(new Error('closed before an answer')))
    const onData = (piece: Buffer): void => {
      head = Buffer.concat([head, piece])
      const end = head.indexOf('\r\n\r\n')
      if (end < 0) return
      socket.off('data', onData)
      heard.push(head.subarray(end + 4))
      socket.on('data', more => heard.push(more))
      resolve(Number(head.toString('latin1', 9, 12)))
    }
    socket.on('data', onData)
  })
  return {
    socket,
    status,
    heard,
    closed,
    async hears(bytes) {
      while (Buffer.concat(heard).byteLength < bytes) await once(socket, 'data')
    }
  }
}

interface FrameOf {
  opcode: number
  payload?: Uint8Array
  isMasked?: boolean
  /** Beside FIN. */
  flags?: number
  /** What it says of its length, where that is a lie. */
  said?: number
}

/** One frame of WebSocket (RFC 6455, 5.2), masked with zeros. */
export function webSocketFrame(o: FrameOf): Buffer {
  const { opcode, payload = Buffer.alloc(0), isMasked = true, flags = 0x80 } = o
  const head = Buffer.alloc(10)
  head[0] = flags | opcode
  head[1] = (isMasked ? 0x80 : 0) | 127
  head.writeBigUInt64BE(BigInt(o.said ?? payload.byteLength), 2)
  // Control frames say their length in seven bits.
  if (opcode < 8) return Buffer.concat([head, Buffer.alloc(isMasked ? 4 : 0), payload])
  const small = Buffer.from([head[0], (isMasked ? 0x80 : 0) | payload.byteLength])
  return Buffer.concat([small, Buffer.alloc(isMasked ? 4 : 0), payload])
}

export const binary = 2

/** How a channel begins. */
export const greetingBytes = (): Uint8Array =>
  packFrames([
    encodeFrame({
      ...{ type: 'greeting', server: false, addresses: [] },
      ...{ windowBytes: 1024 * 1024, inFlight: 16 }
    })
  ])
