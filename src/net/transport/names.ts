import { lookup as systemLookup } from 'node:dns'
import type { LookupFunction } from 'node:net'
import { promisify } from 'node:util'
import type { Multiaddr } from '@multiformats/multiaddr'
import { multiaddr } from '@multiformats/multiaddr'
import { guardedLookup } from '../web.ts'

/** Which names may lead into our own house. */
export interface NameGuard {
  /** Addresses of our own files; any other name may be a stranger's. */
  readonly named: readonly string[]
  readonly lookup?: LookupFunction
}

const shape = /^\/dns([46]?)\/([^/]+)(\/.*)$/

/**
 * Turns a name that others may have named into the public IP address that it leads to, so that what was looked at is what is dialled; addresses and names
 * of our own files stay. Source: docs/protocol/reach.md#security-notes
 * @throws {Error} for one that leads to no public address
 */
export function createResolver({
  named,
  lookup = systemLookup
}: NameGuard): (address: Multiaddr) => Promise<Multiaddr> {
  const own = new Set(named.flatMap(address => shape.exec(address)?.[2] ?? []))
  const resolve = promisify(guardedLookup(false, lookup)) as unknown as (
    host: string,
    options: { all: true; family: 0 | 4 | 6 }
  ) => Promise<{ address: string; family: 4 | 6 }[]>
  return async address => {
    const [, kind, host = '', rest] = shape.exec(address.toString()) ?? []
    if (kind === undefined || own.has(host)) return address
    const family = kind === '4' ? 4 : kind === '6' ? 6 : 0
    const [found] = await resolve(host, { all: true, family })
    return multiaddr(`/ip${found!.family}/${found!.address}${rest}`)
  }
}
