import assert from 'node:assert/strict'
import { mkdir, writeFile } from 'node:fs/promises'
import { request } from 'node:http'
import { join } from 'node:path'
import type { JoinDeviceNews, RestoreNews, Setup } from '../../src/api/house.ts'
import { readPageFiles } from '../../src/api/page-files.ts'
import { createRemoteClient } from '../../src/api/remote.ts'
import { readEvents } from '../../src/api/sse.ts'
import { type ServedClient, serveClient, testToken } from '../support/api.ts'
import { createFakeClient, fakeWords } from '../support/fake-client.ts'
import { createFakeHouse, fakePassphrase } from '../support/fake-house.ts'
import { fakeCode } from '../support/fake-link.ts'
import { temporaryFolder } from '../support/store-folder.ts'

/** As curl would ask: with any Host, which fetch does not let one choose. */
function get(
  url: string,
  headers: Record<string, string> = {}
): Promise<{ status: number; headers: Record<string, unknown>; text: string }> {
  return new Promise((resolve, reject) => {
    request(url, { headers }, answer => {
      let text = ''
      answer.on('data', chunk => (text += chunk))
      answer.on('end', () => resolve({ status: answer.statusCode!, headers: answer.headers, text }))
    })
      .on('error', reject)
      .end()
  })
}

describe("the local API's web page", () => {
  let served: ServedClient
  let url: string
  before(async () => {
    served = await serveClient(createFakeClient())
    url = served.server.url
  })
  after(() => served[Symbol.asyncDispose]())

  const parts = ['/', '/assets/main-1a2b3c4d.js']

  it('gives its parts to who has no token, and nothing else', async () => {
    for (const part of parts) assert.equal((await get(url + part)).status, 200, part)
    for (const path of ['/setup', '/settings', '/network', '/inbox', '/index.html'])
      assert.equal((await get(url + path)).status, 401, path)
    for (const path of [
      '/assets/none.js',
      '/assets/..%2findex.html',
      '/assets/%2e%2e%2findex.html'
    ])
      assert.equal((await get(url + path)).status, 404, path)
  })

  it('refuses every part to another Host or Origin', async () => {
    for (const part of parts) {
      assert.equal((await get(url + part, { host: 'muttr.example' })).status, 421, part)
      assert.equal((await get(url + part, { origin: 'http://muttr.example' })).status, 403, part)
      assert.equal((await get(url + part, { origin: url })).status, 200, part)
    }
  })

  it('lets nothing run or be fetched that did not come with it', async () => {
    for (const part of parts) {
      const { headers } = await get(url + part)
      const policy = String(headers['content-security-policy'])
      assert.match(policy, /^default-src 'none';/)
      assert.match(policy, /frame-ancestors 'none'/)
      assert.match(policy, /require-trusted-types-for 'script'/)
      assert.doesNotMatch(policy, /unsafe|\*|https?:|data:/)
      assert.equal(headers['referrer-policy'], 'no-referrer')
      assert.equal(headers['x-content-type-options'], 'nosniff')
    }
    const answer = await get(`${url}/inbox`, { authorization: `Bearer ${testToken}` })
    assert.match(String(answer.headers['content-security-policy']), /default-src 'none'.*sandbox/)
  })

  it('keeps what has a hash in its name, and asks again for what has not', async () => {
    const kept = await Promise.all(parts.map(part => get(url + part)))
    assert.match(String(kept[0]!.headers['cache-control']), /no-cache/)
    assert.match(String(kept[1]!.headers['cache-control']), /immutable/)
  })

  it('is read from what the build left, and says so where there was none', async () => {
    await using folder = await temporaryFolder()
    assert.equal((await readPageFiles(folder.path)).size, 0)
    await mkdir(join(folder.path, 'assets'))
    for (const name of ['index.html', 'assets/a.js', 'assets/b.woff2', 'assets/c.exe', 'd.js'])
      await writeFile(join(folder.path, name), name)
    const files = await readPageFiles(folder.path)
    assert.deepEqual([...files.keys()].sort(), ['/assets/a.js', '/assets/b.woff2', '/index.html'])
    await using bare = await serveClient(createFakeClient(), { page: new Map() })
    const { status, text } = await get(`${bare.server.url}/`)
    assert.equal(status, 404)
    assert.match(text, /npm run build/)
  })
})

describe('the local API around the node', () => {
  const readNews = (answer: Response) => readEvents<RestoreNews>(answer.body!)
  async function ask(served: ServedClient, method: string, path: string, body?: unknown) {
    const answer = await fetch(served.server.url + path, {
      method,
      headers: { authorization: `Bearer ${testToken}` },
      ...(body !== undefined && { body: JSON.stringify(body) })
    })
    const text = await answer.text()
    return { status: answer.status, said: text.startsWith('{') ? JSON.parse(text) : text }
  }

  it('opens and locks with the right passphrase only', async () => {
    await using served = await serveClient(createFakeClient())
    assert.equal((await ask(served, 'POST', '/lock')).said.locked, true)
    const wrong = await ask(served, 'POST', '/unlock', { passphrase: 'guess' })
    assert.deepEqual([wrong.status, wrong.said.error.code], [409, 'PASSPHRASE_WRONG'])
    const right = await ask(served, 'POST', '/unlock', { passphrase: fakePassphrase })
    assert.equal(right.said.locked, false)
  })

  it('takes a backup of any length behind a line with its words, and says why not', async () => {
    const house = createFakeHouse({ state: 'missing' })
    await using served = await serveClient(createFakeClient(), { house })
    const backup = new Uint8Array(3_000_000)
    const restore = (said: unknown) => {
      const body = new Blob([`${JSON.stringify(said)}\n`, backup])
      const headers = { authorization: `Bearer ${testToken}` }
      return fetch(`${served.server.url}/setup/restore`, { method: 'POST', headers, body })
    }
    const codeOf = async (answer: Response) =>
      ((await answer.json()) as { error: { code: string } }).error.code
    const wrong = await restore({ words: 'other words', passphrase: null })
    assert.equal(await codeOf(wrong), 'RECOVERY_WRONG')
    const malformed = await restore({ words: 'other words' })
    assert.equal(await codeOf(malformed), 'WIRE_MALFORMED')
    const long = await restore({ words: 'x'.repeat(20_000), passphrase: null })
    assert.equal(await codeOf(long), 'WIRE_TOO_LARGE')
    const right = await restore({ words: fakeWords, passphrase: 'open sesame' })
    assert.equal(((await right.json()) as Setup).state, 'running')
    assert.deepEqual(house.calls, [
      ['restore', 'other words', 3_000_000],
      ['restore', fakeWords, 3_000_000]
    ])
  })

  it('shows words and codes to nobody who has the token alone', async () => {
    const client = createFakeClient()
    const house = createFakeHouse()
    await using served = await serveClient(client, { house })
    for (const path of ['/recovery', '/devices/link']) {
      const asked = (body: unknown) => ask(served, 'POST', path, body)
      for (const [passphrase, code, status] of [
        [null, 'PASSPHRASE_MISSING', 409],
        ['guess', 'PASSPHRASE_WRONG', 409],
        ['', 'WIRE_MALFORMED', 400],
        ['x'.repeat(5_000), 'WIRE_MALFORMED', 400],
        [undefined, 'WIRE_MALFORMED', 400]
      ] as const) {
        const refused = await asked({ passphrase })
        assert.deepEqual([refused.status, refused.said.error.code], [status, code], path)
      }
      assert.equal((await ask(served, 'GET', path)).status, 404, path)
    }
    assert.deepEqual(client.calls, [])
    const shown = await ask(served, 'POST', '/recovery', { passphrase: fakePassphrase })
    assert.deepEqual(JSON.parse(shown.said), fakeWords.split(' '))
    const linked = await ask(served, 'POST', '/devices/link', { passphrase: fakePassphrase })
    assert.match(linked.said, /"type":"code".*muttr:device/)
    const ignorant = createRemoteClient({ url: served.server.url, token: testToken })
    await assert.rejects(ignorant.recovery(), { code: 'PASSPHRASE_MISSING' })
    await assert.rejects(ignorant.linkDevice(), { code: 'PASSPHRASE_MISSING' })
    house.now.sealed = false
    assert.deepEqual(await ignorant.recovery(), fakeWords.split(' '))
  })

  it('makes the home of another device, tells how far it is, and ends with whoever asked', async () => {
    const house = createFakeHouse({ state: 'missing', fingerprint: null })
    await using served = await serveClient(createFakeClient(), { house })
    const join = (said: object, signal?: AbortSignal) =>
      fetch(`${served.server.url}/setup/device`, {
        method: 'POST',
        headers: { authorization: `Bearer ${testToken}` },
        body: JSON.stringify({ passphrase: null, history: true, ...said }),
        ...(signal && { signal })
      })
    const newsOf = async (answer: Response): Promise<JoinDeviceNews[]> => {
      const all: JoinDeviceNews[] = []
      for await (const one of readEvents<JoinDeviceNews>(answer.body!)) all.push(one)
      return all
    }
    for (const said of [{}, { code: fakeCode, name: 'x'.repeat(70_000) }, { code: 1 }])
      assert.notEqual((await join(said)).status, 200)
    const [refused] = await newsOf(await join({ code: 'muttr:device?no' }))
    assert.ok(refused?.type === 'failed' && refused.error.code === 'LINK_INVALID')
    const stop = new AbortController()
    const stopped = await join({ code: fakeCode, history: false }, stop.signal)
    const reader = readEvents<JoinDeviceNews>(stopped.body!)
    assert.deepEqual((await reader.next()).value, { type: 'taken', rows: 1_234 })
    const over = house.cancelled()
    stop.abort()
    await over
    assert.equal(house.now.state, 'missing')
    const made = (await newsOf(await join({ code: fakeCode, name: 'phone' }))).at(-1)
    assert.ok(made?.type === 'made' && made.setup.state === 'running')
    assert.deepEqual(house.calls.at(-1), ['joinDevice', fakeCode, 'phone', true])
  })

  it('brings a home out of the network, tells how far it is, and ends with whoever asked', async () => {
    const house = createFakeHouse({ state: 'missing', fingerprint: null })
    await using served = await serveClient(createFakeClient(), { house })
    const restore = (said: object, signal?: AbortSignal) =>
      fetch(`${served.server.url}/setup/restore-network`, {
        method: 'POST',
        headers: { authorization: `Bearer ${testToken}` },
        body: JSON.stringify({ words: fakeWords, passphrase: null, ...said }),
        ...(signal && { signal })
      })
    for (const bad of [
      { words: 1 },
      { network: '/etc/passwd' },
      { network: '../network.json' },
      { link: `muttr:${'A'.repeat(2 ** 20)}` },
      { home: '/tmp' }
    ])
      assert.notEqual((await restore(bad)).status, 200, JSON.stringify(bad).slice(0, 40))
    assert.deepEqual(house.calls, [])
    const lastOf = async (answer: Response) => (await Array.fromAsync(readNews(answer))).at(-1)
    const wrong = await lastOf(await restore({ words: 'other words' }))
    assert.ok(wrong?.type === 'failed' && wrong.error.code === 'RECORD_UNKNOWN')
    const stop = new AbortController()
    const over = house.cancelled()
    const reader = readNews(await restore({ link: 'muttr:wait' }, stop.signal))
    const { value: far } = await reader.next()
    assert.ok(far?.type === 'fetched' && far.haveBytes === 100_000 && far.problem === null)
    stop.abort()
    await over
    assert.equal(house.now.state, 'missing')
    const made = await lastOf(await restore({ network: '{"name":"n"}' }))
    assert.ok(made?.type === 'made' && made.setup.state === 'running')
    assert.deepEqual(house.calls.at(-1), ['restoreFromNetwork', fakeWords, null, '{"name":"n"}'])
  })

  it('takes no setting that there is not, and no value that cannot be', async () => {
    await using served = await serveClient(createFakeClient())
    const change = (settings: unknown) => ask(served, 'PATCH', '/settings', settings)
    assert.equal(
      (await change({ receipts: 'nobody', upBytesPerSecond: null })).said.receipts,
      'nobody'
    )
    for (const bad of [
      { listen: [] },
      { receipts: 'all' },
      { upBytesPerSecond: 1 },
      { theme: 'pink' },
      { networkBackup: 'daily' },
      { name: null }
    ]) {
      const { status, said } = await change(bad)
      assert.deepEqual([status, said.error.code], [400, 'WIRE_MALFORMED'], JSON.stringify(bad))
    }
  })

  it('makes no home where there is one', async () => {
    await using served = await serveClient(createFakeClient())
    const home = { name: 'carol', passphrase: 'long enough' }
    const { said } = await ask(served, 'POST', '/setup/home', home)
    assert.equal(said.error.code, 'HOME_EXISTS')
    const empty = await ask(served, 'POST', '/setup/home', { name: 'carol', passphrase: '' })
    assert.equal(empty.said.error.code, 'WIRE_MALFORMED')
  })
})
