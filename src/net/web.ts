import { lookup as systemLookup } from 'node:dns'
import { request } from 'node:https'
import type { LookupFunction } from 'node:net'
import { isIP } from 'node:net'
import { codeOf, MuttrError } from '../base/errors.ts'
import type { Web } from '../base/lookups.ts'
import type { PortTrier } from '../base/ports.ts'
import { isPublic } from './addresses.ts'
import { outcomeOf } from './outcome.ts'

interface Options {
  /** Ask also at loopback and private addresses: for a Muttr that lives there. Else nobody sends us into our own house. */
  allowLocal: boolean
  /** Trusted instead of the machine's authorities, PEM. */
  ca?: string
  lookup?: LookupFunction
  /** Instead of 443. */
  port?: number
}

const quietMs = 8_000
const gone: ReadonlySet<unknown> = new Set([404, 410])
const nobody: ReadonlySet<unknown> = new Set(['ECONNREFUSED', 'ENOTFOUND'])

/** Finds addresses as the machine does, and gives none of our own house unless told. */
export function guardedLookup(
  allowLocal: boolean,
  lookup: LookupFunction = systemLookup
): LookupFunction {
  return (hostname, options, done) =>
    lookup(hostname, { ...options, all: true }, (err, found) => {
      if (err) return done(err, '', 0)
      const all = typeof found === 'string' ? [] : found
      const allowed = all.filter(({ address }) => allowLocal || isPublic(address))
      const [first] = allowed
      if (!first) return done(new Error(`${hostname} is at no public address`), '', 0)
      return options.all ? done(null, allowed) : done(null, first.address, first.family)
    })
}

interface Answer {
  readonly status: number
  readonly bytes: Uint8Array
}

interface GetOptions {
  maxBytes: number
  signal: AbortSignal
}

/** What is at a page, and how it was to get there. */
export interface Looking {
  look(url: string, options: GetOptions): ReturnType<PortTrier['https']>
}

export function createWeb({ allowLocal, ca, lookup = systemLookup, port }: Options): Web & Looking {
  const guarded = guardedLookup(allowLocal, lookup)
  /** Of any status but 200 there are no bytes. */
  const ask = (url: string, { maxBytes, signal }: GetOptions): Promise<Answer> =>
    new Promise((resolve, reject) => {
      const fail = (code: 'PEER_TIMEOUT' | 'PEER_UNREACHABLE' | 'WIRE_TOO_LARGE', why: string) => {
        reject(new MuttrError(code, `${url}: ${why}`))
        asked.destroy()
      }
      const asked = request(
        url,
        {
          lookup: guarded,
          signal,
          timeout: quietMs,
          agent: false,
          ...(ca && { ca }),
          ...(port && { port })
        },
        answer => {
          const status = answer.statusCode ?? 0
          if (status !== 200) {
            resolve({ status, bytes: new Uint8Array() })
            return void asked.destroy()
          }
          const chunks: Buffer[] = []
          let bytes = 0
          answer.on('data', (chunk: Buffer) => {
            bytes += chunk.byteLength
            if (bytes > maxBytes) fail('WIRE_TOO_LARGE', `more than ${maxBytes} bytes`)
            else chunks.push(chunk)
          })
          answer.once('end', () =>
            resolve({ status, bytes: new Uint8Array(Buffer.concat(chunks)) })
          )
          answer.once('error', err => fail('PEER_UNREACHABLE', err.message))
        }
      )
      asked.once('timeout', () => fail('PEER_TIMEOUT', 'no answer'))
      asked.once('error', (cause: NodeJS.ErrnoException) =>
        reject(
          signal.aborted
            ? new MuttrError('CANCELLED', 'nobody waits any more', { cause })
            : new MuttrError('PEER_UNREACHABLE', `${url}: ${cause.message}`, { cause })
        )
      )
      // Such a one is not looked up.
      const host = asked.host.replace(/^\[|\]$/g, '')
      if (isIP(host) !== 0 && !allowLocal && !isPublic(host))
        fail('PEER_UNREACHABLE', 'no public address')
      else asked.end()
    })
  return {
    async get(url, options) {
      try {
        const { status, bytes } = await ask(url, options)
        if (status === 200) return bytes
        if (gone.has(status)) return undefined
        throw new MuttrError('PEER_UNREACHABLE', `${url}: it answers ${status}`)
      } catch (err) {
        if (codeOf(err) === 'PEER_UNREACHABLE' && isNowhere((err as Error).cause)) return undefined
        throw err
      }
    },
    async look(url, options) {
      try {
        const { status, bytes } = await ask(url, options)
        return { outcome: 'open', bytes: status === 200 ? bytes : undefined }
      } catch (err) {
        const code = codeOf(err)
        if (code === 'CANCELLED') throw err
        const outcome = code === 'PEER_TIMEOUT' ? 'timeout' : outcomeOf(err)
        return { outcome, bytes: undefined }
      }
    }
  }
}

/** Of several addresses each says for itself. */
function isNowhere(cause: unknown): boolean {
  if (!(cause instanceof Error)) return false
  const { errors } = cause as { errors?: NodeJS.ErrnoException[] }
  return (errors ?? [cause as NodeJS.ErrnoException]).every(({ code }) => nobody.has(code))
}
