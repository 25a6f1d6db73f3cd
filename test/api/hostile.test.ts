import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type IncomingMessage, request } from 'node:http'
import { connect } from 'node:net'
import { text } from 'node:stream/consumers'
import fc from 'fast-check'
import { isErrorCode } from '../../src/base/errors.ts'
import { serveClient, testApp, testToken } from '../support/api.ts'
import { createFakeClient, type FakeClient } from '../support/fake-client.ts'

const authorization = `Bearer ${testToken}`

interface Forged {
  path?: string
  method?: string
  headers?: Record<string, string>
  body?: string | Uint8Array
}

/** A request as any program can make one; fetch would not let a Host header through. */
async function forge(url: string, { path = '/status', body, ...rest }: Forged) {
  const sent = request(new URL(path, url), { agent: false, ...rest })
  sent.on('error', () => {})
  sent.end(body)
  const [answer] = (await once(sent, 'response')) as [IncomingMessage]
  const { error } = JSON.parse(await text(answer)) as { error?: { code: string } }
  return { status: answer.statusCode, code: error?.code }
}

async function withServer(use: (url: string, fake: FakeClient) => Promise<void>): Promise<void> {
  const fake = createFakeClient()
  await using served = await serveClient(fake)
  await use(served.server.url, fake)
}

describe('the local API and those who should not use it', () => {
  it('answers its own token, by any of its names', () =>
    withServer(async url => {
      const { port } = new URL(url)
      for (const host of [`127.0.0.1:${port}`, `localhost:${port}`, `LOCALHOST:${port}`])
        assert.equal((await forge(url, { headers: { authorization, host } })).status, 200)
    }))

  it('refuses a name that was made to point at loopback, even with the token', () =>
    withServer(async url => {
      const { port } = new URL(url)
      for (const host of [
        'evil.example',
        `evil.example:${port}`,
        '127.0.0.1',
        '127.0.0.1:1',
        `0.0.0.0:${port}`
      ])
        assert.deepEqual(await forge(url, { headers: { authorization, host } }), {
          status: 421,
          code: 'API_REFUSED'
        })
    }))

  it('refuses pages of other sites, and takes its own', () =>
    withServer(async url => {
      const { port } = new URL(url)
      for (const origin of [
        'https://evil.example',
        'null',
        `https://127.0.0.1:${port}`,
        'http://127.0.0.1'
      ])
        assert.deepEqual(await forge(url, { headers: { authorization, origin } }), {
          status: 403,
          code: 'API_REFUSED'
        })
      assert.equal((await forge(url, { headers: { authorization, origin: url } })).status, 200)
    }))

  it('refuses a missing, wrong, cut, longer or otherwise spelt token', () =>
    withServer(async (url, fake) => {
      const wrong = [
        undefined,
        'Bearer ',
        `Bearer ${'0'.repeat(64)}`,
        `Bearer ${testToken.slice(1)}`,
        `Bearer ${testToken}0`,
        `Bearer ${testToken.toUpperCase()}`,
        `Basic ${testToken}`,
        testToken
      ]
      for (const given of wrong)
        for (const path of ['/status', '/events', '/blobs/00', '/nowhere'])
          assert.deepEqual(
            await forge(url, {
              path,
              headers: given === undefined ? {} : { authorization: given }
            }),
            { status: 401, code: 'API_REFUSED' }
          )
      assert.deepEqual(fake.calls, [])
      assert.equal(fake.listeners(), 0)
    }))

  it('refuses a body that says it is too large before reading it', () =>
    withServer(async (url, fake) => {
      const bodies: [string, string][] = [
        ['/letters', 'LETTER_TOO_LARGE'],
        ['/lookups', 'WIRE_TOO_LARGE'],
        ['/blobs', 'BLOB_TOO_LARGE'],
        ['/keys', 'KEY_INVALID']
      ]
      for (const [path, code] of bodies) {
        const headers = { authorization, 'content-length': String(1024 ** 3) }
        const sent = request(new URL(path, url), { method: 'POST', headers, agent: false })
        sent.on('error', () => {})
        sent.flushHeaders() // and not one byte of the body
        const [answer] = (await once(sent, 'response')) as [IncomingMessage]
        assert.equal(JSON.parse(await text(answer)).error.code, code)
        sent.destroy()
      }
      assert.deepEqual(fake.calls, [])
    }))

  it('stops reading a body that does not say how large it is', () =>
    withServer(async (url, fake) => {
      const headers = { authorization, 'transfer-encoding': 'chunked' }
      const sent = request(new URL('/blobs', url), { method: 'POST', headers, agent: false })
      sent.on('error', () => {})
      const answered = once(sent, 'response') as Promise<[IncomingMessage]>
      for (let i = 0; i < 20; i++) sent.write(new Uint8Array(32 * 1024))
      const [answer] = await answered
      assert.equal(JSON.parse(await text(answer)).error.code, 'BLOB_TOO_LARGE')
      sent.destroy()
      assert.deepEqual(fake.calls, [])
    }))

  it('bounds what is under way', () =>
    withServer(async (url, fake) => {
      const stop = new AbortController()
      const ask = () =>
        fetch(new URL(`/blobs/${'f'.repeat(64)}`, url), {
          headers: { authorization },
          signal: stop.signal
        }).catch(() => undefined)
      const asked = Array.from({ length: 64 }, ask)
      while (fake.hanging < 64) await new Promise(setImmediate)
      assert.deepEqual(await forge(url, { headers: { authorization } }), {
        status: 429,
        code: 'LIMIT_EXCEEDED'
      })
      stop.abort()
      await Promise.all(asked)
      while (fake.aborted < 64) await new Promise(setImmediate)
      assert.equal((await forge(url, { headers: { authorization } })).status, 200)
    }))

  it('bounds headers, and lives on after garbage', () =>
    withServer(async url => {
      const { port } = new URL(url)
      for (const garbage of ['\0\r\n\r\n', `GET / HTTP/1.1\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`]) {
        const socket = connect(Number(port), '127.0.0.1').on('error', () => {})
        socket.end(garbage)
        assert.match(await text(socket), /^HTTP\/1\.1 4\d\d /)
      }
      assert.equal((await forge(url, { headers: { authorization } })).status, 200)
    }))

  it('says what it does not offer', () =>
    withServer(async url => {
      for (const [method, path] of [
        ['GET', '/letters'],
        ['DELETE', '/inbox'],
        ['GET', '/v2/x']
      ])
        assert.deepEqual(
          await forge(url, { method: method!, path: path!, headers: { authorization } }),
          {
            status: 404,
            code: 'METHOD_UNKNOWN'
          }
        )
    }))
})

describe('the local API and whatever it is sent', () => {
  const headers = { host: '127.0.0.1:4421', authorization, 'content-type': 'application/json' }
  const paths = [
    '/letters',
    '/registrations',
    '/lookups',
    '/contacts/accept',
    '/contacts/verify',
    '/pod/invites'
  ]

  async function check(path: string, init: RequestInit): Promise<void> {
    const answer = await testApp(createFakeClient()).request(path, { headers, ...init })
    const body = (await answer.json()) as {
      error?: { code: unknown; message: unknown; hint: unknown }
    }
    if (answer.ok) return
    assert.ok(isErrorCode(body.error?.code) && body.error.code !== 'INTERNAL', JSON.stringify(body))
    assert.deepEqual(Object.keys(body.error), ['code', 'message', 'hint'])
  }

  it('meets random JSON with an answer or a code', () =>
    fc.assert(
      fc.asyncProperty(fc.constantFrom(...paths), fc.jsonValue(), (path, value) =>
        check(path, { method: 'POST', body: JSON.stringify(value) })
      ),
      { numRuns: 200 }
    ))

  it('meets nearly right JSON with an answer or a code', () => {
    const field = fc.constantFrom(
      'to',
      'body',
      'alias',
      'subject',
      'lifeMs',
      'fingerprint',
      '__proto__'
    )
    const value = fc.oneof(fc.string(), fc.constant('un@x'), fc.integer(), fc.constant(null))
    return fc.assert(
      fc.asyncProperty(fc.constantFrom(...paths), fc.dictionary(field, value), (path, object) =>
        check(path, { method: 'POST', body: JSON.stringify(object) })
      ),
      { numRuns: 200 }
    )
  })

  it('meets random bytes with an answer or a code', () =>
    fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...paths, '/keys', '/blobs'),
        fc.uint8Array(),
        (path, bytes) => check(path, { method: 'POST', body: new Uint8Array(bytes) })
      ),
      { numRuns: 200 }
    ))

  it('meets random paths and queries with an answer or a code', () =>
    fc.assert(
      fc.asyncProperty(
        fc.constantFrom('inbox', 'sent', 'contacts', 'hello', 'status'),
        fc.webQueryParameters(),
        (path, query) => check(`/${path}?${query}`, {})
      ),
      { numRuns: 100 }
    ))

  it('refuses a limit that is none, and a field it does not know', async () => {
    const refused: [string, RequestInit][] = [
      ['/inbox?limit=0', {}],
      ['/inbox?limit=-1', {}],
      ['/inbox?limit=1e9', {}],
      ['/inbox?unread=perhaps', {}],
      ['/sent?limt=3', {}],
      ['/lookups', { method: 'POST', body: '{"alias":"a@b","x":1}' }],
      ['/lookups', { method: 'POST', body: '[]' }],
      ['/lookups', { method: 'POST', body: '{"alias":{}}' }],
      ['/lookups', { method: 'POST' }],
      ['/lookups', { method: 'POST', body: '['.repeat(16_000) }],
      ['/hello?nonce=xyz', {}]
    ]
    for (const [path, init] of refused) {
      const answer = await testApp(createFakeClient()).request(path, { headers, ...init })
      const { error } = (await answer.json()) as { error: { code: string } }
      assert.deepEqual([path, answer.status, error.code], [path, 400, 'WIRE_MALFORMED'])
    }
  })
})
