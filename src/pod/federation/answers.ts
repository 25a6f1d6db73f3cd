import { codeOf, MuttrError } from '../../base/errors.ts'
import type { Millis, Session } from '../../base/ports.ts'
import type { TransferResult } from '../../wire/federation.ts'
import * as wire from '../../wire/federation.ts'
import * as gossipWire from '../../wire/gossip.ts'
import { helloAnswer, nothing } from '../../wire/pod.ts'
import { podMethods } from '../../wire/pod-methods.ts'
import * as portsWire from '../../wire/ports.ts'
import { checkExpiry } from '../boxes.ts'
import type { Gates } from '../gates.ts'
import type { AccountId } from '../rows.ts'
import type { Answers } from '../session.ts'
import type { Federation } from './federation.ts'

interface Parts {
  /** Undefined where a pod has nothing to do with others. */
  federation: Federation | undefined
  session: Session
  gates: Gates
  /** @throws {MuttrError} `IDENTIFY_FIRST` */
  self(nowMs: Millis): { account: AccountId; device: string }
  isKnown(account: AccountId): Promise<boolean>
  /** @throws {MuttrError} `ACCOUNT_SUSPENDED` */
  mayAsk(account: AccountId, nowMs: Millis): Promise<void>
  /** Takes a notice, opened or not, for an account of ours. @returns the receipt's signature. */
  take(notice: Uint8Array, nowMs: Millis): Promise<Uint8Array>
  /** The pod at the other end, once it has said and shown so. */
  other: { hostname: string | undefined }
  /** Whether the one at the other end may leave notices here, one more now. @throws {MuttrError} `FEDERATION_REFUSED`, `ACCOUNT_SUSPENDED`, `LIMIT_EXCEEDED` */
  admit(nowMs: Millis): Promise<void>
}

/** What clients ask of their pod for notices to other pods, and pods of each other. Source: docs/protocol/federation.md */
export function federationAnswers(parts: Parts): Answers {
  return parts.federation
    ? { ...queueAnswers(parts, parts.federation), ...podAnswers(parts, parts.federation) }
    : {}
}

function queueAnswers(parts: Parts, federation: Federation): Answers {
  const { session, gates, self, isKnown, mayAsk } = parts
  const { queue, peers, forwarder } = federation
  return {
    async [podMethods.queue](payload, nowMs) {
      const { account, device } = self(nowMs)
      const request = wire.queueRequest.decode(payload)
      gates.notice(session.peer, account, nowMs)
      if (!(await isKnown(account)))
        throw new MuttrError('ALIAS_MISSING', 'notices are passed on for people of this pod')
      await mayAsk(account, nowMs)
      checkExpiry(request.expiryMs, nowMs)
      // One that was never met is looked for, which costs others something.
      const isKnownPod = peers.wasOurs(request.hostname) || peers.get(request.hostname)
      if (!isKnownPod) gates.lookup(session.peer, account, nowMs)
      const pin = request.pin && Buffer.from(request.pin).toString('hex')
      await peers.expect(request.hostname, pin)
      await queue.add({ account, device }, request, nowMs)
      forwarder.added(request.hostname, request.notice)
      return wire.queueAnswer.encode({ atMs: nowMs })
    },
    async [podMethods.queueStates](payload, nowMs) {
      const { account } = self(nowMs)
      const { hashes } = wire.queueHashes.decode(payload)
      const states = await queue.states(account, hashes, hostname => forwarder.state(hostname))
      return wire.queueStates.encode({ states })
    },
    async [podMethods.queueDone](payload, nowMs) {
      const { account } = self(nowMs)
      await queue.done(account, wire.queueHashes.decode(payload).hashes)
      return nothing.encode()
    },
    async [podMethods.queuePapers](payload, nowMs) {
      self(nowMs)
      const { hostname } = wire.queuePapers.decode(payload)
      if (peers.wasOurs(hostname)) return await federation.hello()
      const papers = await peers.papers(hostname)
      if (!papers) throw new MuttrError('POD_UNKNOWN', `${hostname} was never met`)
      return helloAnswer.encode(papers)
    }
  }
}

function podAnswers(
  { session, gates, take, other, admit }: Parts,
  { peers, forwarder, gossip, ports }: Federation
): Answers {
  const one = async (notice: Uint8Array, nowMs: Millis): Promise<TransferResult> => {
    try {
      await admit(nowMs)
      return await take(notice, nowMs)
    } catch (err) {
      return codeOf(err) ?? 'INTERNAL'
    }
  }
  return {
    async [podMethods.introduce](payload, nowMs, signal) {
      const papers = helloAnswer.decode(payload)
      gates.identify(session.peer, nowMs)
      const hostname = await peers.introduced(papers, session.peer, signal)
      other.hostname = hostname
      forwarder.wake(hostname)
      return nothing.encode()
    },
    async [podMethods.gossip](payload, nowMs) {
      const told = gossipWire.gossip.decode(payload)
      if (other.hostname === undefined || !peers.isFriend(other.hostname))
        throw new MuttrError('FEDERATION_REFUSED', 'gossip is for friends of this pod')
      return gossipWire.gossip.encode(await gossip.answer(told, other.hostname, nowMs))
    },
    async [podMethods.tryPorts](payload, nowMs, signal) {
      const asked = portsWire.tryPorts.decode(payload)
      if (!ports) throw new MuttrError('METHOD_UNKNOWN', 'this pod looks for nobody')
      const { peer } = session
      const by = { peer, hostname: other.hostname, network: gates.networkOf(peer) }
      return portsWire.triedPorts.encode(await ports.answer(asked, by, { nowMs, signal }))
    },
    async [podMethods.transfer](payload, nowMs) {
      const { notices } = wire.transfer.decode(payload)
      const results = await Promise.all(notices.map(notice => one(notice, nowMs)))
      return wire.transferAnswer.encode({ atMs: nowMs, results })
    }
  }
}
