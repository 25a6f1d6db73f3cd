import { Resolver } from 'node:dns/promises'
import { MuttrError } from '../base/errors.ts'
import type { Names } from '../base/lookups.ts'
import type { Random } from '../base/ports.ts'
import { throwDice } from '../base/retry.ts'

/** NXDOMAIN and NODATA, as c-ares calls them. All else says nothing of what there is. */
const none: ReadonlySet<unknown> = new Set(['ENOTFOUND', 'ENODATA'])
const tryMs = 2_000
const tries = 2

/**
 * The DNS, asked at the name servers of this machine.
 * @param o.servers asks these instead, as in `127.0.0.1:5300`.
 */
export function createNames({
  random,
  servers
}: {
  random: Random
  servers?: readonly string[]
}): Names {
  const ask = async <T>(
    name: string,
    signal: AbortSignal,
    query: (resolver: Resolver) => Promise<T[]>
  ): Promise<T[]> => {
    const resolver = new Resolver({ timeout: tryMs, tries })
    if (servers) resolver.setServers([...servers])
    const stop = () => resolver.cancel()
    signal.addEventListener('abort', stop, { once: true })
    try {
      signal.throwIfAborted()
      return await query(resolver)
    } catch (cause) {
      if (signal.aborted) throw new MuttrError('CANCELLED', 'nobody waits any more', { cause })
      const { code } = cause as NodeJS.ErrnoException
      if (none.has(code)) return []
      const silent = code === 'ETIMEOUT'
      const what = silent
        ? `no name server answered for ${name}`
        : `the name servers failed for ${name} (${code})`
      throw new MuttrError(silent ? 'PEER_TIMEOUT' : 'PEER_UNREACHABLE', what, { cause })
    } finally {
      signal.removeEventListener('abort', stop)
    }
  }
  return {
    async services(name, signal) {
      const found = await ask(name, signal, resolver => resolver.resolveSrv(name))
      return serviceOf(found, random)
    },
    async addresses(name, signal) {
      const both = [
        ask(name, signal, resolver => resolver.resolve4(name)),
        ask(name, signal, resolver => resolver.resolve6(name))
      ]
      return (await Promise.all(both)).flat()
    },
    texts: async (name, signal) =>
      (await ask(name, signal, resolver => resolver.resolveTxt(name))).map(parts => parts.join(''))
  }
}

/** Where a service is, by its SRV records, the best place first; those that lead nowhere are left out. */
export const serviceOf = (
  records: readonly Srv[],
  random: Random
): { host: string; port: number }[] =>
  ordered(records, random)
    .map(({ name: host, port }) => ({ host: host.toLowerCase(), port }))
    .filter(({ host, port }) => hostPattern.test(host) && port > 0)

/** "." says that there is decidedly no such service; what is no hostname cannot be dialled. */
const hostPattern = /^(?=.{1,253}$)[a-z0-9-]{1,63}(\.[a-z0-9-]{1,63})*$/

interface Srv {
  name: string
  port: number
  priority: number
  weight: number
}

/** The lowest priority first, and of one priority by chance in proportion to weight (RFC 2782). */
function ordered(records: readonly Srv[], random: Random): Srv[] {
  const drawn = records.map(record => ({
    record,
    at: -Math.log(1 - throwDice(random)) / (record.weight || 0.01)
  }))
  return drawn
    .sort((a, b) => a.record.priority - b.record.priority || a.at - b.at)
    .map(({ record }) => record)
}
