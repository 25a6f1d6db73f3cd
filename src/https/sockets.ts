import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import type { Turnstile } from './turnstile.ts'

/** Takes connections at one path that are to be something else than HTTP; has bounds of its own. */
export interface SocketRoom extends AsyncDisposable {
  readonly path: string
  /** @param subnet the network that it is counted with; undefined for loopback and private ranges */
  take(request: IncomingMessage, socket: Duplex, head: Buffer, subnet: string | undefined): void
}

interface Parts {
  room: SocketRoom
  turnstile: Turnstile
}

/** What is asked to become another protocol, counted like every request. */
export const createUpgrade =
  ({ room, turnstile }: Parts) =>
  (request: IncomingMessage, socket: Duplex, head: Buffer): void => {
    socket.on('error', end)
    let subnet: string | undefined
    try {
      subnet = turnstile.pass(request)
    } catch {
      return void refuse(socket, '429 Too Many Requests')
    }
    if (request.url !== room.path) return void refuse(socket, '404 Not Found')
    room.take(request, socket, head, subnet)
  }

function end(this: Duplex): void {
  this.destroy()
}

function refuse(socket: Duplex, status: string): void {
  const headers = 'Connection: close\r\nContent-Length: 0'
  socket.end(`HTTP/1.1 ${status}\r\n${headers}\r\n\r\n`, () => socket.destroy())
}
