import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import { TLSSocket } from 'node:tls'
import { WebSocketServer } from 'ws'
import type { Clock, Log, PeerId, Session } from '../../base/ports.ts'
import { bindingBytes, thinPath, thinSubprotocol } from '../../wire/thin.ts'
import { Slots } from '../channel/channel.ts'
import { socketOptions, ThinSession, ThinSocket } from './session.ts'

/** How many WebSockets a pod keeps. Source: docs/protocol/thin.md#limits */
const thinDoorLimits = {
  socketsMax: 32_768,
  /** Of one IPv4 /24 or IPv6 /48: providers have many phones behind one. */
  socketsPerSubnetMax: 1_024,
  /** Requests at work for all of them. */
  running: 256
}

interface Parts {
  clock: Clock
  log: Log
  limits?: Partial<typeof thinDoorLimits>
}

/** The pod's end of its channel over WebSockets: hangs in its door. */
export interface ThinDoor extends AsyncDisposable {
  readonly path: string
  readonly socketsMax: number
  /** Takes a connection over that asks to be a WebSocket. @param subnet the network that it is counted with */
  take(request: IncomingMessage, socket: Duplex, head: Buffer, subnet: string | undefined): void
  /** Whom sessions are handed to. */
  accept(take: (session: Session) => void): void
  /** Of visitors here, else undefined: as `Network.subnetOf`. */
  subnetOf(peer: PeerId): string | undefined
  readonly size: number
}

/** What a visitor is counted by: no peer id looks like this. */
const visitorId = (subnet: string | undefined, n: number): PeerId => `thin/${subnet ?? ''}/${n}`

export function createThinDoor({ clock, log, ...parts }: Parts): ThinDoor {
  const limits = { ...thinDoorLimits, ...parts.limits }
  const slots = new Slots(limits.running)
  const server = new WebSocketServer({
    ...socketOptions,
    noServer: true,
    clientTracking: false,
    WebSocket: ThinSocket,
    handleProtocols: () => thinSubprotocol
  })
  const sessions = new Set<ThinSession>()
  const perSubnet = new Map<string, number>()
  let take: (session: Session) => void = session => void session[Symbol.asyncDispose]()
  let visitors = 0
  let isOver = false

  const count = (subnet: string | undefined, by: number): void => {
    if (subnet === undefined) return
    const now = (perSubnet.get(subnet) ?? 0) + by
    if (now > 0) perSubnet.set(subnet, now)
    else perSubnet.delete(subnet)
  }
  const isFull = (subnet: string | undefined): boolean =>
    isOver ||
    sessions.size >= limits.socketsMax ||
    (subnet !== undefined && (perSubnet.get(subnet) ?? 0) >= limits.socketsPerSubnetMax)

  const onClosed = (session: ThinSession): void => {
    if (sessions.delete(session)) count(subnetOfVisitor(session.peer), -1)
  }
  // Refused before anything is made for it; what is left of the rules is for `ws` to check.
  server.on('wsClientError', (_err, socket) => refuse(socket, 400))

  return {
    path: thinPath,
    socketsMax: limits.socketsMax,
    take(request, socket, head, subnet) {
      const binding = bindingOf(socket)
      const asked = request.headers['sec-websocket-protocol']?.split(',').map(p => p.trim())
      if (request.headers.origin !== undefined) return void refuse(socket, 403)
      if (binding === undefined || !asked?.includes(thinSubprotocol))
        return void refuse(socket, 400)
      if (isFull(subnet)) return void refuse(socket, 503)
      server.handleUpgrade(request, socket, head, opened => {
        const peer = visitorId(subnet, ++visitors)
        const session = new ThinSession({
          ...{ socket: opened, peer, binding, clock, log, slots, onClosed }
        })
        sessions.add(session)
        count(subnet, 1)
        take(session)
      })
    },
    accept(handler) {
      take = handler
    },
    subnetOf: subnetOfVisitor,
    get size() {
      return sessions.size
    },
    async [Symbol.asyncDispose]() {
      isOver = true
      await Promise.all([...sessions].map(session => session[Symbol.asyncDispose]()))
      for (const session of sessions) session.refuse()
    }
  }
}

const subnetOfVisitor = (peer: PeerId): string | undefined => {
  const [kind, subnet] = peer.split('/')
  return kind === 'thin' && subnet !== '' ? subnet : undefined
}

/**
 * @returns null behind a proxy, which speaks TLS for us; undefined for a version of TLS that has nothing to bind to: who could choose it
 *   could choose to stand in between.
 */
function bindingOf(socket: Duplex): Uint8Array | null | undefined {
  if (!(socket instanceof TLSSocket)) return null
  return tlsBinding(socket)
}

/** RFC 9266. @returns undefined before TLS 1.3 */
export function tlsBinding(socket: TLSSocket): Uint8Array | undefined {
  if (socket.getProtocol() !== 'TLSv1.3') return undefined
  const none = Buffer.alloc(0)
  return new Uint8Array(socket.exportKeyingMaterial(bindingBytes, 'EXPORTER-Channel-Binding', none))
}

const reasons = { 400: 'Bad Request', 403: 'Forbidden', 503: 'Service Unavailable' }

function refuse(socket: Duplex, status: keyof typeof reasons): void {
  socket.end(
    `HTTP/1.1 ${status} ${reasons[status]}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`,
    () => socket.destroy()
  )
}
