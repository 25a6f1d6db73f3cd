import { once } from 'node:events'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createAdaptorServer } from '@hono/node-server'
import { type AppParts, createApp } from './app.ts'
import { loopbackHosts } from './guard.ts'
import { apiLimits } from './limits.ts'

export interface ApiServer extends AsyncDisposable {
  /** `http://127.0.0.1:PORT`, as api.json carries it. */
  readonly url: string
}

/**
 * Serves a client on loopback, and nowhere else. Disposing ends all requests under way and waits for them.
 * @param parts.port 0 (the default) takes any free port.
 */
export async function serveApi({
  port = 0,
  ...parts
}: Omit<AppParts, 'hosts'> & { port?: number }): Promise<ApiServer> {
  let hosts: ReadonlySet<string> = new Set()
  const app = createApp({ ...parts, hosts: () => hosts })
  const server = createAdaptorServer({
    fetch: app.fetch,
    overrideGlobalObjects: false,
    serverOptions: {
      maxHeaderSize: apiLimits.headerBytesMax,
      requestTimeout: 0, // the app sees to that: an attachment may flow for hours
      headersTimeout: apiLimits.headersMs
    }
  }) as Server
  server.maxConnections = apiLimits.connectionsMax
  server.listen(port, '127.0.0.1')
  await once(server, 'listening')
  const bound = (server.address() as AddressInfo).port
  hosts = loopbackHosts(bound)
  return {
    url: `http://127.0.0.1:${bound}`,
    async [Symbol.asyncDispose]() {
      const closed = once(server, 'close')
      server.close()
      server.closeAllConnections()
      await closed
    }
  }
}
