import { toHex } from '../base/bytes.ts'
import type { ErrorCode } from '../base/errors.ts'
import { codeOf, MuttrError } from '../base/errors.ts'
import type { Clock, Log, Millis, PeerId, PeerKeys, Random, Session } from '../base/ports.ts'
import type { Crypto } from '../keys/crypto.ts'
import { verifyDismissal } from '../keys/device.ts'
import type { State } from '../store/state.ts'
import { inviteAnswer, inviteRequest } from '../wire/invite.ts'
import * as wire from '../wire/pod.ts'
import type { PodStanding } from '../wire/pod-standing.ts'
import { report } from '../wire/report.ts'
import {
  decodeSignedSuccession,
  succeed,
  succeedAnswer,
  successionAnswer,
  successionRequest
} from '../wire/succession.ts'
import { bind, bindAnswer, bindBytes } from '../wire/thin.ts'
import type { Addresses } from './addresses/addresses.ts'
import { addressAnswers } from './addresses/answers.ts'
import type { Ahead } from './ahead/ahead.ts'
import { aheadAnswers } from './ahead/answers.ts'
import type { Held } from './along.ts'
import type { Blind } from './blind/answers.ts'
import { blindAnswers } from './blind/answers.ts'
import type { NoticeDatagrams } from './datagrams.ts'
import type { Directory } from './directory.ts'
import type { Dismissals } from './dismissals.ts'
import { federationAnswers } from './federation/answers.ts'
import type { Federation } from './federation/federation.ts'
import type { Gates } from './gates.ts'
import type { Hostnames } from './hostnames.ts'
import type { Identity } from './identify.ts'
import { checkIdentify, createChallenge } from './identify.ts'
import type { Mailbox } from './mailbox.ts'
import type { Measure } from './measure.ts'
import { moveAnswers } from './move-answers.ts'
import type { Moves } from './moves.ts'
import type { News } from './news.ts'
import type { Office } from './office/office.ts'
import type { Reports } from './office/reports.ts'
import type { Standings } from './office/standings.ts'
import { readingOf } from './reading.ts'
import type { PodRecordShelf } from './record.ts'
import type { Registry } from './registry.ts'
import { succeededBefore } from './successions.ts'
import { takeNotice } from './take-notice.ts'
import { tokenAnswers } from './token/answers.ts'
import type { Tokens } from './token/tokens.ts'

/** What every session of a pod shares. */
export interface Desk {
  readonly names: Hostnames
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  readonly crypto: Crypto
  readonly state: State
  readonly keys: PeerKeys
  readonly hpkeSecret: Uint8Array
  readonly registry: Registry
  readonly directory: Directory
  readonly moves: Moves
  readonly mailbox: Mailbox
  readonly addresses: Addresses
  readonly dismissals: Dismissals
  readonly standings: Standings
  readonly reports: Reports
  readonly office: Pick<Office, 'inviteFor'>
  /** What the pod has decided about an account. */
  standing(account: string, nowMs: Millis): Promise<PodStanding>
  readonly gates: Gates
  /** Undefined where a pod has nothing to do with others. */
  readonly federation: Federation | undefined
  /** What its node holds, that may go along with pushes. */
  readonly held: Held
  /** Undefined where a pod has nothing to do with others. */
  readonly blind: Blind | undefined
  readonly tokens: Tokens | undefined
  /** Undefined where files are not fetched ahead. */
  readonly ahead: Ahead | undefined
  /** Undefined where none are taken. */
  readonly datagrams: Pick<NoticeDatagrams, 'has'> | undefined
  readonly record: Pick<PodRecordShelf, 'hello'>
  readonly measure: Measure
  /** A session over which the peer is not proved has identified as a device of it. */
  name(session: Session, peer: PeerId): void
  /** Tells every process of the pod, this one before it resolves. */
  tell(news: News): Promise<void>
}

/** One client's session: who it is, and its answers. */
export interface Served extends Disposable {
  /** Undefined until identified, and once the statement has ended. */
  identity(nowMs: Millis): Identity | undefined
}

export type Answers = Record<
  string,
  (payload: Uint8Array, nowMs: Millis, signal: AbortSignal) => Promise<Uint8Array>
>

/** What the answers of one session share. */
export interface Visit {
  readonly session: Session
  readonly desk: Desk
  /** Undefined until identified, and once the statement has ended. */
  identity(nowMs: Millis): Identity | undefined
  /** @throws {MuttrError} `IDENTIFY_FIRST`, `IDENTIFY_REFUSED` for a device that is behind */
  self(nowMs: Millis): Identity
  /** Who may listen. @throws {MuttrError} `IDENTIFY_FIRST` */
  reader(nowMs: Millis): Identity
  become(identity: Identity): void
  /** Is nobody again. */
  quit(): void
  /** The pod at the other end, once it has said and shown so. */
  readonly other: { hostname: string | undefined }
}

export function serveSession(session: Session, desk: Desk): Served {
  let known: Identity | undefined
  const identity = (nowMs: Millis) => (known && known.untilMs > nowMs ? known : undefined)
  const visit: Visit = {
    session,
    desk,
    identity,
    other: { hostname: undefined },
    self(nowMs) {
      const here = visit.reader(nowMs)
      if (here.isBehind) throw succeededBefore()
      return here
    },
    reader(nowMs) {
      const here = identity(nowMs)
      if (!here) throw new MuttrError('IDENTIFY_FIRST', 'identify with a device statement first')
      return here
    },
    become(shown) {
      if (known && (known.pin !== shown.pin || known.device !== shown.device))
        throw new MuttrError('IDENTIFY_REFUSED', 'this session is somebody else already')
      known = shown
    },
    quit() {
      known = undefined
    }
  }
  const reading = readingOf(visit)
  const isKnown = async (account: string): Promise<boolean> =>
    (await desk.registry.account(account)) !== undefined
  const mayAsk = (account: string, nowMs: Millis): Promise<void> =>
    desk.standings.check(account, nowMs)
  const answers: Answers = {
    ...openAnswers(visit),
    ...identifyAnswers(visit),
    ...aliasAnswers(visit),
    ...reading.answers,
    ...moveAnswers(visit),
    ...addressAnswers({ ...desk, account: nowMs => visit.self(nowMs).account, isKnown }),
    ...aheadAnswers(desk.ahead, {
      account: nowMs => visit.self(nowMs).account,
      isKnown,
      mayAsk
    }),
    ...federationAnswers({
      ...{ session, isKnown, federation: desk.federation, gates: desk.gates, other: visit.other },
      self: visit.self,
      mayAsk,
      take: (notice, nowMs) => takeNotice(desk, notice, { peer: session.peer, nowMs }),
      admit: nowMs => admit(visit, nowMs)
    }),
    ...tokenAnswers({ self: visit.self, isKnown, mayAsk, gates: desk.gates, tokens: desk.tokens }),
    ...blindAnswers({
      ...{ session, isKnown, mayAsk, gates: desk.gates, other: visit.other },
      ...{ blind: desk.blind, peers: desk.federation?.peers, self: visit.self }
    })
  }
  session.serve(async (method, payload, signal) => {
    const nowMs = desk.clock.now()
    const answer = Object.hasOwn(answers, method) ? answers[method] : undefined
    const end = (outcome: ErrorCode | 'ok') =>
      desk.measure.asked(answer ? method : 'unknown', outcome, desk.clock.now() - nowMs)
    try {
      desk.gates.request(session.peer, nowMs)
      if (!answer) throw unknownMethod()
      const answered = await answer(payload, nowMs, signal)
      end('ok')
      return answered
    } catch (err) {
      end(codeOf(err) ?? 'INTERNAL')
      throw err
    }
  })
  return { identity, [Symbol.dispose]: () => reading[Symbol.dispose]() }
}

const unknownMethod = (): MuttrError =>
  new MuttrError('METHOD_UNKNOWN', 'not a request of /muttr/pod/1')

/** What anybody may ask, identified or not. */
function openAnswers(visit: Visit): Answers {
  const { session, desk, identity } = visit
  return {
    async hello(payload) {
      wire.nothing.decode(payload)
      return await desk.record.hello()
    },
    async ping(payload) {
      wire.nothing.decode(payload)
      return wire.nothing.encode()
    },
    async bind(payload) {
      const { binding } = session
      if (binding === undefined) throw unknownMethod()
      const { keys } = desk
      const { nonce } = bind.decode(payload)
      const signature = keys.sign(bindBytes({ pod: keys.self, nonce, binding }))
      return bindAnswer.encode({ pod: keys.self, binding, signature })
    },
    async lookup(payload, nowMs) {
      const { name } = wire.aliasRequest.decode(payload)
      desk.gates.lookup(session.peer, identity(nowMs)?.account, nowMs)
      return wire.lookupAnswer.encode(await desk.directory.lookup(name, nowMs))
    },
    async succession(payload, nowMs) {
      const { name, fingerprint } = successionRequest.decode(payload)
      desk.gates.lookup(session.peer, identity(nowMs)?.account, nowMs)
      const account = await desk.moves.owner(name, nowMs)
      return successionAnswer.encode(await desk.registry.successor(account, fingerprint))
    },
    async revoke(payload, nowMs) {
      const { name, certificate: bytes } = wire.revoke.decode(payload)
      desk.gates.identify(session.peer, nowMs)
      const shown = await desk.crypto.readCertificate(bytes)
      await desk.registry.revoke(name, shown, nowMs)
      await desk.tell({ what: 'gone', pin: shown.pin })
      return wire.nothing.encode()
    },
    async report(payload, nowMs) {
      const told = report.decode(payload)
      desk.gates.report(session.peer, nowMs)
      const { name, at } = desk.names.read(told.name)
      if (!(await desk.registry.shown(name, nowMs)))
        throw new MuttrError('ALIAS_UNKNOWN', `no ${name} at ${at}`)
      const account = identity(nowMs)?.account ?? null
      const network = desk.gates.networkOf(session.peer) ?? null
      await desk.reports.add({ ...told, name, atMs: nowMs, account, network })
      return wire.nothing.encode()
    },
    async submit(payload, nowMs) {
      const { notice } = wire.submit.decode(payload)
      await admit(visit, nowMs)
      const signature = await takeNotice(desk, notice, { peer: session.peer, nowMs })
      return wire.submitAnswer.encode({ atMs: nowMs, signature })
    }
  }
}

/**
 * Whether the one at the other end may leave one more notice here now: an account of this pod, or as one of another pod or a seed.
 * @throws {MuttrError} `FEDERATION_REFUSED`, `ACCOUNT_SUSPENDED`, `LIMIT_EXCEEDED`
 */
async function admit({ session, desk, identity, other }: Visit, nowMs: Millis): Promise<void> {
  const account = identity(nowMs)?.account
  // Anybody may identify, with any key.
  const isOwn = account !== undefined && (await desk.registry.account(account)) !== undefined
  if (isOwn) await desk.standings.check(account, nowMs)
  else desk.federation?.peers.check(other.hostname)
  if (!isOwn && other.hostname !== undefined) desk.gates.pod(other.hostname, nowMs)
  else desk.gates.notice(session.peer, account, nowMs)
}

function identifyAnswers({ session, desk, become, quit }: Visit): Answers {
  const challenge = createChallenge(desk.random)
  return {
    async challenge(payload, nowMs) {
      wire.nothing.decode(payload)
      return wire.challengeAnswer.encode({ nonce: challenge.make(nowMs) })
    },
    async identify(payload, nowMs) {
      desk.gates.identify(session.peer, nowMs)
      const nonce = challenge.take(nowMs)
      const { names: own, keys, crypto, registry, mailbox, dismissals } = desk
      const { binding } = session
      const ends = { pod: keys.self, peer: binding === undefined ? session.peer : undefined }
      const { hostname, former } = own
      const o = { hostname, former, ...ends, binding, nonce, nowMs, crypto }
      const shown = await checkIdentify(wire.identify.decode(payload), o)
      const { device, peer, untilMs } = shown
      const admitted = async () => {
        const found = await registry.accountOf(shown.pin, device, nowMs)
        if (!(await dismissals.has(found.account, device, nowMs))) return found
        throw new MuttrError('DEVICE_REVOKED', 'its person has taken this device off the list')
      }
      const { account, isBehind } = await admitted()
      if (await registry.account(account)) {
        await mailbox.meet(account, device, { peer, untilMs, nowMs })
        await registry.greet(account, nowMs)
      }
      become({ ...shown, account, isBehind })
      try {
        // What was decided meanwhile found nobody here to be sent away.
        become({ ...shown, ...(await admitted()) })
      } catch (err) {
        if (codeOf(err) === 'DEVICE_REVOKED') await dismissals.add(account, device, nowMs)
        quit()
        throw err
      }
      if (binding !== undefined) desk.name(session, peer)
      const names = await registry.aliases(account)
      return wire.identifyAnswer.encode({ names, standing: await desk.standing(account, nowMs) })
    }
  }
}

const aliasAnswers = ({ session, desk, self, become }: Visit): Answers => ({
  async dismiss(payload, nowMs) {
    const { account, certificate: bytes } = self(nowMs)
    const { dismissal } = wire.dismiss.decode(payload)
    desk.gates.register(account, nowMs)
    const { names, crypto, dismissals } = desk
    const certificate = await crypto.readCertificate(bytes)
    const pod = [names.hostname, ...names.former]
    const device = await verifyDismissal(dismissal, { certificate, pod, nowMs }, crypto)
    await dismissals.add(account, device, nowMs)
    await desk.tell({ what: 'dismissed', account, device })
    return wire.nothing.encode()
  },
  async register(payload, nowMs) {
    const { account, pin } = self(nowMs)
    const { name, certificate: bytes, invite, note } = wire.register.decode(payload)
    desk.gates.register(account, nowMs)
    const certificate = await desk.crypto.readCertificate(bytes)
    const network = desk.gates.networkOf(session.peer) ?? null
    const o = { alias: name, pin, certificate, invite, note, network, nowMs }
    const registered = await desk.registry.register(o)
    // A new account's devices that are here already count from now on.
    await desk.tell({ what: 'account', account })
    const { untilMs } = registered
    return wire.registerAnswer.encode({ certificate: registered.certificate.bytes, untilMs })
  },
  async invite(payload, nowMs) {
    const { account } = self(nowMs)
    const asked = inviteRequest.decode(payload)
    desk.gates.register(account, nowMs)
    const { code, invite } = await desk.office.inviteFor(account, asked)
    return inviteAnswer.encode({ code, untilMs: invite.untilMs })
  },
  async succeed(payload, nowMs) {
    const here = self(nowMs)
    const { certificate: bytes, succession: frame, others } = succeed.decode(payload)
    desk.gates.register(here.account, nowMs)
    const certificate = await desk.crypto.readCertificate(bytes)
    if (certificate.pin !== here.pin)
      throw new MuttrError('KEY_INVALID', 'the certificate is not of the person who identified')
    const { old } = decodeSignedSuccession(frame).succession
    const asked = { frame, others: others.map(toHex), nowMs }
    const { account, names, ...given } = await desk.registry.succeed(certificate, asked)
    await desk.tell({ what: 'gone', pin: old.pin })
    const { device, peer, untilMs } = here
    await desk.mailbox.meet(account, device, { peer, untilMs, nowMs })
    become({ ...here, account })
    return succeedAnswer.encode({
      names: [...names],
      certificate: given.certificate.bytes,
      untilMs: given.untilMs
    })
  },
  async release(payload, nowMs) {
    const { account } = self(nowMs)
    const { name } = wire.aliasRequest.decode(payload)
    desk.gates.register(account, nowMs)
    await desk.registry.release(name, account, nowMs)
    return wire.nothing.encode()
  }
})
