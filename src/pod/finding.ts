import { MuttrError } from '../base/errors.ts'
import { limits } from '../base/limits.ts'
import type { Names, Signed, SignedNames, Web } from '../base/lookups.ts'
import type { Clock, Millis } from '../base/ports.ts'
import type { Crypto } from '../keys/crypto.ts'
import { isAnywhere } from '../routing/subnet.ts'
import { podRecord } from '../wire/pod.ts'
import type { PodTxt } from '../wire/pod-dns.ts'
import { decodePodTxt, podService } from '../wire/pod-dns.ts'
import { decodeWellKnown, wellKnownBytesMax, wellKnownPath } from '../wire/well-known.ts'
import { isHostname } from './alias.ts'
import { readPapers } from './greet.ts'
import type { PodPlace } from './place.ts'

/**
 * Whose word it is that a pod's key is the pod's: of HTTPS, of the DNS as its zone has signed it, of the plain DNS (which nobody has signed),
 * or nobody's, since the key is known already.
 */
export type FoundBy = 'https' | 'dnssec' | 'dns' | 'pin' | 'move'

export interface FoundPod extends PodPlace {
  readonly fingerprint: string
  readonly by: FoundBy
}

export interface FindingParts {
  names: Pick<Names, 'services' | 'texts'>
  /** Asked instead, where there is a resolver that validates. */
  signed?: SignedNames | undefined
  web: Web
  clock: Clock
  crypto: Crypto
  /** Believe private addresses: for a Muttr that lives there. Else nobody sends us into our own house. */
  allowLocal: boolean
}

interface Asked {
  hostname: string
  /** Fingerprint or pin of the certificate that is known, hex. */
  pinned: string | undefined
  /** The DNS has said whose it is, and proved it: what it says now counts only when that is proved too. */
  wasSigned?: boolean
}

const patienceMs: Millis = 15_000
/** Names that are not in the DNS, or not the same everywhere (RFC 6761, 6762, 7686, 9476). */
const special = /(^|\.)(test|example|invalid|localhost|local|onion|alt)$/

/** Whether the DNS can say anything about the name. */
export const isPublishable = (hostname: string): boolean =>
  hostname.includes('.') && !special.test(hostname)

/**
 * Finds a pod by its hostname. Where it is and who it is are two questions: where, the DNS says, else HTTPS; who, HTTPS, else the DNS. A
 * source that does not answer ends the search, so that nobody who can silence one is asked at a weaker one. Source: docs/protocol/finding.md
 * @throws {MuttrError} `POD_UNKNOWN` when it is nowhere, `POD_UNREACHABLE` when a source says nothing, `DNS_BOGUS` when signatures do not hold, `POD_CHANGED` when one names another
 *   key than the pinned; `SIGNATURE_INVALID`, `KEY_INVALID`, `WIRE_…` when what it shows does not hold; `CANCELLED`
 */
export async function findPod(
  asked: Asked,
  parts: FindingParts,
  life: AbortSignal
): Promise<FoundPod> {
  const { hostname, pinned } = asked
  if (!isPublishable(hostname)) throw nowhere(hostname)
  const over = new AbortController()
  using _timer = parts.clock.after(patienceMs, () => over.abort())
  const signal = AbortSignal.any([life, over.signal])
  try {
    const names = parts.signed ?? unsigned(parts.names)
    const services = await names.services(podService(hostname), signal)
    if (asked.wasSigned && parts.signed && !services.isSigned) throw stripped(hostname)
    const dialled = services.found
      .slice(0, limits.contactAddressesMax)
      .map(({ host, port }) => `/dns/${host}/tcp/${port}`)
      .filter(address => parts.allowLocal || isOutside(address))
    if (pinned !== undefined && dialled.length > 0)
      return { hostname, addresses: dialled, fingerprint: pinned, by: 'pin' }
    const shown = await overHttps(asked, parts, signal)
    if (shown) return { ...shown, addresses: dialled.length > 0 ? dialled : shown.addresses }
    const { txt, isSigned } = await textOf(hostname, names, signal)
    if (!txt || dialled.length === 0) throw nowhere(hostname)
    const by = isSigned ? 'dnssec' : 'dns'
    return { hostname, addresses: dialled, fingerprint: txt.fingerprint, by }
  } catch (cause) {
    if (life.aborted) throw new MuttrError('CANCELLED', 'nobody waits any more', { cause })
    const isAway = cause instanceof MuttrError && cause.kind === 'network'
    if (!isAway || cause.code === 'DNS_BOGUS') throw cause
    const what = `it cannot be found out where ${hostname} is: ${cause.message}`
    throw new MuttrError('POD_UNREACHABLE', what, { cause })
  }
}

const nowhere = (hostname: string): MuttrError =>
  new MuttrError('POD_UNKNOWN', `no pod ${hostname} is known, and none is published`)

const stripped = (hostname: string): MuttrError =>
  new MuttrError('DNS_BOGUS', `the zone of ${hostname} was signed, and what is said now is not`)

const unsigned = ({ services, texts }: FindingParts['names']): SignedNames => {
  const plainly = <T>(found: readonly T[]): Signed<T> => ({ found, isSigned: false })
  return {
    services: async (name, signal) => plainly(await services(name, signal)),
    texts: async (name, signal) => plainly(await texts(name, signal))
  }
}

const named = /^\/dns[46]?\/([^/]+)\//

/** Whether an address that others name leads out of our own house, as far as it says: an IP address, or a name that the DNS has. */
export function isOutside(address: string): boolean {
  const [, name] = named.exec(address) ?? []
  return name === undefined ? isAnywhere(address) : isPublishable(name) && isHostname(name)
}

/** What the pod says of itself at its own name, checked as if it had said it on its channel. */
async function overHttps(
  { hostname, pinned }: Asked,
  { web, clock, crypto, allowLocal }: FindingParts,
  signal: AbortSignal
): Promise<FoundPod | undefined> {
  const url = `https://${hostname}${wellKnownPath}`
  const bytes = await web.get(url, { maxBytes: wellKnownBytesMax, signal })
  if (!bytes) return undefined
  const { hello, addresses } = decodeWellKnown(bytes)
  const [peer = ''] = podRecord.decode(hello.record).peers
  const known = pinned === undefined ? {} : { pinned: { fingerprint: pinned } }
  const { certificate, offers } = await readPapers(hello, {
    hostname,
    peer,
    clock,
    crypto,
    ...known
  })
  const { fingerprint } = certificate
  const dialled = addresses.filter(address => allowLocal || isOutside(address))
  const by = pinned === undefined ? 'https' : 'pin'
  return { hostname, addresses: dialled, fingerprint, offersThin: offers.includes('thin'), by }
}

/** @returns undefined where there is none. @throws {MuttrError} `POD_CHANGED` where there are several that differ */
async function textOf(
  hostname: string,
  names: SignedNames,
  signal: AbortSignal
): Promise<{ txt: PodTxt | undefined; isSigned: boolean }> {
  const { found, isSigned } = await names.texts(podService(hostname), signal)
  const read = found.map(decodePodTxt).filter(txt => txt !== undefined)
  const fingerprints = new Set(read.map(({ fingerprint }) => fingerprint))
  if (fingerprints.size > 1)
    throw new MuttrError('POD_CHANGED', `the DNS names several keys of ${hostname}`)
  return { txt: read[0], isSigned }
}
