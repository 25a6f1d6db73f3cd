import { once } from 'node:events'
import { createServer as createHttpServer, type Server as HttpServer } from 'node:http'
import { createServer as createHttpsServer, type Server as HttpsServer } from 'node:https'
import type { AddressInfo, Socket } from 'node:net'
import { createAdaptorServer } from '@hono/node-server'
import { MuttrError } from '../base/errors.ts'
import type { Pair } from './certificate.ts'
import { subnetOfIp } from './door.ts'
import { httpsLimits } from './limits.ts'

type Fetch = Parameters<typeof createAdaptorServer>[0]['fetch']

interface Listening {
  fetch: Fetch
  /** All of the machine's addresses unless told. */
  host?: string
  port: number
  /** Count connections by network; not where all come from a proxy. */
  groupLocal: boolean | null
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
export async function serveHttps(how: Listening): Promise<Served & { use(pair: Pair): void }> {
  const { fetch } = how
  const server = createAdaptorServer({
    fetch,
    overrideGlobalObjects: false,
    createServer: createHttpsServer,
    serverOptions: {
      ...bounds,
      handshakeTimeout: httpsLimits.handshakeMs,
      minVersion: 'TLSv1.2'
    }
  }) as HttpsServer
  const served = await listen(server, how)
  return {
    ...served,
    use: ({ certificate: cert, key }) =>
      server.setSecureContext({ cert, key, minVersion: 'TLSv1.2' })
  }
}

async function listen(server: HttpServer | HttpsServer, how: Listening): Promise<Served> {
  const { host, port, groupLocal } = how
  server.maxConnections = httpsLimits.connectionsMax
  server.maxRequestsPerSocket = httpsLimits.requestsPerConnectionMax
  if (groupLocal !== null) boundNetworks(server, groupLocal)
  try {
    server.listen(port, host)
    await once(server, 'listening')
  } catch (cause) {
    const isDenied = (cause as NodeJS.ErrnoException).code === 'EACCES'
    const what = `cannot listen on port ${port}: ${(cause as Error).message}`
    throw new MuttrError(isDenied ? 'ADDRESS_DENIED' : 'ADDRESS_IN_USE', what, {
      cause,
      ...(!isDenied && { hint: 'Another program listens there; change `pod.https` in muttr.json.' })
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
      await closed
    }
  }
}

/** One network cannot keep all others out. */
function boundNetworks(server: HttpServer | HttpsServer, groupLocal: boolean): void {
  const counts = new Map<string, number>()
  server.on('connection', (socket: Socket) => {
    const subnet = subnetOfIp(socket.remoteAddress ?? '', groupLocal)
    if (subnet === undefined) return
    const count = (counts.get(subnet) ?? 0) + 1
    if (count > httpsLimits.connectionsPerSubnetMax) return void socket.destroy()
    counts.set(subnet, count)
    socket.once('close', () => {
      const left = (counts.get(subnet) ?? 1) - 1
      if (left > 0) counts.set(subnet, left)
      else counts.delete(subnet)
    })
  })
}
