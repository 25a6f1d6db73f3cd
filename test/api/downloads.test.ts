import assert from 'node:assert/strict'
import { request } from 'node:http'
import { type ServedClient, serveClient, testToken } from '../support/api.ts'
import { createFakeClient } from '../support/fake-client.ts'

const letter = 'ab'.repeat(32)
const file = `/inbox/${letter}/attachments/0/download`

describe('what a browser saves from the local API', () => {
  let served: ServedClient
  beforeEach(async () => {
    served = await serveClient(createFakeClient())
  })
  afterEach(() => served[Symbol.asyncDispose]())

  async function offer(path = file) {
    const answer = await fetch(served.server.url + path, {
      method: 'POST',
      headers: { authorization: `Bearer ${testToken}` }
    })
    return (await answer.json()) as { path: string; error?: { code: string } }
  }
  const get = (path: string) => fetch(served.server.url + path)

  it('lies at an address of its own, without the token, once', async () => {
    const { path } = await offer()
    assert.match(path, /^\/downloads\/[0-9a-f]{64}$/)
    const first = await get(path)
    assert.equal(first.status, 200)
    assert.equal((await first.arrayBuffer()).byteLength, 5_000)
    const names = ['content-type', 'content-disposition', 'x-content-type-options', 'cache-control']
    assert.deepEqual(
      names.map(name => first.headers.get(name)),
      ['application/octet-stream', 'attachment', 'nosniff', 'no-store']
    )
    assert.match(first.headers.get('content-security-policy') ?? '', /default-src 'none'.*sandbox/)
    assert.equal((await get(path)).status, 404)
  })

  it('is what was asked for and nothing else', async () => {
    const [backup, attached] = [await offer('/backup/download'), await offer()]
    assert.notEqual(backup.path, attached.path)
    assert.equal((await (await get(backup.path)).arrayBuffer()).byteLength, 210_000)
    assert.equal((await get(`${attached.path}/../../status`)).status, 401)
    assert.equal((await get(attached.path)).status, 200)
  })

  it('is gone after a minute', async () => {
    const { path } = await offer()
    served.clock.advance(60_001)
    assert.equal((await get(path)).status, 404)
  })

  it('is offered for what is there only, and for 64 things at most', async () => {
    const none = await offer(`/inbox/${letter}/attachments/1/download`)
    assert.equal(none.error?.code, 'ATTACHMENT_UNKNOWN')
    const first = await offer()
    for (let i = 0; i < 64; i++) await offer()
    assert.equal((await get(first.path)).status, 404)
  })

  it('is offered with the token only, and given to no other site', async () => {
    const bare = await fetch(served.server.url + file, { method: 'POST' })
    assert.equal(bare.status, 401)
    const { path } = await offer()
    const asOther = await new Promise(resolve =>
      request(served.server.url + path, { headers: { host: 'evil.example' } }, answer =>
        resolve(answer.statusCode)
      ).end()
    )
    assert.equal(asOther, 421)
    const { status } = await fetch(served.server.url + path, {
      headers: { origin: 'https://evil.example' }
    })
    assert.equal(status, 403)
    assert.equal((await get(path)).status, 200)
  })
})
