import type { Context } from 'hono'
import { deleteCookie, getCookie, setCookie } from 'hono/cookie'
import type { MuttrError } from '../../base/errors.ts'
import { Refusal } from '../guard.ts'

/** How a browser keeps what lets it in, and how it is known that a request is of our own page. */
export interface Carrier {
  /** @throws {MuttrError} `API_REFUSED` for a request that no page of ours made */
  check(c: Context): void
  /** @returns what is no token when there is none. */
  tokenOf(c: Context): string
  /** @returns what the page has to keep itself; empty where the browser does. */
  keep(c: Context, token: string): { token?: string }
  drop(c: Context): void
}

/** `__Host-`: of this host alone, Secure, for all of its paths. The browser sends it with no other site's requests, and shows it to no script. */
const cookie = 'muttr-admin'
const cookieOptions = { httpOnly: true, sameSite: 'Strict', prefix: 'host' } as const

const foreign = (): MuttrError =>
  new Refusal(403, 'API_REFUSED', 'the request comes from a page of another site')

interface CookieParts {
  /** Where browsers find the page: `https://HOST`. */
  origin: () => string
  /** What the Host header must say; null behind a proxy, which may say what it likes. */
  host: () => string | null
}

/** Over HTTPS: a cookie. */
export const cookieCarrier = ({ origin, host }: CookieParts): Carrier => ({
  check(c) {
    const wanted = host()
    if (wanted !== null && c.req.header('host')?.toLowerCase() !== wanted)
      throw new Refusal(421, 'API_REFUSED', 'the Host header names another server')
    const from = c.req.header('origin')
    const site = c.req.header('sec-fetch-site')
    const isRead = c.req.method === 'GET' || c.req.method === 'HEAD'
    // Browsers name the origin of whatever may change something.
    if (from === undefined ? !isRead : from !== origin()) throw foreign()
    if (site !== undefined && site !== 'same-origin' && site !== 'none') throw foreign()
  },
  tokenOf: c => getCookie(c, cookie, 'host') ?? '',
  keep(c, token) {
    setCookie(c, cookie, token, cookieOptions)
    return {}
  },
  drop: c => void deleteCookie(c, cookie, cookieOptions)
})

/**
 * On loopback: a header. Cookies of 127.0.0.1 go to every port of the machine, so also to programs of its other users. Host and Origin
 * were looked at by the local API.
 */
export const headerCarrier: Carrier = {
  check() {},
  tokenOf: c => /^Bearer ([0-9a-f]{64})$/.exec(c.req.header('authorization') ?? '')?.[1] ?? '',
  keep: (_, token) => ({ token }),
  drop() {}
}
