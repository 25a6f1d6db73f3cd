import type { AdminDesk } from '../../src/api/admin/desk.ts'
import { createApp } from '../../src/api/app.ts'
import type { House } from '../../src/api/house.ts'
import type { PodOperator } from '../../src/api/operator.ts'
import type { PageFiles } from '../../src/api/page-files.ts'
import { createRemoteClient, type RemoteClient } from '../../src/api/remote.ts'
import { type ApiServer, serveApi } from '../../src/api/server.ts'
import type { Client } from '../../src/client/client.ts'
import { systemRandom } from '../../src/net/random.ts'
import { type FakeClock, fakeClock } from './fake-clock.ts'
import { createFakeHouse, fakePassphrase } from './fake-house.ts'

export const testToken = 'ab'.repeat(32)
/** As the build makes it: a page, and parts with a hash in their names. */
const testPage: PageFiles = new Map([
  ['/index.html', { bytes: utf8Bytes('<!doctype html>'), type: 'text/html; charset=utf-8' }],
  ['/assets/main-1a2b3c4d.js', { bytes: utf8Bytes('0'), type: 'text/javascript; charset=utf-8' }]
])

function utf8Bytes(text: string): Uint8Array<ArrayBuffer> {
  return new Uint8Array(Buffer.from(text))
}

const quiet = { debug() {}, info() {}, warn() {} }

interface ServedParts {
  pod?: PodOperator
  house?: House
  page?: PageFiles
}

export interface ServedClient extends AsyncDisposable {
  server: ApiServer
  remote: RemoteClient
  clock: FakeClock
}

/** A client behind the real local API on a real port. */
export async function serveClient(
  client: Client,
  { pod, house = createFakeHouse(), page = testPage }: ServedParts = {}
): Promise<ServedClient> {
  const clock = fakeClock()
  const server = await serveApi({
    client,
    token: testToken,
    clock,
    random: systemRandom,
    log: quiet,
    house,
    page,
    ...(pod && { pod })
  })
  const passphrase = async () => fakePassphrase
  const remote = createRemoteClient({ url: server.url, token: testToken, passphrase })
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
    house: createFakeHouse(),
    page: testPage,
    // Nothing of it is asked.
    desk: {} as AdminDesk,
    clock: fakeClock(),
    random: systemRandom,
    log: quiet,
    hosts: () => new Set(['127.0.0.1:4421'])
  })
