import type { MiddlewareHandler } from 'hono'
import type { ContentfulStatusCode } from 'hono/utils/http-status'
import { type ErrorCode, errorCodes, MuttrError } from '../base/errors.ts'
import { sameSecret } from './proof.ts'

/** A refusal of the door itself, where the status says more than the code. */
export class Refusal extends MuttrError {
  readonly status: ContentfulStatusCode
  constructor(status: ContentfulStatusCode, code: ErrorCode, message: string) {
    super(code, message)
    this.status = status
  }
}

const statuses: Partial<Record<ErrorCode, ContentfulStatusCode>> = {
  WIRE_MALFORMED: 400,
  METHOD_UNKNOWN: 404,
  LIMIT_EXCEEDED: 429,
  PEER_TIMEOUT: 504
}

/** The HTTP status of an error. Programs go by the code in the body; this is for people and proxies. */
export function statusOf(err: MuttrError): ContentfulStatusCode {
  if (err instanceof Refusal) return err.status
  const known = statuses[err.code]
  if (known !== undefined) return known
  if (err.code.endsWith('_UNKNOWN')) return 404
  if (err.code.endsWith('_TOO_LARGE')) return 413
  return ({ usage: 400, refused: 409, network: 502, internal: 500 } as const)[
    errorCodes[err.code][0]
  ]
}

/** The names under which a browser or a command can mean us: loopback, with the port we listen on. */
export const loopbackHosts = (port: number): ReadonlySet<string> =>
  new Set([`127.0.0.1:${port}`, `localhost:${port}`, `[::1]:${port}`])

/**
 * Refuses a page of another site: one that made its own name point at 127.0.0.1 (Host), and one that simply asks us (Origin). Both before
 * the token is looked at, so that such a page learns nothing about it.
 */
export function onlyOurselves(hosts: () => ReadonlySet<string>): MiddlewareHandler {
  return async (c, next) => {
    if (!hosts().has(c.req.header('host')?.toLowerCase() ?? ''))
      throw new Refusal(421, 'API_REFUSED', 'the Host header names another server')
    const origin = c.req.header('origin')
    if (origin !== undefined && ![...hosts()].some(host => origin === `http://${host}`))
      throw new Refusal(403, 'API_REFUSED', 'the request comes from a page of another site')
    await next()
  }
}

export function onlyWithToken(token: string): MiddlewareHandler {
  return async (c, next) => {
    const given = /^Bearer ([\x21-\x7e]{1,200})$/i.exec(c.req.header('authorization') ?? '')?.[1]
    if (given === undefined || !sameSecret(given, token))
      throw new Refusal(401, 'API_REFUSED', 'the token is missing or wrong')
    await next()
  }
}

/** Counts what is under way, so that a program gone wild meets a refusal and not a full memory. */
export function createGate(max: number): { enter(): Disposable } {
  let inside = 0
  return {
    enter() {
      if (inside >= max) throw new MuttrError('LIMIT_EXCEEDED', `${max} requests are under way`)
      inside++
      let left = false
      return {
        [Symbol.dispose]() {
          if (!left) inside--
          left = true
        }
      }
    }
  }
}
