import assert from 'node:assert/strict'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { createServer, type Server } from 'node:https'
import type { AddressInfo, LookupFunction } from 'node:net'
import { createNames } from '../../src/net/names.ts'
import { systemRandom } from '../../src/net/random.ts'
import { createWeb } from '../../src/net/web.ts'
import { freePorts } from '../../src/nodes/free-ports.ts'
import type { NameServer } from '../support/dnsmasq.ts'
import { dnsmasq } from '../support/dnsmasq.ts'
import { temporaryFolder } from '../support/store-folder.ts'
import type { TestCa } from '../support/test-ca.ts'
import { testCa } from '../support/test-ca.ts'

const forever = new AbortController().signal

describe('names, asked at a real name server', () => {
  let server: NameServer
  before(async () => {
    const [port] = await freePorts(1, systemRandom)
    server = await dnsmasq(port!, [
      '--srv-host=_muttr._tcp.one.test,second.test,4421,20,0',
      '--srv-host=_muttr._tcp.one.test,first.test,4420,10,5',
      '--srv-host=_muttr._tcp.one.test,.,4420,1,5',
      '--txt-record=_muttr._tcp.one.test,v=muttr1; id=x,; fp=y',
      '--txt-record=_muttr._tcp.two.test,only text'
    ])
  })
  after(() => server[Symbol.asyncDispose]())
  const names = (servers = [server.address]) => createNames({ random: systemRandom, servers })

  it('come in order, with the strings of a text joined', async () => {
    assert.deepEqual(await names().services('_muttr._tcp.one.test', forever), [
      { host: 'first.test', port: 4420 },
      { host: 'second.test', port: 4421 }
    ])
    const texts = await names().texts('_muttr._tcp.one.test', forever)
    assert.deepEqual(texts, ['v=muttr1; id=x; fp=y'])
  })

  it('are none where the server says so, by NXDOMAIN or by an empty answer', async () => {
    assert.deepEqual(await names().services('_muttr._tcp.three.test', forever), [])
    assert.deepEqual(await names().services('_muttr._tcp.two.test', forever), [])
  })

  it('fail where the server refuses, is not there, or is silent', async () => {
    await assert.rejects(names().services('_muttr._tcp.one.pods', forever), {
      code: 'PEER_UNREACHABLE'
    })
    const [nobody] = await freePorts(1, systemRandom)
    await assert.rejects(names([`127.0.0.1:${nobody}`]).texts('one.test', forever), {
      kind: 'network'
    })
    const silent = createSocket('udp4').bind(0, '127.0.0.1')
    await once(silent, 'listening')
    const at = [`127.0.0.1:${silent.address().port}`]
    await assert.rejects(names(at).texts('one.test', forever), { code: 'PEER_TIMEOUT' })
    const caller = new AbortController()
    const asked = once(silent, 'message')
    const asking = names(at).services('one.test', caller.signal)
    await asked
    caller.abort()
    await assert.rejects(asking, { code: 'CANCELLED' })
    silent.close()
  })
})

describe('the web, asked over TLS', () => {
  let folder: Awaited<ReturnType<typeof temporaryFolder>>
  let ca: TestCa
  let server: Server
  let port: number
  const here: LookupFunction = (_, options, done) =>
    options.all ? done(null, [{ address: '127.0.0.1', family: 4 }]) : done(null, '127.0.0.1', 4)

  before(async () => {
    folder = await temporaryFolder()
    ca = await testCa(folder.path)
    const { certificate: cert, key } = await ca.issue(['one.test'])
    server = createServer({ cert, key }, (request, answer) => {
      if (request.url === '/good') answer.end('good')
      else if (request.url === '/away') answer.writeHead(302, { Location: '/good' }).end()
      else if (request.url === '/endless') answer.write(Buffer.alloc(1_000_000))
      else if (request.url === '/cut')
        answer.writeHead(200, { 'Content-Length': 10 }).write('half', () => answer.destroy())
      else if (request.url === '/broken') answer.writeHead(500).end()
      else if (request.url === '/slow') answer.write('s')
      else answer.writeHead(404).end()
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    port = (server.address() as AddressInfo).port
  })
  after(async () => {
    server.closeAllConnections()
    server.close()
    await folder[Symbol.asyncDispose]()
  })
  const get = (
    path: string,
    o: { host?: string; ca?: string; signal?: AbortSignal; port?: number } = {}
  ) => {
    const trusted = { ca: o.ca ?? ca.certificate }
    const web = createWeb({ allowLocal: true, lookup: here, port: o.port ?? port, ...trusted })
    const { signal = forever } = o
    return web.get(`https://${o.host ?? 'one.test'}${path}`, { maxBytes: 1_000, signal })
  }

  it('gives what is there, and nothing where there is surely nothing', async () => {
    assert.equal(Buffer.from((await get('/good'))!).toString(), 'good')
    assert.equal(await get('/none'), undefined)
    const [nobody] = await freePorts(1, systemRandom)
    assert.equal(await get('/good', { port: nobody! }), undefined)
  })

  it('follows nobody elsewhere, and takes no failure for nothing', async () => {
    for (const path of ['/away', '/broken', '/cut'])
      await assert.rejects(get(path), { code: 'PEER_UNREACHABLE' }, path)
  })

  it('stops at so many bytes, and when its caller does', async () => {
    await assert.rejects(get('/endless'), { code: 'WIRE_TOO_LARGE' })
    const caller = new AbortController()
    const asked = once(server, 'request')
    const asking = get('/slow', { signal: caller.signal })
    await asked
    caller.abort()
    await assert.rejects(asking, { code: 'CANCELLED' })
  })

  it('believes no certificate of another name, or of nobody’s', async () => {
    await assert.rejects(get('/good', { host: 'two.test' }), { code: 'PEER_UNREACHABLE' })
    const web = createWeb({ allowLocal: true, lookup: here, port })
    const asking = web.get('https://one.test/good', { maxBytes: 1_000, signal: forever })
    await assert.rejects(asking, { code: 'PEER_UNREACHABLE' })
  })

  it('asks at no private address, unless it lives there', async () => {
    const web = createWeb({ allowLocal: false, lookup: here, port, ca: ca.certificate })
    const asking = web.get('https://one.test/good', { maxBytes: 1_000, signal: forever })
    await assert.rejects(asking, { code: 'PEER_UNREACHABLE' })
    for (const host of ['127.0.0.1', '0x7f.1', '[::1]', '[::ffff:127.0.0.1]']) {
      const asked = web.get(`https://${host}/good`, { maxBytes: 1_000, signal: forever })
      await assert.rejects(asked, /no public address/, host)
    }
  })
})
