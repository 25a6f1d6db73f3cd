import { once } from 'node:events'
import type { Server } from 'node:net'
import { createServer } from 'node:net'
import type { Random } from '../base/ports.ts'

/** Below the range from which systems take the ports of outgoing connections (Linux: 32768 on), or one of those could be in the way. */
const range = { first: 10_000, last: 32_000 }

/** Different ports of the loopback interface that nobody listened on a moment ago. */
export async function freePorts(count: number, random: Random): Promise<number[]> {
  const servers: Server[] = []
  const ports: number[] = []
  while (ports.length < count) {
    const [a = 0, b = 0] = random.bytes(2)
    const port = range.first + (((a << 8) | b) % (range.last - range.first))
    const server = createServer()
    try {
      server.listen(port, '127.0.0.1')
      await once(server, 'listening')
      servers.push(server)
      ports.push(port)
    } catch {
      // Somebody has it; another one is tried.
    }
  }
  await Promise.all(servers.map(server => new Promise(done => server.close(done))))
  return ports
}
