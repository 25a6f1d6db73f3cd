import assert from 'node:assert/strict'
import type { Server } from 'node:https'
import type { Socket } from 'node:net'
import type { Clock, Millis } from '../base/ports.ts'

/**
 * Begins TLS when a connection has said something. Node reads into a buffer that it makes for the first reading and keeps for as long as the connection
 * lasts: of 64 KiB when it has to read itself, of the size of what has come and 16 KiB when that is there already. What it saves: docs/benchmarks.md
 * @param waitMs how long a connection may say nothing
 * @returns ends those that have said nothing yet
 */
export function beginWithFirstBytes(server: Server, clock: Clock, waitMs: Millis): () => void {
  const [begin, ...others] = server.listeners('connection')
  assert(begin && others.length === 0, 'TLS begins in one place')
  server.removeListener('connection', begin as () => void)
  const silent = new Set<Socket>()
  server.on('connection', (socket: Socket) => {
    const end = (): void => void socket.destroy()
    const timer = clock.after(waitMs, end)
    const leave = (): void => {
      timer[Symbol.dispose]()
      silent.delete(socket)
    }
    silent.add(socket)
    socket.once('error', end)
    socket.once('close', leave)
    socket.once('readable', () => {
      leave()
      if (socket.readableLength === 0) return end()
      socket.removeListener('error', end)
      socket.removeListener('close', leave)
      begin.call(server, socket)
    })
  })
  return () => {
    for (const socket of silent) socket.destroy()
  }
}
