import { MuttrError } from '../../base/errors.ts'
import type { Millis, Session } from '../../base/ports.ts'
import * as wire from '../../wire/blind.ts'
import { queuePapers } from '../../wire/federation.ts'
import { helloAnswer } from '../../wire/pod.ts'
import { podMethods } from '../../wire/pod-methods.ts'
import type { PeerPods } from '../federation/peers.ts'
import type { Gates } from '../gates.ts'
import type { AccountId } from '../rows.ts'
import type { Answers } from '../session.ts'
import type { BlindRelay } from './relay.ts'
import type { BlindTarget } from './target.ts'

/** Both ends of what is asked blindly; undefined where a pod has nothing to do with others. */
export interface Blind {
  readonly relay: BlindRelay
  readonly target: BlindTarget
}

interface Parts {
  blind: Blind | undefined
  peers: PeerPods | undefined
  session: Session
  gates: Gates
  /** @throws {MuttrError} `IDENTIFY_FIRST` */
  self(nowMs: Millis): { account: AccountId }
  isKnown(account: AccountId): Promise<boolean>
  /** @throws {MuttrError} `ACCOUNT_SUSPENDED` */
  mayAsk(account: AccountId, nowMs: Millis): Promise<void>
  /** The pod at the other end, once it has said and shown so. */
  other: { hostname: string | undefined }
}

/** What is passed on for clients, and what other pods pass on. Source: docs/protocol/blind.md */
export function blindAnswers(parts: Parts): Answers {
  const { blind, peers, session, gates, self, isKnown, mayAsk, other } = parts
  if (!blind || !peers) return {}
  const { relay, target } = blind
  const asker = async (hostname: string, nowMs: Millis): Promise<AccountId> => {
    const { account } = self(nowMs)
    gates.blind(account, nowMs)
    if (!(await isKnown(account)))
      throw new MuttrError('ALIAS_MISSING', 'requests are passed on for people of this pod')
    await mayAsk(account, nowMs)
    // One that was never met is looked for, which costs others something.
    if (!peers.get(hostname)) gates.lookup(session.peer, account, nowMs)
    return account
  }
  return {
    async [podMethods.blind](payload, nowMs, signal) {
      const { hostname, sealed } = wire.blindPass.decode(payload)
      const account = await asker(hostname, nowMs)
      return await relay.pass({ account, hostname, sealed, signal })
    },
    async [podMethods.blindPapers](payload, nowMs, signal) {
      const { hostname } = queuePapers.decode(payload)
      const account = await asker(hostname, nowMs)
      return helloAnswer.encode(await relay.papers({ account, hostname, signal }))
    },
    async [podMethods.blindOpen](payload, nowMs, signal) {
      const { sealed } = wire.blindOpen.decode(payload)
      peers.check(other.hostname)
      const { peer } = session
      // Ids cost nothing, networks do.
      const through = other.hostname ?? gates.networkOf(peer) ?? peer
      gates.blindOf(through, nowMs)
      return await target.open(sealed, {
        ...{ peer, relay: through, isPod: other.hostname !== undefined },
        ...{ nowMs, signal }
      })
    }
  }
}
