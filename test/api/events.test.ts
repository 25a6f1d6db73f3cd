import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type IncomingMessage, request } from 'node:http'
import type { MuttrEvent } from '../../src/base/events.ts'
import { serveClient, testToken } from '../support/api.ts'
import { createFakeClient } from '../support/fake-client.ts'

const event = (alias: string): MuttrEvent => ({ type: 'registered', alias, ms: 3 })
const turn = () => new Promise(setImmediate)

describe('events over the local API', () => {
  it('come as they happen, in order, to every listener', async () => {
    const fake = createFakeClient()
    await using served = await serveClient(fake)
    const stop = new AbortController()
    const feeds = [1, 2].map(() => served.remote.events(stop.signal)[Symbol.asyncIterator]())
    while (fake.listeners() < 2) await turn()
    const wanted = Array.from({ length: 50 }, (_, i) => event(`line\nbreak data: ${i}\u2028`))
    for (const one of wanted) fake.emit(one)
    for (const feed of feeds)
      for (const one of wanted) assert.deepEqual((await feed.next()).value, one)
    stop.abort()
    for (const feed of feeds) assert.equal((await feed.next()).done, true)
    while (fake.listeners() > 0) await turn()
  })

  it('end quietly when the daemon stops, and free their place when the reader goes', async () => {
    const fake = createFakeClient()
    const served = await serveClient(fake)
    for (let i = 0; i < 40; i++) {
      const stop = new AbortController()
      const next = served.remote.events(stop.signal)[Symbol.asyncIterator]().next()
      while (fake.listeners() === 0) await turn()
      stop.abort()
      assert.equal((await next).done, true)
      while (fake.listeners() > 0) await turn()
    }
    const last = served.remote.events(new AbortController().signal)[Symbol.asyncIterator]().next()
    while (fake.listeners() === 0) await turn()
    await served[Symbol.asyncDispose]()
    assert.equal((await last).done, true)
    while (fake.listeners() > 0) await turn()
  })

  it('are bounded in listeners', async () => {
    const fake = createFakeClient()
    await using served = await serveClient(fake)
    const stop = new AbortController()
    for (let i = 0; i < 16; i++) served.remote.events(stop.signal)
    while (fake.listeners() < 16) await turn()
    const more = served.remote.events(stop.signal)[Symbol.asyncIterator]()
    await assert.rejects(more.next(), { code: 'LIMIT_EXCEEDED' })
    assert.equal((await served.remote.status()).name, 'alice')
    stop.abort()
  })

  it('say now and then that nothing happens', async () => {
    const fake = createFakeClient()
    await using served = await serveClient(fake)
    const headers = { authorization: `Bearer ${testToken}` }
    const asked = request(new URL('/events', served.server.url), { headers, agent: false })
    asked.end()
    const [answer] = (await once(asked, 'response')) as [IncomingMessage]
    assert.equal(answer.headers['content-type'], 'text/event-stream')
    const chunks = answer[Symbol.asyncIterator]()
    assert.equal(String((await chunks.next()).value), ': muttr events\n\n')
    await turn()
    served.clock.advance(15_000)
    assert.equal(String((await chunks.next()).value), ': quiet\n\n')
    fake.emit(event('a@b'))
    assert.equal(
      String((await chunks.next()).value),
      'data: {"type":"registered","alias":"a@b","ms":3}\n\n'
    )
    asked.destroy()
  })
})
