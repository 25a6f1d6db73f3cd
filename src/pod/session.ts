import { MuttrError } from '../base/errors.ts'
import { limits } from '../base/limits.ts'
import type { Clock, Log, Millis, PeerKeys, Random, Session } from '../base/ports.ts'
import { readCertificate } from '../keys/certificate.ts'
import { hpkeOpen } from '../keys/hpke.ts'
import type { State } from '../store/state.ts'
import { announcedBytes, decodeNotice, noticeInfo } from '../wire/notice.ts'
import * as wire from '../wire/pod.ts'
import type { Directory } from './directory.ts'
import { createFeed } from './feed.ts'
import type { Gates } from './gates.ts'
import type { Identity } from './identify.ts'
import { checkIdentify, createChallenge } from './identify.ts'
import type { Mailbox } from './mailbox.ts'
import type { Registry } from './registry.ts'

/** What every session of a pod shares. */
export interface Desk {
  readonly hostname: string
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  readonly state: State
  readonly keys: PeerKeys
  readonly hpkeSecret: Uint8Array
  readonly registry: Registry
  readonly directory: Directory
  readonly mailbox: Mailbox
  readonly gates: Gates
  /** The signed pod record and certificate. */
  hello(): Promise<Uint8Array>
  /** All devices of an account that are here now, so that a mailbox made later knows them. */
  present(account: string): Iterable<Identity>
}

/** One client's session: who it is, and its answers. */
export interface Served extends Disposable {
  /** Undefined until identified, and once the statement has ended. */
  identity(nowMs: Millis): Identity | undefined
}

type Answer = (payload: Uint8Array, nowMs: Millis) => Promise<Uint8Array>

export function serveSession(session: Session, desk: Desk): Served {
  const challenge = createChallenge(desk.random)
  let known: Identity | undefined
  const identity = (nowMs: Millis) => (known && known.untilMs > nowMs ? known : undefined)
  const self = (nowMs: Millis): Identity => {
    const here = identity(nowMs)
    if (!here) throw new MuttrError('IDENTIFY_FIRST', 'identify with a device statement first')
    return here
  }
  const feed = createFeed({
    session,
    state: desk.state,
    page: async (account, after) => {
      const nowMs = desk.clock.now()
      self(nowMs) // the statement may have ended meanwhile
      return await desk.mailbox.page(account, after, limits.playbackPageMax, nowMs)
    },
    onStuck: err => {
      desk.log.debug('pod.push-stuck', { peer: session.peer, err })
      void session[Symbol.asyncDispose]()
    }
  })

  const answers: Record<string, Answer> = {
    ...openAnswers(session, desk, identity),
    async challenge(payload, nowMs) {
      wire.nothing.decode(payload)
      return wire.challengeAnswer.encode({ nonce: challenge.make(nowMs) })
    },
    async identify(payload, nowMs) {
      desk.gates.identify(session.peer, nowMs)
      const nonce = challenge.take(nowMs)
      const { hostname, keys } = desk
      const o = { hostname, pod: keys.self, peer: session.peer, nonce, nowMs }
      const shown = await checkIdentify(wire.identify.decode(payload), o)
      if (known && (known.account !== shown.account || known.device !== shown.device))
        throw new MuttrError('IDENTIFY_REFUSED', 'this session is somebody else already')
      if (await desk.registry.account(shown.account)) await greet(desk, shown, nowMs)
      known = shown
      return wire.identifyAnswer.encode({ names: await desk.registry.aliases(shown.account) })
    },
    async register(payload, nowMs) {
      const { account } = self(nowMs)
      const { name, certificate, invite } = wire.register.decode(payload)
      desk.gates.register(account, nowMs)
      const read = await readCertificate(certificate)
      const o = { alias: name, account, certificate: read, invite, nowMs }
      const registered = await desk.registry.register(o)
      for (const { device, peer, untilMs } of desk.present(account))
        await desk.mailbox.meet(account, device, { peer, untilMs, nowMs })
      const { untilMs } = registered
      return wire.registerAnswer.encode({ certificate: registered.certificate.bytes, untilMs })
    },
    async release(payload, nowMs) {
      const { account } = self(nowMs)
      desk.gates.register(account, nowMs)
      await desk.registry.release(wire.aliasRequest.decode(payload).name, account, nowMs)
      return wire.nothing.encode()
    },
    async listen(payload, nowMs) {
      const { account, device } = self(nowMs)
      const { sequence } = wire.cursor.decode(payload)
      const position = await desk.mailbox.position(account, device, sequence)
      feed.start(account, position.head)
      return wire.listenAnswer.encode(position)
    },
    async playback(payload, nowMs) {
      const { account } = self(nowMs)
      const { after, limit } = wire.playback.decode(payload)
      return wire.page.encode(await desk.mailbox.page(account, after, limit, nowMs))
    },
    async acknowledge(payload, nowMs) {
      const { account, device } = self(nowMs)
      const { sequence } = wire.cursor.decode(payload)
      await desk.mailbox.acknowledge(account, device, sequence, nowMs)
      return wire.nothing.encode()
    }
  }

  session.serve(async (method, payload) => {
    const nowMs = desk.clock.now()
    desk.gates.request(session.peer, nowMs)
    const answer = Object.hasOwn(answers, method) ? answers[method] : undefined
    if (!answer) throw new MuttrError('METHOD_UNKNOWN', 'not a request of /muttr/pod/1')
    return await answer(payload, nowMs)
  })
  return { identity, [Symbol.dispose]: () => feed[Symbol.dispose]() }
}

/** What anybody may ask, identified or not. */
function openAnswers(
  session: Session,
  desk: Desk,
  identity: (nowMs: Millis) => Identity | undefined
): Record<string, Answer> {
  return {
    async hello(payload) {
      wire.nothing.decode(payload)
      return await desk.hello()
    },
    async ping(payload) {
      wire.nothing.decode(payload)
      return wire.nothing.encode()
    },
    async lookup(payload, nowMs) {
      const { name } = wire.aliasRequest.decode(payload)
      desk.gates.lookup(session.peer, identity(nowMs)?.account, nowMs)
      return wire.lookupAnswer.encode(await desk.directory.lookup(name, nowMs))
    },
    async submit(payload, nowMs) {
      const { notice } = wire.submit.decode(payload)
      desk.gates.notice(session.peer, identity(nowMs)?.account, nowMs)
      const opened = decodeNotice(await hpkeOpen(desk.hpkeSecret, noticeInfo, notice))
      await desk.mailbox.deliver(opened, nowMs)
      const signature = desk.keys.sign(announcedBytes(notice, nowMs))
      return wire.submitAnswer.encode({ atMs: nowMs, signature })
    }
  }
}

/** An account's device is here again: remember it, and renew what runs out. */
async function greet(desk: Desk, shown: Identity, nowMs: Millis): Promise<void> {
  const { account, device, peer, untilMs } = shown
  await desk.mailbox.meet(account, device, { peer, untilMs, nowMs })
  await desk.registry.greet(account, nowMs)
}
