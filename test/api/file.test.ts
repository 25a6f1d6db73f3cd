import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connectDaemon, readApiFile, writeApiFile } from '../../src/api/file.ts'
import { makeToken, proofOf } from '../../src/api/proof.ts'
import { serveClient, testToken } from '../support/api.ts'
import { createFakeClient } from '../support/fake-client.ts'
import { fakeClock } from '../support/fake-clock.ts'

const random = { bytes: (length: number) => new Uint8Array(length).fill(9) }
const nonce = '09'.repeat(32)
const parts = () => ({ random, clock: fakeClock() })

describe('the file that leads to the daemon', () => {
  let home: string
  beforeEach(async () => {
    home = await mkdtemp(join(tmpdir(), 'muttr-api-'))
  })
  afterEach(() => rm(home, { recursive: true, force: true }))

  /** Somebody else who listens on the port of an old file. */
  async function squatter(answer: string | undefined) {
    const seen: string[] = []
    const server = createServer((request, response) => {
      seen.push(`${request.method} ${request.url} ${request.headers.authorization ?? 'no token'}`)
      if (answer !== undefined) response.end(answer)
    }).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    await writeApiFile(home, { url, token: testToken, pid: process.pid })
    return {
      seen,
      server,
      async [Symbol.asyncDispose]() {
        server.close()
        server.closeAllConnections()
      }
    }
  }

  it('is only for its owner, and goes with the daemon', async () => {
    const file = { url: 'http://127.0.0.1:4421', token: makeToken(random), pid: process.pid }
    const written = await writeApiFile(home, file)
    assert.deepEqual(await readApiFile(home), file)
    assert.equal((await stat(join(home, 'api.json'))).mode & 0o777, 0o600)
    await written[Symbol.asyncDispose]()
    assert.equal(await readApiFile(home), undefined)
  })

  it("is left alone when it is another daemon's by then", async () => {
    const first = await writeApiFile(home, {
      url: 'http://127.0.0.1:1',
      token: 'ab'.repeat(32),
      pid: 1
    })
    await writeApiFile(home, { url: 'http://127.0.0.1:2', token: 'cd'.repeat(32), pid: 2 })
    await first[Symbol.asyncDispose]()
    assert.equal((await readApiFile(home))?.pid, 2)
  })

  it('leads to the daemon', async () => {
    await using served = await serveClient(createFakeClient())
    await writeApiFile(home, { url: served.server.url, token: testToken, pid: process.pid })
    await using client = await connectDaemon(home, parts())
    assert.equal((await client?.status())?.name, 'alice')
  })

  it('is nothing when it is missing, damaged or points elsewhere', async () => {
    assert.equal(await connectDaemon(home, parts()), undefined)
    const bad = [
      '',
      '{',
      '[]',
      '{"url":"http://evil.example:80","token":"x","pid":1}',
      JSON.stringify({ url: 'http://127.0.0.1:80@evil.example', token: testToken, pid: 1 }),
      JSON.stringify({ url: 'http://127.0.0.1:80', token: 'short', pid: 1 })
    ]
    for (const content of bad) {
      await writeFile(join(home, 'api.json'), content)
      assert.equal(await connectDaemon(home, parts()), undefined, content)
    }
  })

  it('is stale when nobody listens', async () => {
    const gone = await squatter('')
    await gone[Symbol.asyncDispose]()
    assert.equal(await connectDaemon(home, parts()), undefined)
  })

  it('does not send the token to whoever took the port meanwhile', async () => {
    const answers = [
      '{"muttr":1,"proof":"00"}',
      `{"proof":"${proofOf('cd'.repeat(32), nonce)}"}`,
      'hello',
      'null'
    ]
    for (const answer of answers) {
      await using other = await squatter(answer)
      assert.equal(await connectDaemon(home, parts()), undefined)
      assert.deepEqual(other.seen, [`GET /hello?nonce=${nonce} no token`])
    }
  })

  it('gives up on somebody who takes the connection and says nothing', async () => {
    await using other = await squatter(undefined)
    const clock = fakeClock()
    const found = connectDaemon(home, { random, clock })
    await once(other.server, 'request')
    clock.advance(3_000)
    assert.equal(await found, undefined)
  })

  it('stops looking when told', async () => {
    await using other = await squatter(undefined)
    const stop = new AbortController()
    const found = connectDaemon(home, { ...parts(), signal: stop.signal })
    await once(other.server, 'request')
    stop.abort()
    await assert.rejects(found, { code: 'CANCELLED' })
  })
})
