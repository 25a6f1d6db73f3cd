import { lookup as systemLookup } from 'node:dns'
import type { LookupFunction } from 'node:net'
import type { PortTrier } from '../base/ports.ts'
import { isPublic } from '../net/addresses.ts'
import type { Node } from '../net/node.ts'
import { createWeb } from '../net/web.ts'
import type { PortsParts } from '../pod/federation/ports.ts'
import type { Home } from './home.ts'
import { portOf } from './init-pod.ts'

/** What a pod needs to look for others whether their ports are open, and to have them look. */
export function hostPorts(
  { config, network: file }: Pick<Home, 'config' | 'network'>,
  { outside }: Pick<Node, 'outside'>,
  udp: number | undefined
): PortsParts {
  const { connections, pod } = config
  const port = portOf(config)
  return {
    trier: portTrier(outside(), connections.groupLocal),
    own: () => ({
      tcp: port === 0 ? null : port,
      https: pod!.https.mode !== 'off',
      udp: udp ?? null
    }),
    named: file.pods.map(({ hostname }) => hostname)
  }
}

/** @param allowLocal also private addresses are tried: for a Muttr that lives there. */
function portTrier(outside: ReturnType<Node['outside']>, allowLocal: boolean): PortTrier {
  return {
    hostOf(peer) {
      const host = outside.hostOf(peer)
      return host !== undefined && (allowLocal || isPublic(host)) ? host : undefined
    },
    tcp: (peer, host, port, signal) =>
      outside.tries(peer, `/${host.includes(':') ? 'ip6' : 'ip4'}/${host}/tcp/${port}`, signal),
    https(url, { at, ...options }) {
      const lookup = at === undefined ? {} : { lookup: onlyAt(at) }
      return createWeb({ allowLocal, ...lookup }).look(url, options)
    }
  }
}

/** Finds a name at one address, or nowhere. */
const onlyAt =
  (at: string): LookupFunction =>
  (hostname, options, done) =>
    systemLookup(hostname, { ...options, all: true }, (err, found) => {
      const there = err ? [] : found.filter(({ address }) => address === at)
      const [first] = there
      if (first) return done(null, options.all ? there : first.address, first.family)
      const nowhere = new Error(`${hostname} is not at ${at}`)
      done(err ?? Object.assign(nowhere, { code: 'ENOTFOUND' }), '', 0)
    })
