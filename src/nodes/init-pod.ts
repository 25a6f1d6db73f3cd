import { networkInterfaces } from 'node:os'
import { MuttrError } from '../base/errors.ts'
import type { InitPodOptions, PodMade } from '../cli/doors.ts'
import type { Config } from '../config/config.ts'
import { usualPort } from '../config/config.ts'
import { homeExists } from '../config/home.ts'
import type { JoinLink } from '../config/join-link.ts'
import { lockHome } from '../config/lock.ts'
import type { NetworkFile } from '../config/network.ts'
import { checkNetwork } from '../config/network.ts'
import { factsOf } from '../https/certificate.ts'
import { isPublic } from '../net/addresses.ts'
import { peerKeys } from '../net/peer-key.ts'
import type { DnsRecord } from '../wire/pod-dns.ts'
import { podRecords } from '../wire/pod-dns.ts'
import type { Home } from './home.ts'
import { createHome, readHome } from './home.ts'
import { pairIn } from './host-https.ts'
import { networkFor } from './init.ts'
import { readLink } from './link.ts'
import { readPodHostname } from './pod-hostname.ts'

/** Of a network's name in its file. */
const networkNameCharsMax = 64

/** Makes the home of a pod. As `Doors.initPod`. */
export async function initPod(o: InitPodOptions): Promise<PodMade> {
  if (await homeExists(o.home))
    throw new MuttrError('HOME_EXISTS', `there is a node in ${o.home}`, {
      hint: 'Change its muttr.json, and start it with `muttr pod up`; `muttr pod rename` gives it another hostname.'
    })
  const hostname = readPodHostname(o.hostname)
  const link = o.link === undefined ? null : readLink(o.link)
  const network = await networkOf(hostname, o.network, link)
  const { email, ...https } = o.https
  if (https.mode === 'files') await checkFiles(hostname, https)
  const made = await createHome({
    home: o.home,
    name: hostname,
    person: true,
    pod: {
      hostname,
      policy: o.policy,
      https: { ...https, ...(email !== undefined && { acme: { email } }) },
      udp: { port: usualPort },
      ...(o.admin && { admin: { mode: 'on' as const } })
    },
    network,
    passphrase: await o.passphrase('new-vault')
  })
  const home = await readHome(o.home)
  const records = recordsOf(home)
  return {
    home: o.home,
    hostname,
    fingerprint: made.fingerprint!,
    config: made.paths.config,
    ports: portsOf(home.config),
    records,
    addressed: records.some(({ type }) => type === 'A' || type === 'AAAA')
  }
}

/** The network that is named, else one of its own: the built-in one is there for trying Muttr on one machine, and its pods are nobody's. */
async function networkOf(
  hostname: string,
  named: string | undefined,
  link: JoinLink | null
): Promise<NetworkFile> {
  if (named !== undefined || link?.network) return await networkFor(named, link)
  return checkNetwork({ name: hostname.slice(0, networkNameCharsMax) })
}

/** A door that cannot open is found out now, and not by those who knock. @throws {MuttrError} `CERTIFICATE_INVALID` */
async function checkFiles(
  hostname: string,
  { certificate, key }: Pick<InitPodOptions['https'], 'certificate' | 'key'>
): Promise<void> {
  if (certificate === undefined || key === undefined) return
  const facts = factsOf(await pairIn(certificate, key), [hostname])
  if (!facts.fits)
    throw new MuttrError('CERTIFICATE_INVALID', `${certificate} is not for ${hostname}`)
}

/** @throws {MuttrError} `HOME_MISSING`, `POD_UNKNOWN` */
export async function mustBePod(home: string): Promise<void> {
  const hint = 'Make one with `muttr pod init --hostname HOSTNAME`.'
  if (!(await homeExists(home)))
    throw new MuttrError('HOME_MISSING', `there is no pod in ${home}`, { hint })
  if (!(await readHome(home)).config.pod)
    throw new MuttrError('POD_UNKNOWN', `the home ${home} is a person's or a seed's, not a pod's`, {
      hint
    })
}

/** The home of a pod that does not run, and does not begin to until it is disposed. @throws {MuttrError} as {@link mustBePod}, `HOME_IN_USE` */
export async function lockedPod(folder: string): Promise<Home & AsyncDisposable> {
  await mustBePod(folder)
  const lock = await lockHome(folder)
  return { ...(await readHome(folder)), [Symbol.asyncDispose]: () => lock[Symbol.asyncDispose]() }
}

/** What must be in the DNS for the pod of a home. */
export function recordsOf({ config, privateKey, certificate }: Home): DnsRecord[] {
  const { hostname, https } = config.pod!
  return podRecords({
    hostname,
    port: portOf(config),
    peer: peerKeys(privateKey).self,
    fingerprint: certificate!.fingerprint,
    addresses: publicAddresses(config),
    openpgpkey: https.openpgpkey
  })
}

/** What others must reach, as firewalls name it. */
function portsOf(config: Config): string[] {
  const { udp, https } = config.pod!
  const { mode, port = 443, httpPort } = https
  return [
    `${portOf(config)}/tcp`,
    ...(udp ? [`${udp.port}/udp`] : []),
    ...(mode === 'acme' || mode === 'files' ? [`${port}/tcp`] : []),
    ...(mode === 'acme' ? [`${httpPort}/tcp`] : [])
  ]
}

const tcp = /^\/(?:ip4|ip6|dns[46]?)\/([^/]+)\/tcp\/(\d+)/

/** Where people dial: an announced port before one that is listened on. */
export function portOf({ reach, listen }: Config): number {
  const [first] = [...reach.announce, ...listen].flatMap(address => tcp.exec(address)?.[2] ?? [])
  return Number(first ?? 0)
}

/** What others shall dial as muttr.json says it, else the machine's own public addresses. */
function publicAddresses({ reach }: Config): string[] {
  const said = reach.announce.flatMap(address => tcp.exec(address)?.[1] ?? [])
  const own = Object.values(networkInterfaces()).flatMap(all => (all ?? []).map(i => i.address))
  const known = said.length > 0 ? said : own
  return [...new Set(known.filter(isPublic))]
}
