import assert from 'node:assert/strict'
import { once } from 'node:events'
import { request } from 'node:http'
import { connect } from 'node:net'
import type { TLSSocket } from 'node:tls'
import { connect as connectTls } from 'node:tls'
import type { Pair } from '../../src/https/certificate.ts'
import type { Room } from '../../src/https/door.ts'
import { httpsLimits } from '../../src/https/limits.ts'
import type { Door } from '../../src/https/open.ts'
import { openDoor } from '../../src/https/open.ts'
import type { FakeClock } from '../support/fake-clock.ts'
import { fakeClock } from '../support/fake-clock.ts'
import { random } from '../support/pod-world.ts'
import { temporaryFolder } from '../support/store-folder.ts'
import type { TestCa } from '../support/test-ca.ts'
import { testCa } from '../support/test-ca.ts'

const silent = { debug() {}, info() {}, warn() {} }
const room: Room = app => {
  app.get('/who', c => c.text(c.var.subnet ?? 'somebody near'))
  app.post('/take', async c => c.text(String((await c.req.arrayBuffer()).byteLength)))
  app.get('/broken', () => {
    throw new Error('a secret of ours')
  })
}
const none = { httpPort: 0, openpgpkey: false, acme: { directory: 'https://ca.test' } }
const noFiles = {
  given: () => Promise.reject(new Error('none')),
  trust: async () => undefined,
  ordered: async () => undefined,
  keepOrdered: async () => {},
  accountKey: (make: () => Promise<string>) => make()
}

describe('the door of a pod behind a proxy', () => {
  let clock: FakeClock
  let door: Door
  let base: string
  beforeEach(async () => {
    clock = fakeClock()
    door = await open()
    base = `http://127.0.0.1:${door.status.port}`
  })
  afterEach(() => door[Symbol.asyncDispose]())
  const open = async (): Promise<Door> =>
    (await openDoor({
      https: { ...none, mode: 'proxy', port: 0 },
      ...{ hostname: 'pod.test', rooms: [room], groupLocal: false, files: noFiles },
      ...{ clock, random, log: silent }
    }))!

  const ask = (path: string, forwarded?: string) =>
    fetch(
      `${base}${path}`,
      forwarded === undefined ? {} : { headers: { 'X-Forwarded-For': forwarded } }
    )

  it('counts by what the proxy said last, and by nothing that came before', async () => {
    assert.equal(await (await ask('/who', '198.51.100.9')).text(), '198.51.100')
    assert.equal(await (await ask('/who', '203.0.113.1, 2001:db8:1:2::3')).text(), '2001:db8:1')
    assert.equal(await (await ask('/who', '203.0.113.1, nonsense')).text(), 'somebody near')
    assert.equal(await (await ask('/who')).text(), 'somebody near')
  })

  it('gives each network so many requests, and others theirs', async () => {
    const { burst, everyMs } = httpsLimits.requestsPerSubnet
    const statuses = new Set<number>()
    for (let i = 0; i < burst; i++) statuses.add((await ask('/who', '198.51.100.9')).status)
    assert.deepEqual([...statuses], [200])
    const refused = await ask('/who', '198.51.100.77')
    assert.equal(refused.status, 429)
    assert.equal((await refused.json()).error.code, 'LIMIT_EXCEEDED')
    assert.equal((await ask('/who', '198.51.101.9')).status, 200)
    clock.advance(everyMs)
    assert.equal((await ask('/who', '198.51.100.9')).status, 200)
  })

  it('bounds body, address and headers before anything looks at them', async () => {
    const send = (bytes: number) =>
      fetch(`${base}/take`, { method: 'POST', body: Buffer.alloc(bytes) })
    assert.equal(
      await (await send(httpsLimits.bodyBytesMax)).text(),
      String(httpsLimits.bodyBytesMax)
    )
    const large = await send(httpsLimits.bodyBytesMax + 1)
    assert.deepEqual([large.status, (await large.json()).error.code], [413, 'WIRE_TOO_LARGE'])
    assert.equal((await ask(`/who?${'x'.repeat(httpsLimits.urlCharsMax)}`)).status, 413)
    const heavy = request(`${base}/who`, {
      headers: { 'X-A': 'a'.repeat(httpsLimits.headerBytesMax) }
    })
    heavy.end()
    const [answer] = await once(heavy, 'response')
    assert.equal(answer.statusCode, 431)
    answer.resume()
  })

  it('bounds a body that does not say its length', async () => {
    const chunked = request(`${base}/take`, { method: 'POST' })
    chunked.on('error', () => {})
    const answered = once(chunked, 'response')
    for (let i = 0; i < 9; i++) chunked.write(Buffer.alloc(httpsLimits.bodyBytesMax / 8))
    chunked.end()
    const [answer] = await answered
    assert.equal(answer.statusCode, 413)
    answer.resume()
  })

  it('says nothing of its own mistakes, and nothing about itself', async () => {
    const broken = await ask('/broken')
    assert.equal(broken.status, 500)
    assert.doesNotMatch(await broken.text(), /secret/)
    const { headers, status } = await ask('/nowhere')
    assert.equal(status, 404)
    assert.equal(headers.get('x-content-type-options'), 'nosniff')
    assert.equal(headers.get('x-powered-by') ?? headers.get('server'), null)
  })

  it('meets what is no HTTP with a refusal, and goes on', async () => {
    const socket = connect(door.status.port, '127.0.0.1')
    socket.end('\x16\x03\x01 no http\r\n\r\n')
    const [answer] = await once(socket, 'data')
    assert.match(String(answer), /^HTTP\/1.1 400/)
    assert.equal((await ask('/who')).status, 200)
  })

  it('listens on loopback alone, and says when it cannot', async () => {
    const again = openDoor({
      https: { ...none, mode: 'proxy', port: door.status.port },
      ...{ hostname: 'pod.test', rooms: [room], groupLocal: false, files: noFiles },
      ...{ clock, random, log: silent }
    })
    await assert.rejects(again, { code: 'ADDRESS_IN_USE' })
  })
})

describe('the door of a pod with certificate files', () => {
  let folder: Awaited<ReturnType<typeof temporaryFolder>>
  let ca: TestCa
  let files: Pair
  let door: Door | undefined
  const clock = fakeClock()

  before(async () => {
    folder = await temporaryFolder()
    ca = await testCa(folder.path)
  })
  after(() => folder[Symbol.asyncDispose]())
  afterEach(async () => {
    await door?.[Symbol.asyncDispose]()
    door = undefined
  })
  const open = async (groupLocal = false): Promise<Door> => {
    door = await openDoor({
      https: { ...none, mode: 'files', port: 0 },
      ...{ hostname: 'pod.test', rooms: [room], groupLocal },
      files: { ...noFiles, given: async () => files },
      ...{ clock, random, log: silent }
    })
    return door!
  }
  const shake = async (options: object = {}): Promise<TLSSocket> => {
    const socket = connectTls({
      ...{ port: door!.status.port, host: '127.0.0.1', servername: 'pod.test', ca: ca.certificate },
      ...options
    })
    await once(socket, 'secureConnect')
    return socket
  }
  /** The serial number of the certificate in use. */
  const shown = async (): Promise<string> => {
    const socket = await shake()
    const { serialNumber } = socket.getPeerCertificate()
    socket.destroy()
    return serialNumber
  }

  it('shows the certificate, and a new one when the files change', async () => {
    files = await ca.issue(['pod.test'])
    const { status } = await open()
    assert.equal(status.problem, null)
    assert.ok(status.untilMs! > clock.now())
    const first = await shown()
    files = await ca.issue(['pod.test'])
    clock.advance(30_000)
    for (let last = first; last === first; ) last = await shown()
    assert.equal(door?.status.problem, null)
  })

  it('keeps the last good one, and says what is wrong with another', async () => {
    files = await ca.issue(['pod.test'])
    await open()
    const good = await shown()
    const bad: Pair[] = [
      { ...files, key: (await ca.issue(['pod.test'])).key },
      { certificate: 'no PEM', key: 'none' }
    ]
    for (const pair of bad) {
      files = pair
      const before = door!.status.problem
      clock.advance(30_000)
      await becomes(() => door!.status.problem !== before)
      assert.equal(door!.status.problem?.code, 'CERTIFICATE_INVALID')
      assert.equal(await shown(), good)
    }
    files = await ca.issue(['other.test'])
    clock.advance(30_000)
    await becomes(() => /not for pod.test/.test(door!.status.problem?.message ?? ''))
  })

  it('opens without a usable certificate, and takes one when it comes', async () => {
    files = { certificate: '', key: '' }
    assert.equal((await open()).status.problem?.code, 'CERTIFICATE_INVALID')
    await assert.rejects(shake())
    files = await ca.issue(['pod.test'])
    clock.advance(30_000)
    await becomes(() => door!.status.problem === null)
    await shown()
  })

  it('speaks no old TLS', async () => {
    files = await ca.issue(['pod.test'])
    await open()
    await assert.rejects(shake({ minVersion: 'TLSv1', maxVersion: 'TLSv1.1' }))
  })

  it('lets one network have so many connections', async () => {
    files = await ca.issue(['pod.test'])
    const { status } = await open(true)
    const sockets = Array.from({ length: httpsLimits.connectionsPerSubnetMax }, () =>
      connect(status.port, '127.0.0.1')
    )
    await Promise.all(sockets.map(socket => once(socket, 'connect')))
    const more = connect(status.port, '127.0.0.1')
    await once(more, 'close')
    for (const socket of sockets) socket.destroy()
    await Promise.all(sockets.map(socket => once(socket, 'close')))
    for (let served = false; !served; )
      served = await shake().then(
        socket => !!socket.destroy(),
        () => false
      )
  })

  /** Looks are answered by the disk, not by the clock. */
  async function becomes(holds: () => boolean): Promise<void> {
    while (!holds()) await new Promise(resolve => setImmediate(resolve))
  }
})
