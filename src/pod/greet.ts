import { MuttrError } from '../base/errors.ts'
import type { Clock, Contact, Millis, Network, PeerId, Session } from '../base/ports.ts'
import type { Certificate } from '../keys/certificate.ts'
import type { Crypto } from '../keys/crypto.ts'
import type { Policy } from '../wire/pod.ts'
import * as wire from '../wire/pod.ts'
import type { PodPapers } from '../wire/proof.ts'

/** Who a pod is, as it showed and signed it. */
export interface PodFace {
  /** Under which it was asked for. */
  readonly hostname: string
  /** What it calls itself now: another one where it has another name since. */
  readonly now: string
  readonly certificate: Certificate
  readonly hpkeKey: Uint8Array
  readonly policy: Policy
  readonly udp: number | null
  /** Names, as in docs/protocol/pod.md#what-a-pod-offers. */
  readonly offers: readonly string[]
  readonly sequence: number
  /** Of the processes that serve it. */
  readonly peers: readonly PeerId[]
  readonly contact: Contact
  /** What binds its peer key to its certificate, as it showed it: kept as evidence. */
  readonly papers: PodPapers
}

/** As pinned: the certificate's fingerprint, or its pin (64 hex digits); a record below `sequence` is an old one. */
interface PinnedPod {
  readonly fingerprint: string
  readonly sequence?: number
}

export interface GreetParts {
  network: Pick<Network, 'self' | 'open'>
  contact: Contact
  clock: Clock
  /** OpenPGP unless told. */
  crypto?: Crypto
  hostname: string
  pinned?: PinnedPod
  /** The pinned key is shown revoked. */
  onRevoked?: (hostname: string, certificate: Certificate) => Promise<void>
  signal?: AbortSignal
}

const openTimeoutMs: Millis = 10_000

/**
 * Opens `/muttr/pod/1` to a pod and learns who it is: for clients, and for other pods.
 * @throws {MuttrError} `POD_UNREACHABLE`, `POD_CHANGED`, `SIGNATURE_INVALID`, `CANCELLED`
 */
export async function greetPod(
  parts: GreetParts & { crypto: Crypto }
): Promise<{ session: Session; pod: PodFace }> {
  const { network, contact, hostname, signal } = parts
  const options = { timeoutMs: openTimeoutMs, ...(signal && { signal }) }
  const session = await reached(hostname, network.open(contact, wire.podProtocol, options))
  try {
    const hello = session.request('hello', wire.nothing.encode(), options)
    const papers = wire.helloAnswer.decode(await reached(hostname, hello))
    const face = await readPapers(papers, { ...parts, peer: session.peer })
    return { session, pod: { ...face, contact } }
  } catch (err) {
    await session[Symbol.asyncDispose]()
    throw err
  }
}

/** What says no more than that the pod is not there becomes `POD_UNREACHABLE`. */
export async function reached<T>(hostname: string, asked: Promise<T>): Promise<T> {
  try {
    return await asked
  } catch (cause) {
    const away =
      cause instanceof MuttrError && cause.kind === 'network' && cause.code !== 'CANCELLED'
    if (!away) throw cause
    throw new MuttrError('POD_UNREACHABLE', `${hostname} does not answer`, { cause })
  }
}

/** Who shows these papers: the pod of that name, pinned as said, with the peer at the other end. @throws {MuttrError} `POD_CHANGED`, `POD_UNKNOWN`, `SIGNATURE_INVALID`, `KEY_INVALID` */
export async function readPapers(
  papers: PodPapers,
  {
    hostname,
    peer,
    pinned,
    onRevoked,
    clock,
    crypto
  }: Pick<GreetParts, 'hostname' | 'pinned' | 'onRevoked' | 'clock'> & {
    crypto: Crypto
    peer: PeerId
  }
): Promise<Omit<PodFace, 'contact'>> {
  const { record, signature, certificate: bytes } = papers
  const changed = (what: string): never => {
    throw new MuttrError('POD_CHANGED', what)
  }
  const certificate = await crypto.readCertificate(bytes)
  const pin = pinned?.fingerprint.toLowerCase()
  if (pin !== undefined && pin !== certificate.fingerprint && pin !== certificate.pin)
    changed(`${hostname} shows the key ${certificate.fingerprint}`)
  if (certificate.revoked && pin !== undefined) await onRevoked?.(hostname, certificate)
  if (certificate.revoked) changed(`${hostname} shows a revoked key`)
  await crypto.verifyDetached(certificate, wire.podRecordLabel, record, signature, clock.now())
  const said = wire.podRecord.decode(record)
  const asked = hostname.toLowerCase()
  if (said.hostname !== asked && !said.former.includes(asked)) {
    if (pin === undefined) changed(`it calls itself ${said.hostname}`)
    // The key that is known says so itself: nobody answers for that name any more.
    throw new MuttrError('POD_UNKNOWN', `${asked} is called ${said.hostname} now`)
  }
  if (!said.peers.includes(peer)) changed('its record is for other peers')
  if (said.sequence < (pinned?.sequence ?? 0)) changed('it shows an older record than before')
  const { hpkeKey, policy, udp, sequence, peers } = said
  const offers = await crypto.offersIn(signature)
  const shown = { certificate, hpkeKey, policy, udp, offers, sequence, peers, papers }
  return { hostname: asked, now: said.hostname, ...shown }
}
