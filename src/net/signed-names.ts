import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { connect, isIPv6 } from 'node:net'
import { MuttrError } from '../base/errors.ts'
import type { SignedNames } from '../base/lookups.ts'
import type { Random } from '../base/ports.ts'
import type { DnsAnswer, DnsQuestion } from './dns-message.ts'
import { decodeAnswer, encodeQuestion } from './dns-message.ts'
import { serviceOf } from './names.ts'

const tryMs = 4_000
const tries = 2
const [isSo, failed, noName] = [0, 2, 3]
const tcpBytesMax = 65_535

interface Parts {
  random: Random
  /** A resolver that validates, on this machine: what it says of an answer is believed. */
  resolver: { host: string; port: number }
}

/** The DNS, asked at a resolver that proves what it answers, or says that it cannot. */
export function createSignedNames({ random, resolver }: Parts): SignedNames {
  const over = async (question: DnsQuestion, life: AbortSignal): Promise<DnsAnswer> => {
    const frame = encodeQuestion(question)
    for (let attempt = 1; ; attempt++) {
      const signal = AbortSignal.any([life, AbortSignal.timeout(tryMs)])
      try {
        const answer = await overUdp(resolver, frame, question, signal)
        return answer.truncated ? await overTcp(resolver, frame, question, signal) : answer
      } catch (cause) {
        if (life.aborted) throw new MuttrError('CANCELLED', 'nobody waits any more', { cause })
        const isLate = signal.aborted
        if (isLate && attempt < tries) continue
        const what = `the resolver at ${resolver.host} ${isLate ? 'does not answer' : 'cannot be asked'}`
        throw new MuttrError(isLate ? 'PEER_TIMEOUT' : 'PEER_UNREACHABLE', what, { cause })
      }
    }
  }
  const ask = async (
    name: string,
    type: DnsQuestion['type'],
    signal: AbortSignal
  ): Promise<DnsAnswer> => {
    const question = () => ({ id: Buffer.from(random.bytes(2)).readUInt16BE(), name, type })
    const answer = await over(question(), signal)
    const { code } = answer
    if (code === isSo || code === noName) return answer
    const failure = `the resolver at ${resolver.host} failed for ${name} (${code})`
    if (code !== failed) throw new MuttrError('PEER_UNREACHABLE', failure)
    // It fails where it gets no answer, and where the answer is not what its zone signed: then there is one for who does not look.
    const unchecked = await over({ ...question(), unchecked: true }, signal)
    if (unchecked.code !== isSo && unchecked.code !== noName)
      throw new MuttrError('PEER_UNREACHABLE', failure)
    throw new MuttrError('DNS_BOGUS', `what is said of ${name} is not what its zone has signed`)
  }
  return {
    async services(name, signal) {
      const { authentic, services } = await ask(name, 'SRV', signal)
      return { isSigned: authentic, found: serviceOf(services, random) }
    },
    async texts(name, signal) {
      const { authentic, texts } = await ask(name, 'TXT', signal)
      return { isSigned: authentic, found: texts }
    }
  }
}

/** Other packets are passed over: the port is this question's alone, and only the resolver is heard. */
async function overUdp(
  { host, port }: Parts['resolver'],
  frame: Uint8Array,
  question: DnsQuestion,
  signal: AbortSignal
): Promise<DnsAnswer> {
  const socket = createSocket(isIPv6(host) ? 'udp6' : 'udp4')
  try {
    socket.connect(port, host)
    await once(socket, 'connect', { signal })
    const { promise, resolve, reject } = Promise.withResolvers<DnsAnswer>()
    socket.on('error', reject)
    socket.on('message', bytes => {
      try {
        resolve(decodeAnswer(bytes, question))
      } catch {
        // Not the answer.
      }
    })
    const stop = () => reject(signal.reason)
    signal.addEventListener('abort', stop, { once: true })
    try {
      socket.send(frame)
      return await promise
    } finally {
      signal.removeEventListener('abort', stop)
    }
  } finally {
    socket.close()
  }
}

async function overTcp(
  { host, port }: Parts['resolver'],
  frame: Uint8Array,
  question: DnsQuestion,
  signal: AbortSignal
): Promise<DnsAnswer> {
  const socket = connect({ host, port, signal })
  try {
    const length = Buffer.alloc(2)
    length.writeUInt16BE(frame.byteLength)
    socket.write(Buffer.concat([length, frame]))
    let said = Buffer.alloc(0)
    for await (const chunk of socket) {
      said = Buffer.concat([said, chunk as Buffer])
      if (said.length > tcpBytesMax + 2) break
      if (said.length >= 2 && said.length >= 2 + said.readUInt16BE(0))
        return decodeAnswer(said.subarray(2, 2 + said.readUInt16BE(0)), question)
    }
    throw new Error('it ended before its answer')
  } finally {
    socket.destroy()
  }
}
