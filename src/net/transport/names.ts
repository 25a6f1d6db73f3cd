import { lookup as systemLookup } from 'node:dns'
import type { LookupFunction } from 'node:net'
import type { MultiaddrResolver } from '@libp2p/interface'
import type { Multiaddr } from '@multiformats/multiaddr'
import { dnsaddrResolver } from 'libp2p'
import { guardedLookup } from '../web.ts'

/** Which names may lead into our own house. */
export interface NameGuard {
  /** Addresses of our own files; any other name may be a stranger's. */
  readonly named: readonly string[]
  readonly lookup?: LookupFunction
  readonly dnsaddr?: MultiaddrResolver
}

const shape = /^\/dns([46]|addr|)\/([^/]+)/

/** Of an address that begins with a name: which family it asks for, and the name. */
function nameIn(address: string): { family: 0 | 4 | 6; host: string } | undefined {
  const [, kind, host] = shape.exec(address) ?? []
  if (host === undefined) return undefined
  return { family: kind === '4' ? 4 : kind === '6' ? 6 : 0, host: host.toLowerCase() }
}

const ownOf = ({ named }: NameGuard): ReadonlySet<string> =>
  new Set(named.flatMap(address => nameIn(address)?.host ?? []))

/**
 * How the name in an address is looked up while it is dialled: where others may have named it, to its public addresses alone, all of which are tried, so
 * that what was looked at is what is dialled. Source: docs/protocol/reach.md#security-notes
 * @returns of the machine's own way (undefined) for addresses, and for names of our own files
 */
export function createLookups(
  guard: NameGuard
): (address: Multiaddr) => LookupFunction | undefined {
  const own = ownOf(guard)
  const guarded = guardedLookup(false, guard.lookup ?? systemLookup)
  return address => {
    const name = nameIn(address.toString())
    if (!name || own.has(name.host)) return undefined
    const { family } = name
    return (host, options, done) => guarded(host, { ...options, family }, done)
  }
}

/** What a name has written down as its addresses may be anything: only names of our own files are asked for that. */
export function guardedDnsaddr(guard: NameGuard): MultiaddrResolver {
  const own = ownOf(guard)
  const { dnsaddr = dnsaddrResolver } = guard
  return {
    canResolve: address => dnsaddr.canResolve(address),
    async resolve(address, options) {
      const name = nameIn(address.toString())
      return name && own.has(name.host) ? await dnsaddr.resolve(address, options) : []
    }
  }
}
