import type { HttpBindings } from '@hono/node-server'
import { Hono } from 'hono'
import { bodyLimit } from 'hono/body-limit'
import type { ContentfulStatusCode } from 'hono/utils/http-status'
import { type ErrorCode, MuttrError } from '../base/errors.ts'
import { asMuttrError, failureOf } from '../base/failure.ts'
import type { Log } from '../base/ports.ts'
import { httpsLimits } from './limits.ts'
import type { Turnstile } from './turnstile.ts'

export interface DoorEnv {
  Bindings: HttpBindings
  Variables: {
    /** The network that a request is counted with: an IPv4 /24, an IPv6 /48; undefined for loopback and private ranges. */
    subnet: string | undefined
  }
}

/** Hangs its routes into the door; what it is asked there has been counted and bounded. */
export type Room = (app: Hono<DoorEnv>) => void

export interface DoorParts {
  rooms: readonly Room[]
  turnstile: Turnstile
  log: Log
}

const statuses: Partial<Record<ErrorCode, ContentfulStatusCode>> = {
  ALIAS_UNKNOWN: 404,
  METHOD_UNKNOWN: 404,
  LIMIT_EXCEEDED: 429,
  WIRE_TOO_LARGE: 413,
  API_REFUSED: 403
}
const statusOf = ({ code, kind }: MuttrError): ContentfulStatusCode =>
  statuses[code] ?? (kind === 'internal' ? 500 : kind === 'network' ? 503 : 400)

/** The pod's door for everybody, as a function from requests to answers. Source: docs/protocol/https.md */
export function createDoor({ rooms, turnstile, log }: DoorParts): Hono<DoorEnv> {
  const app = new Hono<DoorEnv>()
  app.onError((err, c) => {
    let failure = failureOf(err)
    if (failure.code === 'INTERNAL') {
      log.warn('https.internal', { stack: err.stack })
      failure = { ...failure, message: 'something went wrong here' }
    }
    const status = statusOf(asMuttrError(err))
    if (status === 413) c.header('Connection', 'close')
    return c.json({ error: failure }, status)
  })
  app.notFound(() => {
    throw new MuttrError('METHOD_UNKNOWN', 'there is nothing at this address')
  })
  app.use(async (c, next) => {
    const subnet = turnstile.pass(c.env.incoming)
    if (c.req.url.length > httpsLimits.urlCharsMax)
      throw new MuttrError('WIRE_TOO_LARGE', 'the address is too long')
    c.set('subnet', subnet)
    await next()
    c.header('X-Content-Type-Options', 'nosniff')
    if (!c.res.headers.has('Content-Security-Policy'))
      c.header('Content-Security-Policy', "default-src 'none'")
  })
  const onError = (): never => {
    throw new MuttrError('WIRE_TOO_LARGE', `a body of more than ${httpsLimits.bodyBytesMax} bytes`)
  }
  app.use(bodyLimit({ maxSize: httpsLimits.bodyBytesMax, onError }))
  for (const room of rooms) room(app)
  return app
}
