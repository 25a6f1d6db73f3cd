import { lookup as systemLookup } from 'node:dns'
import { request } from 'node:https'
import type { LookupFunction } from 'node:net'
import { isIP } from 'node:net'
import { MuttrError } from '../base/errors.ts'
import type { Web } from '../base/lookups.ts'
import { isPublic } from './addresses.ts'

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

export function createWeb({ allowLocal, ca, lookup = systemLookup, port }: Options): Web {
  const guarded = guardedLookup(allowLocal, lookup)
  return {
    get: (url, { maxBytes, signal }) =>
      new Promise((resolve, reject) => {
        const fail = (
          code: 'PEER_TIMEOUT' | 'PEER_UNREACHABLE' | 'WIRE_TOO_LARGE',
          why: string
        ) => {
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
            const { statusCode } = answer
            if (statusCode !== 200) {
              if (gone.has(statusCode)) resolve(undefined)
              else fail('PEER_UNREACHABLE', `it answers ${statusCode}`)
              return void asked.destroy()
            }
            const chunks: Buffer[] = []
            let bytes = 0
            answer.on('data', (chunk: Buffer) => {
              bytes += chunk.byteLength
              if (bytes > maxBytes) fail('WIRE_TOO_LARGE', `more than ${maxBytes} bytes`)
              else chunks.push(chunk)
            })
            answer.once('end', () => resolve(new Uint8Array(Buffer.concat(chunks))))
            answer.once('error', err => fail('PEER_UNREACHABLE', err.message))
          }
        )
        asked.once('timeout', () => fail('PEER_TIMEOUT', 'no answer'))
        asked.once(
          'error',
          (cause: NodeJS.ErrnoException & { errors?: NodeJS.ErrnoException[] }) => {
            // Of several addresses each says for itself.
            const isNowhere = (cause.errors ?? [cause]).every(({ code }) => nobody.has(code))
            if (signal.aborted)
              reject(new MuttrError('CANCELLED', 'nobody waits any more', { cause }))
            else if (isNowhere) resolve(undefined)
            else reject(new MuttrError('PEER_UNREACHABLE', `${url}: ${cause.message}`, { cause }))
          }
        )
        // Such a one is not looked up.
        const host = asked.host.replace(/^\[|\]$/g, '')
        if (isIP(host) !== 0 && !allowLocal && !isPublic(host))
          fail('PEER_UNREACHABLE', 'no public address')
        else asked.end()
      })
  }
}
