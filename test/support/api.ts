import { createApp } from '../../src/api/app.ts'
import type { PodOperator } from '../../src/api/operator.ts'
import { createRemoteClient, type RemoteClient } from '../../src/api/remote.ts'
import { type ApiServer, serveApi } from '../../src/api/server.ts'
import type { Client } from '../../src/client/client.ts'
import { type FakeClock, fakeClock } from './fake-clock.ts'

export const testToken = 'ab'.repeat(32)
const quiet = { debug() {}, info() {}, warn() {} }

export interface ServedClient extends AsyncDisposable {
  server: ApiServer
  remote: RemoteClient
  clock: FakeClock
}

/** A client behind the real local API on a real port. */
export async function serveClient(client: Client, pod?: PodOperator): Promise<ServedClient> {
  const clock = fakeClock()
  const server = await serveApi({
    client,
    token: testToken,
    clock,
    log: quiet,
    ...(pod && { pod })
  })
  const remote = createRemoteClient({ url: server.url, token: testToken })
  return {
    server,
    remote,
    clock,
    async [Symbol.asyncDispose]() {
      await remote[Symbol.asyncDispose]()
      await server[Symbol.asyncDispose]()
    }
  }
}

/** The API as a function, with no port. */
export const testApp = (client: Client) =>
  createApp({
    client,
    token: testToken,
    clock: fakeClock(),
    log: quiet,
    hosts: () => new Set(['127.0.0.1:4421'])
  })
