import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { connect } from 'node:net'
import { Duplex } from 'node:stream'
import { text } from 'node:stream/consumers'
import { connect as connectTls } from 'node:tls'
import { beginWithFirstBytes } from '../../src/https/first-bytes.ts'
import { fakeClock } from '../support/fake-clock.ts'
import { localPair } from '../support/thin-network.ts'

const waitMs = 10_000

async function serve(clock = fakeClock()) {
  const { ca, pair } = await localPair()
  const server = createServer({ cert: pair.certificate, key: pair.key }, (_request, response) => {
    response.end('here')
  })
  const endSilent = beginWithFirstBytes(server, clock, waitMs)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return {
    ca,
    port,
    endSilent,
    [Symbol.asyncDispose]: async () => {
      server.close()
      server.closeAllConnections()
    }
  }
}

const request = 'GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n'

describe('TLS that begins with the first bytes', () => {
  it('reads a handshake that comes byte by byte', async () => {
    await using served = await serve()
    const under = connect(served.port, '127.0.0.1').setNoDelay()
    await once(under, 'connect')
    const inBytes = new Duplex({
      read() {},
      write(chunk: Buffer, _encoding, done) {
        const next = (at: number): void => {
          if (at === chunk.length) done()
          else under.write(chunk.subarray(at, at + 1), () => next(at + 1))
        }
        next(0)
      }
    })
    under.on('data', chunk => inBytes.push(chunk))
    under.on('end', () => inBytes.push(null))
    const socket = connectTls({ socket: inBytes, ca: served.ca, servername: 'localhost' })
    socket.write(request)
    assert.match(await text(socket), /^HTTP\/1\.1 200 OK\r\n.*here/s)
  })

  it('ends who says nothing, and who ends without a word', async () => {
    const clock = fakeClock()
    await using served = await serve(clock)
    const silent = connect(served.port, '127.0.0.1').resume()
    const brief = connect({ port: served.port, host: '127.0.0.1', allowHalfOpen: true }).resume()
    brief.end()
    await once(brief, 'end') // both are there by now
    clock.advance(waitMs)
    await once(silent, 'close')
  })

  it('lets nobody who says nothing keep the server from closing', async () => {
    await using served = await serve()
    const silent = connect(served.port, '127.0.0.1').resume()
    const said = connectTls({ port: served.port, ca: served.ca, servername: 'localhost' })
    said.write(request)
    await text(said) // the server has seen the one before it
    served.endSilent()
    await once(silent, 'close')
  })
})
