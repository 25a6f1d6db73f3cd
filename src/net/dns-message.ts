import type { Answer } from 'dns-packet'
import packet from 'dns-packet'
import { MuttrError } from '../base/errors.ts'

/** Messages of the DNS, as far as a pod is found by them. Source: docs/protocol/finding.md#signed-names */

/** Fits one packet on any way (DNS flag day 2020). */
const udpBytes = 1_232
const recordsMax = 64
const flags = { response: 0x8000, opcode: 0x7800, code: 0x000f }

export interface DnsQuestion {
  /** Of 16 bits; the answer has the same. */
  readonly id: number
  readonly name: string
  readonly type: 'SRV' | 'TXT'
  /** Have it answered although its signatures do not hold. */
  readonly unchecked?: boolean
}

/** Asks, and that the resolver say whether the answer is proved (RFC 6840, section 5.7). */
export function encodeQuestion({ id, name, type, unchecked = false }: DnsQuestion): Uint8Array {
  const isUnchecked = unchecked ? packet.CHECKING_DISABLED : 0
  const more = { extendedRcode: 0, ednsVersion: 0, flags: 0, flag_do: false, options: [] }
  return packet.encode({
    type: 'query',
    id,
    flags: packet.RECURSION_DESIRED | packet.AUTHENTIC_DATA | isUnchecked,
    questions: [{ name, type }],
    additionals: [{ type: 'OPT', name: '.', udpPayloadSize: udpBytes, ...more }]
  })
}

export interface DnsAnswer {
  /** RCODE: 0 it is so, 2 the server failed, 3 there is no such name. */
  readonly code: number
  /** There is more, over TCP. */
  readonly truncated: boolean
  /** The resolver has proved it (AD). */
  readonly authentic: boolean
  /** Under the name or what it is an alias of. */
  readonly services: readonly DnsService[]
  /** As {@link services}; the strings of each joined. */
  readonly texts: readonly string[]
}

interface DnsService {
  readonly priority: number
  readonly weight: number
  readonly port: number
  readonly name: string
}

/** @throws {MuttrError} `WIRE_MALFORMED` for what is no answer to the question */
export function decodeAnswer(message: Uint8Array, asked: DnsQuestion): DnsAnswer {
  try {
    return read(Buffer.from(message.buffer, message.byteOffset, message.byteLength), asked)
  } catch (cause) {
    throw new MuttrError('WIRE_MALFORMED', 'not an answer of the DNS', { cause })
  }
}

function read(message: Buffer, { id, name, type }: DnsQuestion): DnsAnswer {
  const said = message.readUInt16BE(2)
  if ((said & (flags.response | flags.opcode)) !== flags.response) throw new RangeError('no answer')
  const { id: of, questions, answers = [] } = packet.decode(message)
  const [question, ...others] = questions ?? []
  const isSame = question?.type === type && question.name.toLowerCase() === name.toLowerCase()
  if (of !== id || !isSame || others.length > 0) throw new RangeError('another question')
  const truncated = (said & packet.TRUNCATED_RESPONSE) !== 0
  const found = truncated ? [] : under(name, answers.slice(0, recordsMax))
  return {
    ...{ code: said & flags.code, truncated },
    authentic: (said & packet.AUTHENTIC_DATA) !== 0,
    services: found.flatMap(one => {
      if (one.type !== 'SRV') return []
      const { priority = 0, weight = 0, port, target } = one.data
      return [{ priority, weight, port, name: target.toLowerCase() }]
    }),
    texts: found.flatMap(one =>
      one.type === 'TXT' ? [Buffer.concat([one.data].flat() as Buffer[]).toString('latin1')] : []
    )
  }
}

/** What is said of a name, and of what it is an alias of. */
function under(name: string, answers: readonly Answer[]): Answer[] {
  const names = new Set([name.toLowerCase()])
  return answers.filter(one => {
    const isUnder = names.has(one.name.toLowerCase())
    if (isUnder && one.type === 'CNAME') names.add(one.data.toLowerCase())
    return isUnder && (!('class' in one) || one.class === 'IN')
  })
}
