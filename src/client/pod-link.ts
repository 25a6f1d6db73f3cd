import { MuttrError } from '../base/errors.ts'
import type { Clock, Millis, PeerId, PeerKeys, Session } from '../base/ports.ts'
import type { Certificate } from '../keys/certificate.ts'
import type { Crypto } from '../keys/crypto.ts'
import { openPgp } from '../keys/crypto.ts'
import type { Device } from '../keys/device.ts'
import { verifyCountersigned } from '../keys/move.ts'
import { foldName } from '../pod/alias.ts'
import type { GreetParts, PodFace } from '../pod/greet.ts'
import { greetPod, reached } from '../pod/greet.ts'
import type { QueueNews } from '../wire/federation.ts'
import type { InviteRequest } from '../wire/invite.ts'
import { inviteAnswer, inviteRequest } from '../wire/invite.ts'
import { moveAnswer, moveRequest } from '../wire/move.ts'
import type { Notice } from '../wire/notice.ts'
import * as wire from '../wire/pod.ts'
import type { PodStanding } from '../wire/pod-standing.ts'
import type { Report } from '../wire/report.ts'
import { report } from '../wire/report.ts'
import { succeed, succeedAnswer } from '../wire/succession.ts'
import type { PodBlind } from './blind/pod-blind.ts'
import { podBlind } from './blind/pod-blind.ts'
import type { PodTokens } from './blind/pod-tokens.ts'
import { podTokens } from './blind/pod-tokens.ts'
import type { Carried } from './carried.ts'
import type { PodAddresses } from './pod-addresses.ts'
import { podAddresses } from './pod-addresses.ts'
import type { PodAhead } from './pod-ahead.ts'
import { podAhead } from './pod-ahead.ts'
import { listenTo } from './pod-listen.ts'
import type { PodQuestions } from './pod-questions.ts'
import { askedOf, certifiedBy, nameAt, podQuestions } from './pod-questions.ts'
import type { PodQueue } from './pod-queue.ts'
import { podQueue } from './pod-queue.ts'

/** The pod tells by itself what became of notices that it was to pass on. */
export type OnNews = (news: readonly QueueNews[]) => void
export type OnStanding = (standing: PodStanding) => void
/** This process of the pod ends. @param peers of the others */
export type OnLeaving = (peers: readonly PeerId[]) => void
export type OnNotices = (entries: Notice[], how: 'push' | 'playback') => Promise<void>

/**
 * The client's end of `/muttr/pod/1`. Aliases may be given as `alice` or `alice@pod.example`.
 * Every method throws {MuttrError} `POD_UNREACHABLE` when the pod does not answer, and what it refused with.
 */
export interface PodLink extends PodQuestions, AsyncDisposable {
  readonly pod: PodFace
  /** Resolves when the stream has ended, for whatever reason. */
  readonly closed: Promise<void>
  /** Proves that this device speaks for the person. @returns the person's aliases here. @throws `IDENTIFY_REFUSED`, `ACCOUNT_REMOVED`, … */
  identify(o: {
    device: Device
    statement: Uint8Array
    certificate: Certificate
    nowMs: Millis
  }): Promise<{ aliases: string[]; standing: PodStanding }>
  /** Also renews. The certificate must name the alias in a User ID of its own. @returns it with the pod's certification. */
  register(
    alias: string,
    certificate: Certificate,
    o?: { invite?: string; note?: string }
  ): Promise<{ certificate: Certificate; untilMs: Millis }>
  unregister(alias: string): Promise<void>
  /** Leaves an alias for another, as our key signed it. @returns the pod's signature over that. @throws `MOVE_INVALID`, `ALIAS_UNKNOWN`, `METHOD_UNKNOWN` */
  move(move: Uint8Array): Promise<Uint8Array>
  /** Has the pod show that the alias's key is revoked; nobody need say who they are. @throws `ALIAS_UNKNOWN`, `KEY_INVALID` */
  revoke(alias: string, certificate: Certificate): Promise<void>
  /**
   * Takes over what the key had here that ours succeeds; whoever identified as ours. @returns its aliases, and our certificate with the pod's
   * word for each. @param others keys of our devices that may listen under that key until they have ours, at most 16.
   * @throws `SUCCESSION_INVALID`, `KEY_INVALID`, `IDENTIFY_REFUSED` when another key has succeeded ours
   */
  succeed(
    certificate: Certificate,
    succession: Uint8Array,
    others?: readonly Uint8Array[]
  ): Promise<{ aliases: string[]; certificate: Certificate; untilMs: Millis }>
  /** A code for others. @throws `LIMIT_EXCEEDED` beyond what the pod lets us, `ACCOUNT_SUSPENDED`, `USAGE` */
  invite(o: InviteRequest): Promise<{ code: string; untilMs: Millis }>
  /** Tells the pod something about one of its aliases. @throws `ALIAS_UNKNOWN`, `LIMIT_EXCEEDED` */
  report(alias: string, report: Omit<Report, 'name'>): Promise<void>
  /** Has a device of ours let in no more. @param dismissal as the person signed it. @throws `STATEMENT_INVALID`, `LIMIT_EXCEEDED` */
  dismiss(dismissal: Uint8Array): Promise<void>
  /**
   * Hands over what waits since `after` (or since the device's own cursor, when that is further on), and, from the first
   * moment on, what arrives live; acknowledges what `onNotices` resolved. A notice may come twice; none is lost.
   * Resolves when all that waited is handed over and acknowledged; pushes go on until the link ends. Rejects, and ends the
   * link, when `onNotices` rejects: what was not acknowledged comes again on the next link. Once per link.
   * @param onStanding is told what the pod decides about us meanwhile.
   */
  listen(
    onNotices: OnNotices,
    after: number,
    onNews?: OnNews,
    onStanding?: OnStanding,
    onLeaving?: OnLeaving
  ): Promise<void>
  readonly addresses: PodAddresses
  readonly ahead: PodAhead
  readonly queue: PodQueue
  readonly blind: PodBlind
  readonly tokens: PodTokens
}

type Parts = GreetParts & {
  /** With it, receipts of notices are verified. */
  keys?: Pick<PeerKeys, 'verify'>
  /** Where letters go that the pod sends along with their notices; it is not asked for any unless told. */
  carried?: Carried
}

const requestTimeoutMs = 20_000
/** A stream idle for 120 s is aborted. */
const pingEveryMs = 45_000

/** @throws {MuttrError} `POD_UNREACHABLE`, `POD_CHANGED`, `SIGNATURE_INVALID`, `CANCELLED` */
export async function openPodLink({ crypto = openPgp, ...rest }: Parts): Promise<PodLink> {
  const { session, pod } = await greetPod({ ...rest, crypto })
  return linkOver(session, pod, { ...rest, crypto })
}

function linkOver(
  session: Session,
  pod: PodFace,
  { network, clock, keys, crypto, carried }: Parts & { crypto: Crypto }
): PodLink {
  const { hostname } = pod
  const ask = (method: string, payload: Uint8Array): Promise<Uint8Array> =>
    reached(hostname, session.request(method, payload, { timeoutMs: requestTimeoutMs }))
  const nameOf = (alias: string): string => nameAt(hostname, alias)
  const stopPings = keepAlive(session, clock, () => ask('ping', wire.nothing.encode()))

  return {
    ...podQuestions({ ask, pod, clock, crypto, signer: session.peer, ...(keys && { keys }) }),
    pod,
    closed: session.closed,
    async identify({ device, statement, certificate, nowMs }) {
      const { nonce } = wire.challengeAnswer.decode(await ask('challenge', wire.nothing.encode()))
      const { peer: pod, binding } = session
      const o = { hostname, pod, self: network.self, binding, nonce, timeMs: nowMs, statement }
      const answer = device.sign(wire.identifyBytes(o))
      const shown = { certificate: certificate.bytes, statement, timeMs: nowMs, answer }
      const frame = await ask('identify', wire.identify.encode(shown))
      const { names, standing } = wire.identifyAnswer.decode(frame)
      return { aliases: names.map(name => `${foldName(name)}@${hostname}`), standing }
    },
    async register(alias, certificate, { invite, note } = {}) {
      const name = nameOf(alias)
      const request = {
        name: askedOf(pod, alias),
        certificate: certificate.bytes,
        invite: invite ?? null,
        note: note ?? null
      }
      const frame = await ask('register', wire.register.encode(request))
      const answer = wire.registerAnswer.decode(frame)
      const certified = await crypto.readCertificate(answer.certificate)
      if (certified.pin !== certificate.pin)
        throw new MuttrError('SIGNATURE_INVALID', 'the pod certified another key')
      const { untilMs } = await certifiedBy(pod, certified, { name, nowMs: clock.now(), crypto })
      return { certificate: certified, untilMs }
    },
    async revoke(alias, { bytes }) {
      await ask('revoke', wire.revoke.encode({ name: askedOf(pod, alias), certificate: bytes }))
    },
    async invite(o) {
      return inviteAnswer.decode(await ask('invite', inviteRequest.encode(o)))
    },
    async report(alias, told) {
      wire.nothing.decode(
        await ask('report', report.encode({ name: askedOf(pod, alias), ...told }))
      )
    },
    async dismiss(dismissal) {
      wire.nothing.decode(await ask('dismiss', wire.dismiss.encode({ dismissal })))
    },
    async succeed(certificate, succession, others = []) {
      const request = { certificate: certificate.bytes, succession, others: [...others] }
      const answer = succeedAnswer.decode(await ask('succeed', succeed.encode(request)))
      const certified = await crypto.readCertificate(answer.certificate)
      if (certified.pin !== certificate.pin)
        throw new MuttrError('SIGNATURE_INVALID', 'the pod certified another key')
      const names = answer.names.map(name => foldName(name))
      for (const name of names)
        await certifiedBy(pod, certified, { name, nowMs: clock.now(), crypto })
      const aliases = names.map(name => `${name}@${hostname}`)
      return { aliases, certificate: certified, untilMs: answer.untilMs }
    },
    async unregister(alias) {
      const frame = await ask('release', wire.aliasRequest.encode({ name: askedOf(pod, alias) }))
      wire.nothing.decode(frame)
    },
    async move(move) {
      const { signature } = moveAnswer.decode(await ask('move', moveRequest.encode({ move })))
      const shown = { move, signature, nowMs: clock.now() }
      await verifyCountersigned(pod.certificate, shown, crypto)
      return signature
    },
    listen: (
      onNotices,
      after,
      onNews = () => undefined,
      onStanding = () => undefined,
      onLeaving = () => undefined
    ) => listenTo({ session, ask, onNotices, after, onNews, onStanding, onLeaving, carried }),
    addresses: podAddresses(ask),
    ahead: podAhead(ask),
    queue: podQueue(ask),
    blind: podBlind(ask),
    tokens: podTokens(ask),
    async [Symbol.asyncDispose]() {
      stopPings[Symbol.dispose]()
      await session[Symbol.asyncDispose]()
    }
  }
}

/** Asks now and then, so that neither end takes the quiet for an end, and a dead pod is noticed. */
function keepAlive(session: Session, clock: Clock, ping: () => Promise<unknown>): Disposable {
  let timer: Disposable | undefined
  let ended = false
  const next = (): void => {
    if (ended) return
    timer = clock.after(pingEveryMs, () => {
      ping().then(next, () => void session[Symbol.asyncDispose]())
    })
  }
  const stop = (): void => {
    ended = true
    timer?.[Symbol.dispose]()
  }
  void session.closed.then(stop)
  next()
  return { [Symbol.dispose]: stop }
}
