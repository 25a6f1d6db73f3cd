import { MuttrError } from '../base/errors.ts'

// Messages of the DNS (RFC 1035, 6891), as far as a pod is found by them. Source: docs/protocol/finding.md#signed-names

export const dnsTypes = { txt: 16, srv: 33 } as const
const cname = 5
const opt = 41
const internet = 1
/** Fits one packet on any way (DNS flag day 2020). */
const udpBytes = 1_232
const recordsMax = 64
const nameCharsMax = 253
const pointersMax = 32

const flags = { truncated: 0x0200, recursion: 0x0100, authentic: 0x0020, unchecked: 0x0010 }

export interface DnsQuestion {
  /** Of 16 bits; the answer has the same. */
  readonly id: number
  readonly name: string
  readonly type: number
  /** Have it answered although its signatures do not hold. */
  readonly unchecked?: boolean
}

/** Asks, and that the resolver say whether the answer is proved (RFC 6840, section 5.7). @throws {RangeError} for what is no name */
export function encodeQuestion({ id, name, type, unchecked = false }: DnsQuestion): Uint8Array {
  const labels = name.split('.').map(label => Buffer.from(label, 'latin1'))
  if (name.length > nameCharsMax || labels.some(({ length }) => length === 0 || length > 63))
    throw new RangeError('not a name of the DNS')
  const head = Buffer.alloc(12)
  head.writeUInt16BE(id, 0)
  head.writeUInt16BE(flags.recursion | flags.authentic | (unchecked ? flags.unchecked : 0), 2)
  head.writeUInt16BE(1, 4)
  head.writeUInt16BE(1, 10)
  const question = Buffer.alloc(4)
  question.writeUInt16BE(type, 0)
  question.writeUInt16BE(internet, 2)
  const options = Buffer.alloc(11)
  options.writeUInt16BE(opt, 1)
  options.writeUInt16BE(udpBytes, 3)
  const labelled = labels.flatMap(label => [Buffer.from([label.length]), label])
  return Buffer.concat([head, ...labelled, Buffer.from([0]), question, options])
}

export interface DnsAnswer {
  /** RCODE: 0 it is so, 2 the server failed, 3 there is no such name. */
  readonly code: number
  /** There is more, over TCP. */
  readonly truncated: boolean
  /** The resolver has proved it (AD). */
  readonly authentic: boolean
  /** Of the type asked for, under the name or what it is an alias of. */
  readonly records: readonly DnsData[]
}

/** Where the data of a record stands in its message: names in it point elsewhere. */
export interface DnsData {
  readonly message: Uint8Array
  readonly start: number
  readonly end: number
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
  const isAnswer = (said & 0x8000) !== 0 && (said & 0x7800) === 0
  if (message.readUInt16BE(0) !== id || !isAnswer || message.readUInt16BE(4) !== 1)
    throw new RangeError('another message')
  const question = readName(message, 12)
  const isSame = question.name === name.toLowerCase() && message.readUInt16BE(question.end) === type
  if (!isSame) throw new RangeError('another question')
  const truncated = (said & flags.truncated) !== 0
  const answers = truncated ? 0 : Math.min(message.readUInt16BE(6), recordsMax)
  const names = new Set([question.name])
  const records: DnsData[] = []
  let at = question.end + 4
  for (let n = 0; n < answers; n++) {
    const owner = readName(message, at)
    const [found, group] = [message.readUInt16BE(owner.end), message.readUInt16BE(owner.end + 2)]
    const start = owner.end + 10
    at = start + message.readUInt16BE(start - 2)
    if (at > message.length) throw new RangeError('cut short')
    if (group !== internet || !names.has(owner.name)) continue
    if (found === cname) names.add(readName(message, start).name)
    if (found === type) records.push({ message, start, end: at })
  }
  const authentic = (said & flags.authentic) !== 0
  return { code: said & 0x0f, truncated, authentic, records }
}

/** Of a record SRV (RFC 2782). @throws {MuttrError} `WIRE_MALFORMED` */
export function readSrv({ message, start, end }: DnsData) {
  try {
    const data = Buffer.from(message.buffer, message.byteOffset, message.byteLength)
    const target = readName(data, start + 6)
    if (target.end !== end) throw new RangeError('its length')
    const [priority, weight, port] = [0, 2, 4].map(n => data.readUInt16BE(start + n))
    return { priority: priority!, weight: weight!, port: port!, name: target.name }
  } catch (cause) {
    throw new MuttrError('WIRE_MALFORMED', 'not an SRV record', { cause })
  }
}

/** Of a record TXT, its strings joined. @throws {MuttrError} `WIRE_MALFORMED` */
export function readTxt({ message, start, end }: DnsData): string {
  const parts: Uint8Array[] = []
  for (let at = start; at < end; ) {
    const next = at + 1 + message[at]!
    if (next > end) throw new MuttrError('WIRE_MALFORMED', 'not a TXT record')
    parts.push(message.subarray(at + 1, next))
    at = next
  }
  return Buffer.concat(parts).toString('latin1')
}

/** Lower-case, without the dot at the end. Pointers lead back only, so there is no circle. */
function readName(message: Buffer, start: number): { name: string; end: number } {
  const labels: string[] = []
  let [at, end, chars, before] = [start, -1, 0, start]
  for (let pointers = 0; ; ) {
    const length = message.readUInt8(at)
    if (length === 0) return { name: labels.join('.').toLowerCase(), end: end < 0 ? at + 1 : end }
    if (length >= 0xc0) {
      const to = message.readUInt16BE(at) & 0x3fff
      pointers += 1
      if (to >= before || pointers > pointersMax) throw new RangeError('a pointer ahead')
      if (end < 0) end = at + 2
      at = before = to
    } else {
      const label = message.subarray(at + 1, at + 1 + length)
      chars += length + 1
      if (length > 63 || label.length < length || chars > nameCharsMax + 1)
        throw new RangeError('a label')
      labels.push(label.toString('latin1'))
      at += 1 + length
    }
  }
}
