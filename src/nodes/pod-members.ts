import { copyFile, readFile } from 'node:fs/promises'
import { networkInterfaces } from 'node:os'
import { MuttrError } from '../base/errors.ts'
import { limits } from '../base/limits.ts'
import type { PodMember } from '../cli/doors.ts'
import type { Config } from '../config/config.ts'
import { readConfig } from '../config/config.ts'
import { homePaths, writeFileAtomic } from '../config/home.ts'
import { editJsonc } from '../config/jsonc.ts'
import type { NetworkFile } from '../config/network.ts'
import { writeNetwork } from '../config/network.ts'
import { peerKeys } from '../net/peer-key.ts'
import type { Home } from './home.ts'
import { readHome } from './home.ts'
import { mustBePod, portOf } from './init-pod.ts'
import { inNewHome, makeKeys } from './new-home.ts'
import { embedded } from './pod-state.ts'

/** What all processes of a pod have in common, beside the state. */
const shared = ['vault', 'certificate', 'revocation', 'hpkeKey'] as const

/**
 * Makes the home of another process of a pod: with the pod's keys and settings, and a node's own. As `Doors.podMember`.
 * @throws {MuttrError} `HOME_MISSING`, `POD_UNKNOWN`, `HOME_EXISTS`, `USAGE` for a pod that keeps its state to itself
 */
export async function makePodMember(o: {
  home: string
  out: string
  listen?: string[]
}): Promise<PodMember> {
  await mustBePod(o.home)
  const home = await readHome(o.home)
  const { config } = home
  if (config.pod!.store === embedded)
    throw new MuttrError('USAGE', 'this pod keeps its state in its own folder', {
      hint: 'Move it first: `muttr pod migrate --to postgres://…`.'
    })
  const from = homePaths(o.home)
  const text = await readFile(from.config, 'utf8')
  const placed = o.listen ? editJsonc(text, ['listen'], o.listen) : text
  // The authority asks at the pod's name: processes that each order would answer it for one another.
  const doorClosed = config.pod!.https.mode === 'acme'
  const own = doorClosed ? editJsonc(placed, ['pod', 'https', 'mode'], 'off') : placed
  const { listen } = readConfig(own)
  return inNewHome(o.out, async paths => {
    const { privateKey } = await makeKeys(paths)
    for (const name of shared) await copyFile(from[name], paths[name])
    await writeFileAtomic(paths.network, Buffer.from(writeNetwork(networkWith(home))))
    await writeFileAtomic(paths.config, Buffer.from(own))
    const { hostname } = config.pod!
    return { home: o.out, hostname, peer: peerKeys(privateKey).self, listen, doorClosed }
  })
}

/**
 * The network with this process in it. A pod that founded its network stands in no file of its own: without that its second process would know nobody,
 * and found another network under the same name.
 */
function networkWith({ config, network, privateKey, certificate }: Home): NetworkFile {
  const { hostname } = config.pod!
  const own = placesOf(config).map(place => `${place}/p2p/${peerKeys(privateKey).self}`)
  const known = network.pods.find(pod => pod.hostname === hostname)
  const addresses = [...new Set([...own, ...(known?.addresses ?? [])])]
  const entry = {
    ...(known ?? { hostname, fingerprint: certificate!.fingerprint }),
    addresses: addresses.slice(0, limits.contactAddressesMax)
  }
  return { ...network, pods: [entry, ...network.pods.filter(pod => pod !== known)] }
}

const wild = /^\/(ip[46])\/(?:0\.0\.0\.0|::)\/tcp\/(\d+)/

/** Where other machines of the pod dial this one: in a network of their own as well. */
function placesOf(config: Config): string[] {
  const { reach, listen, pod } = config
  if (reach.announce.length > 0) return reach.announce.map(place => place.replace(/\/p2p\/.*$/, ''))
  const outside = Object.values(networkInterfaces())
    .flatMap(all => all ?? [])
    .filter(({ internal, address }) => !internal && !/^fe80:/i.test(address))
  const places = listen.flatMap(place => {
    const [, kind, port] = wild.exec(place) ?? []
    if (kind === undefined) return [place]
    const family = kind === 'ip4' ? 'IPv4' : 'IPv6'
    return outside.filter(o => o.family === family).map(o => `/${kind}/${o.address}/tcp/${port}`)
  })
  return places.length > 0 ? places : [`/dns/${pod!.hostname}/tcp/${portOf(config)}`]
}
