import type { LookupFunction } from 'node:net'
import { TLSSocket } from 'node:tls'
import { MuttrError } from '../../base/errors.ts'
import type { Clock, Log, PeerKeys, Random, RequestOptions, Session } from '../../base/ports.ts'
import { bind, bindAnswer, bindBytes, thinSubprotocol } from '../../wire/thin.ts'
import { Slots } from '../channel/channel.ts'
import type { Node } from '../node.ts'
import { tlsBinding } from './accept.ts'
import { socketOptions, ThinSession, ThinSocket } from './session.ts'

export interface OpenThin {
  url: string
  clock: Clock
  log: Log
  random: Random
  keys: Pick<PeerKeys, 'verify'>
  /** Trusted instead of the machine's authorities, PEM. */
  ca?: string
  lookup?: LookupFunction
  /** Hears when this machine slept or moved; never unless told. */
  onWake?: Node['onWake'] | undefined
}

/**
 * Opens a pod's channel over a WebSocket, and has the pod show which of its peers it is and that TLS ends there.
 * @throws {MuttrError} `PEER_UNREACHABLE`, `PEER_TIMEOUT`, `PEER_CLOSED`, `CANCELLED`; `SIGNATURE_INVALID` where somebody else ends TLS
 */
export async function openThin(parts: OpenThin, options: RequestOptions): Promise<Session> {
  const { url, random, keys } = parts
  const session = await dial(parts, options)
  const { binding } = session
  try {
    const nonce = random.bytes(32)
    const frame = await session.request('bind', bind.encode({ nonce }), options)
    const said = bindAnswer.decode(frame)
    const signed = bindBytes({ pod: said.pod, nonce, binding: said.binding })
    if (!keys.verify(said.pod, signed, said.signature))
      throw new MuttrError('SIGNATURE_INVALID', `${url} does not sign who it is`)
    if (said.binding && !(binding && Buffer.from(binding).equals(said.binding)))
      throw new MuttrError('SIGNATURE_INVALID', `somebody stands between us and ${url}`)
    session.proved(said.pod, said.binding)
    const watching = parts.onWake?.(wake =>
      session.probe(wake.type === 'slept' ? wake.ms : undefined)
    )
    void session.closed.then(() => watching?.[Symbol.dispose]())
    return session
  } catch (err) {
    await session[Symbol.asyncDispose]()
    throw err
  }
}

async function dial(
  { url, ca, lookup, clock, log }: OpenThin,
  { timeoutMs, signal }: RequestOptions
): Promise<ThinSession> {
  if (signal?.aborted) throw cancelled(signal)
  const socket = new ThinSocket(url, thinSubprotocol, {
    ...socketOptions,
    handshakeTimeout: timeoutMs,
    followRedirects: false,
    minVersion: 'TLSv1.3',
    ...(ca !== undefined && { ca }),
    ...(lookup && { lookup })
  })
  const { promise, resolve, reject } = Promise.withResolvers<ThinSession>()
  let binding: Uint8Array | null = null
  socket.once('upgrade', ({ socket: under }) => {
    if (under instanceof TLSSocket) binding = tlsBinding(under) ?? null
  })
  // What the pod says first comes in the same turn.
  socket.once('open', () => {
    const slots = new Slots(slotsMax)
    resolve(new ThinSession({ socket, peer: '', binding, clock, log, slots }))
  })
  socket.once('error', cause => {
    const why = `${url}: ${cause.message}`
    reject(signal?.aborted ? cancelled(signal) : new MuttrError('PEER_UNREACHABLE', why, { cause }))
  })
  const stop = (): void => socket.terminate()
  signal?.addEventListener('abort', stop, { once: true })
  try {
    return await promise
  } finally {
    signal?.removeEventListener('abort', stop)
  }
}

/** Requests of the pod at work here. */
const slotsMax = 16

const cancelled = ({ reason }: AbortSignal): MuttrError =>
  new MuttrError('CANCELLED', 'nobody waits any more', { cause: reason })
