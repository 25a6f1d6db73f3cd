import { MuttrError } from '../base/errors.ts'
import { limits } from '../base/limits.ts'
import type { Clock, Millis, PeerId, PeerKeys } from '../base/ports.ts'
import type { Certificate } from '../keys/certificate.ts'
import type { Crypto } from '../keys/crypto.ts'
import { refuseFuture } from '../keys/future.ts'
import { verifyCountersigned } from '../keys/move.ts'
import type { Withdrawal } from '../keys/withdraw.ts'
import { withdrawalOf } from '../keys/withdraw.ts'
import { foldName, readAlias } from '../pod/alias.ts'
import type { PodFace } from '../pod/greet.ts'
import { movedAnswer } from '../wire/move.ts'
import { announcedBytes } from '../wire/notice.ts'
import * as wire from '../wire/pod.ts'
import { successionAnswer, successionRequest } from '../wire/succession.ts'

export interface LookedUp {
  /** `alice@pod.example` */
  readonly alias: string
  /** Certified by the pod, or revoked by its owner. */
  readonly certificate: Certificate
  /** Where a first letter is announced. 32 bytes. */
  readonly intro: Uint8Array
  /** To which the notice is sealed. */
  readonly hpkeKey: Uint8Array
  readonly validUntilMs: Millis
  /** As the pod signed it. */
  readonly signed: wire.LookupAnswer
}

/** What a pod shows of a key that another came after. */
export interface Successor {
  /** The old key's, with what its owner revoked since. */
  readonly certificate: Certificate
  readonly succession: Uint8Array
}

/** What a pod says of an alias that its owner left. */
export interface LeftAlias {
  /** The owner's key, as the pod had it last. */
  readonly certificate: Certificate
  /** A signed move. */
  readonly move: Uint8Array
}

interface PodReceipt {
  readonly atMs: Millis
  /** The pod's peer key over `announcedBytes` (src/wire/notice.ts). It does not say that the notice was delivered. */
  readonly signature: Uint8Array
  readonly podPeer: PeerId
}

/** What anybody may ask of a pod, whichever way: over a link, or blindly. */
export interface PodQuestions {
  readonly hostname: string
  readonly pod: Pick<PodFace, 'hostname' | 'now' | 'certificate' | 'hpkeKey'>
  /** The key that an alias had before, as the pod knows it, and what it says of its successor; nothing of it is checked. */
  successor(alias: string, fingerprint: string): Promise<Successor | null>
  /** Where the owner of an alias went, which the pod has signed; the owner's signature is not checked. @throws `SIGNATURE_INVALID` */
  moved(alias: string): Promise<LeftAlias | null>
  /** The pod's signed answer, checked against its certificate. @throws `ALIAS_UNKNOWN`, `SIGNATURE_INVALID`, {@link AliasRevoked} */
  lookup(alias: string): Promise<LookedUp>
  /** @param notice sealed, exactly 1,200 bytes. @throws `NOTICE_INVALID`, `BLOB_EXPIRED`, `LIMIT_EXCEEDED` */
  submit(notice: Uint8Array): Promise<PodReceipt>
}

interface Parts {
  ask(method: string, payload: Uint8Array): Promise<Uint8Array>
  pod: Pick<PodFace, 'hostname' | 'now' | 'certificate' | 'hpkeKey' | 'peers'>
  clock: Clock
  crypto: Crypto
  /** With it, receipts of notices are verified. */
  keys?: Pick<PeerKeys, 'verify'>
  /** Who signs them; any process of the pod unless told. */
  signer?: PeerId
}

export function podQuestions({ ask, pod, clock, crypto, keys, signer }: Parts): PodQuestions {
  const { hostname } = pod
  return {
    ...{ hostname, pod },
    async successor(alias, fingerprint) {
      const request = successionRequest.encode({ name: askedOf(pod, alias), fingerprint })
      const found = successionAnswer.decode(await ask('succession', request))
      if (!found) return null
      const { certificate, succession } = found
      return { certificate: await crypto.readCertificate(certificate), succession }
    },
    async moved(alias) {
      const request = wire.aliasRequest.encode({ name: askedOf(pod, alias) })
      const found = movedAnswer.decode(await ask('moved', request))
      if (!found) return null
      await verifyCountersigned(pod.certificate, { ...found, nowMs: clock.now() }, crypto)
      return { certificate: await crypto.readCertificate(found.certificate), move: found.move }
    },
    async lookup(alias) {
      const name = nameAt(hostname, alias)
      const frame = await ask('lookup', wire.aliasRequest.encode({ name: askedOf(pod, alias) }))
      const o = { name, nowMs: clock.now(), crypto }
      return await checkLookup(wire.lookupAnswer.decode(frame), pod, o)
    },
    async submit(notice) {
      const frame = await ask('submit', wire.submit.encode({ notice }))
      const { atMs, signature } = wire.submitAnswer.decode(frame)
      const signed = announcedBytes(notice, atMs)
      const peers = signer === undefined ? pod.peers : [signer]
      const podPeer = keys ? peers.find(peer => keys.verify(peer, signed, signature)) : peers[0]
      if (podPeer === undefined)
        throw new MuttrError('SIGNATURE_INVALID', 'the receipt is not of this pod and notice')
      return { atMs, signature, podPeer }
    }
  }
}

/** @throws {MuttrError} `ALIAS_UNKNOWN` for one of another pod */
export function nameAt(hostname: string, alias: string): string {
  if (!alias.includes('@')) return foldName(alias)
  const read = readAlias(alias)
  if (read.hostname === hostname) return read.name
  throw new MuttrError('ALIAS_UNKNOWN', `${alias} is not of ${hostname}`)
}

/** How a pod is asked about an alias: whole, when the pod has another name than that of the alias. @throws {MuttrError} as {@link nameAt} */
export function askedOf({ hostname, now }: Pick<PodFace, 'hostname' | 'now'>, alias: string) {
  const name = nameAt(hostname, alias)
  return now === hostname ? name : `${name}@${hostname}`
}

interface Checking {
  name: string
  nowMs: Millis
  crypto: Crypto
}

export const certifiedBy = (
  pod: Pick<PodFace, 'hostname' | 'certificate'>,
  certificate: Certificate,
  { name, nowMs, crypto }: Checking
) =>
  crypto.checkCertification(certificate, {
    alias: `${name}@${pod.hostname}`,
    by: pod.certificate,
    nowMs
  })

/** A pod takes its word about an alias back. */
export class AliasRevoked extends MuttrError {
  /** With the pod's revocation in it. */
  readonly certificate: Certificate
  constructor(alias: string, certificate: Certificate, { reason }: Withdrawal) {
    super('ALIAS_REVOKED', `the pod has taken ${alias} back${reason === '' ? '' : `: ${reason}`}`)
    this.certificate = certificate
  }
}

async function checkLookup(
  { answer, signature }: wire.LookupAnswer,
  pod: PodQuestions['pod'],
  o: Checking
): Promise<LookedUp> {
  const { name, nowMs, crypto } = o
  await crypto.verifyDetached(pod.certificate, wire.directoryLabel, answer, signature, nowMs)
  const said = wire.directoryAnswer.decode(answer)
  if (said.alias !== `${name}@${pod.hostname}`)
    throw new MuttrError('SIGNATURE_INVALID', 'the answer is about another alias')
  refuseFuture(`the answer of ${pod.hostname}`, said.issuedMs, nowMs)
  if (said.validUntilMs <= nowMs - limits.clockSkewMs)
    throw new MuttrError('SIGNATURE_INVALID', 'the answer is not of now')
  const certificate = await crypto.readCertificate(said.certificate)
  // Nobody certifies a revoked key; the key's own word is enough.
  if (!certificate.revoked)
    await certifiedBy(pod, certificate, o).catch(async err => {
      const about = { alias: said.alias, by: pod.certificate }
      const withdrawal = await withdrawalOf(certificate, about)
      throw withdrawal ? new AliasRevoked(said.alias, certificate, withdrawal) : err
    })
  const { alias, intro, hpkeKey, validUntilMs } = said
  return { alias, certificate, intro, hpkeKey, validUntilMs, signed: { answer, signature } }
}
