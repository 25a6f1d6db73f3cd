import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect } from 'node:net'
import { WebSocket, WebSocketServer } from 'ws'
import { serveHttp } from '../../src/https/serve.ts'
import type { SocketRoom } from '../../src/https/sockets.ts'
import { createTurnstile } from '../../src/https/turnstile.ts'
import { fakeClock } from '../support/fake-clock.ts'

/** Says again what it hears. */
function echo(): SocketRoom {
  const server = new WebSocketServer({ noServer: true })
  return {
    path: '/echo',
    take: (request, socket, head) =>
      server.handleUpgrade(request, socket, head, opened =>
        opened.on('message', said => opened.send(said))
      ),
    async [Symbol.asyncDispose]() {
      for (const opened of server.clients) opened.terminate()
    }
  }
}

describe('a connection of the door', () => {
  it('ends when its other side reads nothing of an answer, but not one that became a WebSocket', async () => {
    const cut = Promise.withResolvers<void>()
    const turnstile = createTurnstile({
      ...{ isBehindProxy: true, groupLocal: false, clock: fakeClock() }
    })
    await using served = await serveHttp({
      fetch: () =>
        new Response(
          new ReadableStream({
            pull: more => more.enqueue(new Uint8Array(65_536)),
            cancel: () => cut.resolve()
          })
        ),
      ...{ host: '127.0.0.1', port: 0, setting: 'pod.https', groupLocal: null, quietMs: 300 },
      sockets: { room: echo(), turnstile }
    })
    const still = new WebSocket(`ws://127.0.0.1:${served.port}/echo`)
    await once(still, 'open')
    const reader = connect(served.port, '127.0.0.1')
    reader.on('error', () => {})
    reader.pause()
    reader.write('GET / HTTP/1.1\r\nHost: pod.test\r\n\r\n')
    await cut.promise
    const heard = once(still, 'message')
    still.send('still here')
    assert.equal(String((await heard)[0]), 'still here')
    still.terminate()
    reader.destroy()
  })

  it('that cannot be, since the port is taken, is said with the setting to change', async () => {
    const at = { fetch: () => new Response(), host: '127.0.0.1', groupLocal: null }
    await using first = await serveHttp({ ...at, port: 0, setting: 'pod.https' })
    for (const setting of ['pod.https', 'pod.monitor'] as const)
      await assert.rejects(serveHttp({ ...at, port: first.port, setting }), {
        code: 'ADDRESS_IN_USE',
        hint: `Another program listens there; change \`${setting}\` in muttr.json.`
      })
  })
})
