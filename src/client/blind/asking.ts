import type { ErrorCode } from '../../base/errors.ts'
import { codeOf, MuttrError } from '../../base/errors.ts'
import type { Clock, Millis, PeerKeys, Random } from '../../base/ports.ts'
import type { Crypto } from '../../keys/crypto.ts'
import type { PodFace } from '../../pod/greet.ts'
import { readPapers } from '../../pod/greet.ts'
import type { BlindSize } from '../../wire/blind.ts'
import {
  blindAnswerBytes,
  blindMethods,
  decodeBlindAnswer,
  encodeBlindRequest
} from '../../wire/blind.ts'
import { podRecord, submit } from '../../wire/pod.ts'
import { signedTokenKeys, tokenKeysRequest, tokenSubmit } from '../../wire/token.ts'
import type { PodLink } from '../pod-link.ts'
import type { PodQuestions } from '../pod-questions.ts'
import { podQuestions } from '../pod-questions.ts'
import { createTokens } from './tokens.ts'

interface Parts {
  clock: Clock
  random: Random
  crypto: Crypto
  /** With it, receipts of notices are verified. */
  keys?: Pick<PeerKeys, 'verify'> | undefined
  /** Pods where we have an alias, the oldest first. */
  own(): readonly string[]
  /** Whether two hostnames are of one pod, as far as is known: one may have been renamed. None are unless told. */
  isSame?(one: string, other: string): boolean
  /** A link on which an own pod knows us. */
  identified(
    hostname: string,
    signal: AbortSignal
  ): Promise<Pick<PodLink, 'blind' | 'tokens' | 'pod'>>
  /** By which a pod is known: it must be, since the relay could show any other. @throws {MuttrError} `POD_UNKNOWN` */
  fingerprintOf(hostname: string): Promise<string>
  /** It showed the pinned certificate. */
  met(pod: Omit<PodFace, 'contact'>): Promise<void>
}

interface AskOptions {
  size?: BlindSize
  /** Never asked again in a larger size, whatever the pod says: by the size the relay would know what it is. */
  isOfOneSize?: boolean
  signal: AbortSignal
}

type Face = Omit<PodFace, 'contact'>

/** It came within the seal: the pod that was asked has refused, and no relay. */
export class TargetRefusal extends MuttrError {}

/** Asks pods through an own one, which does not learn what; they do not learn who. Source: docs/protocol/blind.md */
export interface Asking {
  /** An own pod that can stand between us and that pod, which is another. */
  relayFor(hostname: string): string | undefined
  /** Whether it is an own one, also by a name that it had before. */
  isOwn(hostname: string): boolean
  /**
   * @returns what the pod answered to one of `blindMethods` (src/wire/blind.ts). @throws {MuttrError} what it refused with; `RELAY_UNREACHABLE`,
   * `RELAY_REFUSED`; `BLIND_INVALID` when the answer is not of that pod; `POD_UNKNOWN` where we know no key of it; `POD_UNREACHABLE`; `POD_CHANGED`
   * where its own key is revoked
   */
  ask(
    hostname: string,
    method: string,
    payload: Uint8Array,
    options: AskOptions
  ): Promise<Uint8Array>
  /** As {@link ask}, paid for by a token of an own pod, which `frame` puts in. @throws as {@link ask}; `TOKEN_KEY_FALSE`, `LIMIT_EXCEEDED`, … */
  askPaid(
    hostname: string,
    method: string,
    frame: (paid: { issuer: string; token: Uint8Array }) => Uint8Array,
    options: AskOptions
  ): Promise<Uint8Array>
  /** What is known of a pod, as the relay showed it or it was met. @throws as {@link ask} */
  face(hostname: string, signal: AbortSignal): Promise<Pick<PodFace, 'hpkeKey'>>
  /** As a link's, asked blindly. */
  questions(hostname: string, signal: AbortSignal): Promise<PodQuestions>
}

/** What a relay may say of itself, of us, and of whether it reaches the pod. What that pod refuses comes sealed. */
const relayCodes: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  ...(['POD_TOO_OLD', 'FEDERATION_REFUSED', 'LIMIT_EXCEEDED'] as const),
  ...(['BLIND_INVALID', 'TOKEN_INVALID', 'CLOCK_WRONG', 'VAULT_LOCKED'] as const),
  ...(['ALIAS_MISSING', 'ACCOUNT_SUSPENDED', 'ACCOUNT_REMOVED', 'DEVICE_REVOKED'] as const),
  ...(['IDENTIFY_FIRST', 'IDENTIFY_REFUSED', 'STATEMENT_INVALID', 'RELAY_REFUSED'] as const)
])

/** A relay that has shown false papers of a pod is asked about that one no more for so long, where there is another. */
const doubtMs: Millis = 3_600_000
const doubtsMax = 256

/** @throws {MuttrError} `RELAY_REFUSED` for all else that a relay refuses with: it cannot speak for the pod that is asked. */
async function relayed<T>(asked: Promise<T>): Promise<T> {
  try {
    return await asked
  } catch (err) {
    // Where it finds nobody, nobody may be hidden from it: a letter is not refused by that.
    if (codeOf(err) === 'POD_UNKNOWN')
      throw new MuttrError('POD_UNREACHABLE', 'the own pod finds no such pod', { cause: err })
    if (!(err instanceof MuttrError) || err.kind === 'network' || relayCodes.has(err.code))
      throw err
    throw new MuttrError('RELAY_REFUSED', `the own pod passes nothing on: ${err.code}`, {
      cause: err
    })
  }
}

export function createAsking(parts: Parts): Asking {
  const { clock, crypto, keys } = parts
  const faces = new Map<string, Face>()

  const doubted = new Map<string, Millis>()
  const isThis = (own: string, hostname: string): boolean =>
    own === hostname || parts.isSame?.(own, hostname) === true
  const isDoubted = (own: string, hostname: string): boolean =>
    (doubted.get(`${own} ${hostname}`) ?? 0) > clock.now()
  function doubt(own: string, hostname: string): void {
    doubted.delete(`${own} ${hostname}`)
    doubted.set(`${own} ${hostname}`, clock.now() + doubtMs)
    const [oldest] = doubted.keys()
    if (doubted.size > doubtsMax && oldest !== undefined) doubted.delete(oldest)
  }
  const relayFor = (hostname: string): string | undefined => {
    const others = parts.own().filter(own => !isThis(own, hostname))
    return others.find(own => !isDoubted(own, hostname)) ?? others[0]
  }

  async function relay(hostname: string, signal: AbortSignal) {
    const own = relayFor(hostname)
    if (own === undefined)
      throw new MuttrError('RELAY_UNREACHABLE', `no own pod can ask ${hostname} for us`)
    try {
      return await relayed(parts.identified(own, signal))
    } catch (err) {
      throw codeOf(err) === 'POD_UNREACHABLE'
        ? new MuttrError('RELAY_UNREACHABLE', `the relay ${own} does not answer`, { cause: err })
        : err
    }
  }

  async function faceOf(hostname: string, signal: AbortSignal): Promise<Face> {
    const known = faces.get(hostname)
    if (known) return known
    const fingerprint = await parts.fingerprintOf(hostname)
    for (;;) {
      const own = relayFor(hostname)
      try {
        const face = await shown(hostname, fingerprint, signal)
        await parts.met(face)
        faces.set(hostname, face)
        return face
      } catch (err) {
        if (own === undefined || codeOf(err) !== 'RELAY_REFUSED') throw err
        // Nothing was sealed to anybody yet: another own pod learns no more by it than this one has.
        doubt(own, hostname)
        if (isDoubted(relayFor(hostname) ?? own, hostname)) throw err
      }
    }
  }

  /** What the relay shows of a pod. @throws {MuttrError} `RELAY_REFUSED` where that is not the pod's: the relay says so, and nobody else */
  async function shown(hostname: string, fingerprint: string, signal: AbortSignal): Promise<Face> {
    const link = await relay(hostname, signal)
    const papers = await relayed(link.blind.papers(hostname))
    let isRevoked = false
    const onRevoked = async () => void (isRevoked = true)
    try {
      const peer = podRecord.decode(papers.record).peers[0]!
      return await readPapers(papers, {
        ...{ hostname, peer, pinned: { fingerprint }, onRevoked, clock, crypto }
      })
    } catch (cause) {
      // That its key is revoked, the key itself has signed.
      if (isRevoked) throw cause
      throw new MuttrError('RELAY_REFUSED', `what the own pod shows is not ${hostname}’s`, {
        cause
      })
    }
  }

  async function once(
    hostname: string,
    method: string,
    payload: Uint8Array,
    { size = 'small', signal }: AskOptions
  ): Promise<Uint8Array> {
    const { hpkeKey } = await faceOf(hostname, signal)
    const request = encodeBlindRequest({ atMs: Math.floor(clock.now()), size, method, payload })
    const { sealed, open } = await crypto.sealRequest(hpkeKey, request)
    const link = await relay(hostname, signal)
    const frame = await relayed(link.blind.pass(hostname, sealed))
    if (frame.byteLength !== blindAnswerBytes[size])
      throw new MuttrError('BLIND_INVALID', 'an answer of another size')
    const answer = decodeBlindAnswer(open(frame))
    if ('payload' in answer) return answer.payload
    throw new TargetRefusal(answer.code, `${hostname} refused what it was asked blindly`)
  }

  const ask: Asking['ask'] = async (hostname, method, payload, options) => {
    try {
      return await once(hostname, method, payload, options)
    } catch (err) {
      const code = codeOf(err)
      // More than usual: a certificate with many signatures.
      if (code === 'WIRE_TOO_LARGE' && options.size !== 'large' && !options.isOfOneSize)
        return await once(hostname, method, payload, { ...options, size: 'large' })
      // Its key may be another by now.
      if (code !== 'BLIND_INVALID' || !faces.delete(hostname)) throw err
      return await once(hostname, method, payload, options)
    }
  }

  const tokens = createTokens({
    ...{ clock, random: parts.random, crypto },
    async issuer(hostname, signal) {
      const { tokens, pod } = await relayed(parts.identified(hostname, signal))
      return {
        tokens: {
          keys: () => relayed(tokens.keys()),
          sign: (...asked) => relayed(tokens.sign(...asked))
        },
        certificate: pod.certificate
      }
    },
    shownTo: async (other, issuer, signal) =>
      signedTokenKeys.decode(
        await ask(other, blindMethods.tokenKeys, tokenKeysRequest.encode({ hostname: issuer }), {
          signal
        })
      )
  })

  /** In the name of an own pod, which is the relay too, and of no account of it. */
  const askPaid: Asking['askPaid'] = async (hostname, method, frame, options) => {
    const issuer = relayFor(hostname)
    if (issuer === undefined)
      throw new MuttrError('RELAY_UNREACHABLE', `no own pod can ask ${hostname} for us`)
    const token = await tokens.take(issuer, hostname, options.signal)
    return await ask(hostname, method, frame({ issuer, token }), options)
  }

  const submitted = (
    hostname: string,
    payload: Uint8Array,
    signal: AbortSignal
  ): Promise<Uint8Array> => {
    const { notice } = submit.decode(payload)
    const frame = (paid: { issuer: string; token: Uint8Array }) =>
      tokenSubmit.encode({ notice, ...paid })
    return askPaid(hostname, blindMethods.submitToken, frame, { signal })
  }

  return {
    ...{
      relayFor,
      isOwn: hostname => parts.own().some(own => isThis(own, hostname)),
      ask,
      askPaid,
      face: faceOf
    },
    async questions(hostname, signal) {
      const pod = await faceOf(hostname, signal)
      return podQuestions({
        ...{ pod, clock, crypto, ...(keys && { keys }) },
        ask: (method, payload) =>
          method === 'submit'
            ? submitted(hostname, payload, signal)
            : ask(hostname, method, payload, { size: 'medium', signal })
      })
    }
  }
}
