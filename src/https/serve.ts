import { once } from 'node:events'
import { createServer as createHttpServer, type Server as HttpServer } from 'node:http'
import { createServer as createHttpsServer, type Server as HttpsServer } from 'node:https'
import type { AddressInfo, Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { createAdaptorServer } from '@hono/node-server'
import { MuttrError } from '../base/errors.ts'
import type { Clock, Millis } from '../base/ports.ts'
import type { Pair } from './certificate.ts'
import { beginWithFirstBytes } from './first-bytes.ts'
import { httpsLimits } from './limits.ts'
import type { SocketRoom } from './sockets.ts'
import { createUpgrade } from './sockets.ts'
import type { Turnstile } from './turnstile.ts'
import { subnetOfIp } from './turnstile.ts'

type Fetch = Parameters<typeof createAdaptorServer>[0]['fetch']

interface Listening {
  fetch: Fetch
  /** All of the machine's addresses unless told. */
  host?: string
  port: number
  /** What of muttr.json says where it listens. */
  setting: 'pod.https' | 'pod.monitor'
  /** Count connections by network; not where all come from a proxy. */
  groupLocal: boolean | null
  /** Instead of the limit. */
  quietMs?: Millis
  /** Connections that become something else; none unless told. */
  sockets?: { room: SocketRoom; turnstile: Turnstile } | undefined
}

export interface Served extends AsyncDisposable {
  readonly port: number
}

const bounds = {
  maxHeaderSize: httpsLimits.headerBytesMax,
  headersTimeout: httpsLimits.headersMs,
  requestTimeout: httpsLimits.requestMs,
  keepAliveTimeout: httpsLimits.keepAliveMs,
  connectionsCheckingInterval: httpsLimits.headersMs / 2
}

/** @throws {MuttrError} `ADDRESS_IN_USE`, `ADDRESS_DENIED` */
export async function serveHttp(how: Listening): Promise<Served> {
  const { fetch } = how
  const server = createAdaptorServer({
    ...{
      fetch,
      overrideGlobalObjects: false,
      createServer: createHttpServer,
      serverOptions: bounds
    }
  }) as HttpServer
  return await listen(server, how)
}

/** Handshakes fail until it was given a certificate. @throws {MuttrError} as {@link serveHttp} */
export async function serveHttps(
  how: Listening & { clock: Clock }
): Promise<Served & { use(pair: Pair): void }> {
  const { fetch } = how
  const server = createAdaptorServer({
    fetch,
    overrideGlobalObjects: false,
    createServer: createHttpsServer,
    serverOptions: {
      ...bounds,
      handshakeTimeout: httpsLimits.handshakeMs,
      // Given as a list, each connection keeps a copy of it, which keeps the 64 KiB that Node took the copy from.
      ALPNCallback: ({ protocols }: { protocols: string[] }) =>
        protocols.includes('http/1.1') ? 'http/1.1' : undefined,
      minVersion: 'TLSv1.2'
    }
  }) as HttpsServer
  const endSilent = beginWithFirstBytes(server, how.clock, httpsLimits.handshakeMs)
  const served = await listen(server, how)
  return {
    port: served.port,
    [Symbol.asyncDispose]() {
      endSilent()
      return served[Symbol.asyncDispose]()
    },
    use: ({ certificate: cert, key }) =>
      server.setSecureContext({ cert, key, minVersion: 'TLSv1.2' })
  }
}

async function listen(server: HttpServer | HttpsServer, how: Listening): Promise<Served> {
  const { host, port, setting, groupLocal, quietMs = httpsLimits.quietMs, sockets } = how
  server.maxRequestsPerSocket = httpsLimits.requestsPerConnectionMax
  // Else who reads nothing of an answer keeps a place. What becomes a WebSocket has bounds of its own: `ws` takes this one off.
  server.timeout = quietMs
  const leave = boundConnections(server, groupLocal)
  const taken = new Set<Duplex>()
  if (sockets) {
    const upgrade = createUpgrade(sockets)
    server.on('upgrade', (request, socket, head) => {
      leave(socket as Socket)
      taken.add(socket)
      socket.once('close', () => taken.delete(socket))
      upgrade(request, socket, head)
    })
  }
  try {
    server.listen(port, host)
    await once(server, 'listening')
  } catch (cause) {
    const isDenied = (cause as NodeJS.ErrnoException).code === 'EACCES'
    const what = `cannot listen on port ${port}: ${(cause as Error).message}`
    throw new MuttrError(isDenied ? 'ADDRESS_DENIED' : 'ADDRESS_IN_USE', what, {
      cause,
      ...(!isDenied && {
        hint: `Another program listens there; change \`${setting}\` in muttr.json.`
      })
    })
  }
  // What goes wrong with one connection ends that connection.
  server.on('error', () => {})
  return {
    port: (server.address() as AddressInfo).port,
    async [Symbol.asyncDispose]() {
      const closed = once(server, 'close')
      server.close()
      server.closeAllConnections()
      await sockets?.room[Symbol.asyncDispose]()
      for (const socket of taken) socket.destroy()
      await closed
    }
  }
}

/**
 * One network cannot keep all others out. @returns what a connection is told that is bounded elsewhere from now on: it is the same one under
 * TLS, where it is another object.
 */
function boundConnections(
  server: HttpServer | HttpsServer,
  groupLocal: boolean | null
): (socket: Socket) => void {
  const counts = new Map<string, number>()
  const leaving = new Map<string, () => void>()
  server.on('connection', (socket: Socket) => {
    const subnet =
      groupLocal === null ? undefined : subnetOfIp(socket.remoteAddress ?? '', groupLocal)
    const count = subnet === undefined ? 0 : (counts.get(subnet) ?? 0)
    if (leaving.size >= httpsLimits.connectionsMax || count >= httpsLimits.connectionsPerSubnetMax)
      return void socket.destroy()
    if (subnet !== undefined) counts.set(subnet, count + 1)
    const id = endOf(socket)
    const leave = (): void => {
      if (!leaving.delete(id) || subnet === undefined) return
      const left = counts.get(subnet)! - 1
      if (left > 0) counts.set(subnet, left)
      else counts.delete(subnet)
    }
    leaving.set(id, leave)
    socket.once('close', leave)
  })
  return socket => leaving.get(endOf(socket))?.()
}

const endOf = ({ remoteAddress, remotePort }: Socket): string => `${remoteAddress} ${remotePort}`
