import type { Socket } from 'node:dgram'
import { createSocket } from 'node:dgram'
import { MuttrError } from '../../base/errors.ts'
import type { Millis } from '../../base/ports.ts'
import type { Gateway } from './gateway.ts'
import type { Mapped, MapRequest } from './mapper.ts'

/** NAT-PMP (RFC 6886): two questions of a dozen bytes to the router, by UDP. */
const port = 5_351
const operation = { externalAddress: 0, mapTcp: 2 } as const
const answerBit = 128
/** Sent again after so long without an answer; the RFC goes on to a minute, by which UPnP has answered. */
const triesMs: readonly Millis[] = [250, 500, 1_000]

/** @returns what a router says of its outer address, or undefined for anything else. */
export function readExternalAddress(packet: Uint8Array): string | undefined {
  if (!isAnswer(packet, operation.externalAddress, 12)) return undefined
  return packet.subarray(8, 12).join('.')
}

export interface MapAnswer {
  readonly internalPort: number
  readonly externalPort: number
  readonly lifeSeconds: number
}

/** @returns what a router says of a mapping, or undefined for anything else. */
export function readMapping(packet: Uint8Array): MapAnswer | undefined {
  if (!isAnswer(packet, operation.mapTcp, 16)) return undefined
  const view = new DataView(packet.buffer, packet.byteOffset, packet.byteLength)
  return {
    internalPort: view.getUint16(8),
    externalPort: view.getUint16(10),
    lifeSeconds: view.getUint32(12)
  }
}

function isAnswer(packet: Uint8Array, of: number, length: number): boolean {
  if (packet.byteLength < length || packet[0] !== 0 || packet[1] !== answerBit + of) return false
  const code = (packet[2]! << 8) | packet[3]!
  if (code !== 0) throw new MuttrError('PEER_REFUSED', `the router refuses (NAT-PMP ${code})`)
  return true
}

const askExternalAddress = Uint8Array.of(0, operation.externalAddress)

function askMapping({ port: internal, externalPort, lifeSeconds }: MapRequest): Uint8Array {
  const packet = Buffer.alloc(12)
  packet[1] = operation.mapTcp
  packet.writeUInt16BE(internal, 4)
  packet.writeUInt16BE(externalPort, 6)
  packet.writeUInt32BE(lifeSeconds, 8)
  return packet
}

/** Asks the router for a port; a life of 0 gives it back. @throws {MuttrError} `PEER_TIMEOUT`, `PEER_REFUSED`, `CANCELLED` */
export async function mapByNatPmp(
  { router, self }: Gateway,
  request: MapRequest,
  signal: AbortSignal
): Promise<Mapped> {
  using socket = await connected(router, self)
  const mapping = await ask(socket.of, askMapping(request), readMapping, signal)
  if (mapping.internalPort !== request.port)
    throw new MuttrError('PEER_REFUSED', 'the router speaks of another port')
  const host =
    request.lifeSeconds === 0
      ? ''
      : await ask(socket.of, askExternalAddress, readExternalAddress, signal)
  return { by: 'NAT-PMP', host, port: mapping.externalPort, lifeSeconds: mapping.lifeSeconds }
}

async function connected(
  router: string,
  self: string
): Promise<{ of: Socket; [Symbol.dispose](): void }> {
  const of = createSocket('udp4').unref()
  const close = () => void of.close()
  try {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    of.on('error', reject)
    // Connected: the system lets nobody else answer.
    of.bind({ address: self }, () => of.connect(port, router, resolve))
    await promise
    return { of, [Symbol.dispose]: close }
  } catch (cause) {
    close()
    throw new MuttrError('PEER_UNREACHABLE', 'no way to the router', { cause })
  }
}

async function ask<T>(
  socket: Socket,
  packet: Uint8Array,
  read: (answer: Uint8Array) => T | undefined,
  signal: AbortSignal
): Promise<T> {
  const { promise, resolve, reject } = Promise.withResolvers<T>()
  const take = (answer: Uint8Array) => {
    try {
      const found = read(answer)
      if (found !== undefined) resolve(found)
    } catch (err) {
      reject(err)
    }
  }
  const refused = (cause: Error) =>
    reject(new MuttrError('PEER_REFUSED', 'the router does not speak NAT-PMP', { cause }))
  const cancel = () => reject(new MuttrError('CANCELLED', 'the router is asked no more'))
  const timers: NodeJS.Timeout[] = []
  let afterMs = 0
  for (const tryMs of triesMs) {
    timers.push(setTimeout(() => socket.send(packet), afterMs))
    afterMs += tryMs
  }
  const none = () => reject(new MuttrError('PEER_TIMEOUT', 'the router does not answer NAT-PMP'))
  timers.push(setTimeout(none, afterMs))
  for (const timer of timers) timer.unref()
  socket.on('message', take).on('error', refused)
  signal.addEventListener('abort', cancel)
  try {
    if (signal.aborted) cancel()
    return await promise
  } finally {
    for (const timer of timers) clearTimeout(timer)
    socket.off('message', take)
    signal.removeEventListener('abort', cancel)
  }
}
