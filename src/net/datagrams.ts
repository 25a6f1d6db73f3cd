import type { Socket } from 'node:dgram'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { isIPv6 } from 'node:net'
import { promisify } from 'node:util'
import { MuttrError } from '../base/errors.ts'
import type { DatagramDoor, Datagrams } from '../base/ports.ts'
import { subnetOf } from '../routing/subnet.ts'
import { guardedLookup } from './web.ts'

/** Room for what comes while the process does something else; the kernel gives less where it is set so. */
const receiveBytes = 1024 * 1024
const denied: ReadonlySet<unknown> = new Set(['EACCES', 'EPERM'])

/**
 * Listens for datagrams. What comes before somebody accepts them, or faster than they are read, the kernel drops.
 * @param o.host of both families unless told. @param o.port 0 for any.
 * @throws {MuttrError} `ADDRESS_IN_USE`, `ADDRESS_DENIED`
 */
export async function openDatagramDoor(o: {
  host?: string
  port: number
}): Promise<DatagramDoor & AsyncDisposable> {
  const socket = await bound(o)
  try {
    socket.setRecvBufferSize(receiveBytes)
  } catch {
    // It keeps the size that it has.
  }
  // Nothing is ever sent from it; an error of the network concerns no one datagram.
  socket.on('error', () => undefined)
  return {
    port: socket.address().port,
    accept(take) {
      socket.on('message', (bytes, { address, family }) =>
        take(bytes, networkOf(address, family === 'IPv6'))
      )
    },
    async [Symbol.asyncDispose]() {
      const closed = once(socket, 'close')
      socket.close()
      await closed
    }
  }
}

/** Also of private ranges, which count as one network each. */
const networkOf = (address: string, isV6: boolean): string =>
  subnetOf(isV6 ? `/ip6/${address.split('%')[0]}/` : `/ip4/${address}/`, true) ?? 'unknown'

async function bound({ host, port }: { host?: string; port: number }): Promise<Socket> {
  const isV6 = host === undefined || isIPv6(host)
  try {
    return await bind(isV6 ? 'udp6' : 'udp4', port, host)
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException
    // A machine without IPv6.
    if (code === 'EAFNOSUPPORT' && host === undefined) return await bind('udp4', port)
    const kind = denied.has(code) ? 'ADDRESS_DENIED' : 'ADDRESS_IN_USE'
    throw new MuttrError(kind, `UDP port ${port}: ${(cause as Error).message}`, { cause })
  }
}

async function bind(type: 'udp4' | 'udp6', port: number, host?: string): Promise<Socket> {
  const socket = createSocket({ type }).unref()
  try {
    socket.bind({ port, ...(host !== undefined && { address: host }) })
    await once(socket, 'listening')
    return socket
  } catch (err) {
    socket.close()
    throw err
  }
}

const target = /^\/(ip4|ip6|dns[46]?)\/([^/]+)\//

/** @param o.allowLocal names may lead to private addresses: for a Muttr that lives there. */
export function createDatagrams({
  allowLocal
}: {
  allowLocal: boolean
}): Datagrams & AsyncDisposable {
  const sockets = new Map<4 | 6, Socket>()
  const lookup = promisify(guardedLookup(allowLocal)) as unknown as (
    host: string,
    options: { all: true; family: 0 | 4 | 6 }
  ) => Promise<{ address: string; family: 4 | 6 }[]>
  let ended = false
  const socketOf = (family: 4 | 6): Socket => {
    const known = sockets.get(family)
    if (known) return known
    const socket = createSocket(family === 4 ? 'udp4' : 'udp6').unref()
    socket.on('error', () => undefined)
    sockets.set(family, socket)
    return socket
  }
  const to = async (address: string): Promise<{ address: string; family: 4 | 6 } | undefined> => {
    const [, kind, host = ''] = target.exec(address) ?? []
    if (kind === 'ip4') return { address: host, family: 4 }
    if (kind === 'ip6') return { address: host, family: 6 }
    if (kind === undefined) return undefined
    const family = kind === 'dns4' ? 4 : kind === 'dns6' ? 6 : 0
    return (await lookup(host, { all: true, family }))[0]
  }
  return {
    send(address, port, bytes) {
      void to(address)
        .then(found => {
          if (found && !ended) socketOf(found.family).send(bytes, port, found.address, () => {})
        })
        // Nobody there by that name: what was to be sent goes another way.
        .catch(() => undefined)
    },
    async [Symbol.asyncDispose]() {
      ended = true
      for (const socket of sockets.values()) socket.close()
    }
  }
}
