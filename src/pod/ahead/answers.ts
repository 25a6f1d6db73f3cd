import { MuttrError } from '../../base/errors.ts'
import type { Millis } from '../../base/ports.ts'
import * as wire from '../../wire/ahead.ts'
import { nothing } from '../../wire/pod.ts'
import { podMethods } from '../../wire/pod-methods.ts'
import type { AccountId } from '../rows.ts'
import type { Answers } from '../session.ts'
import type { Ahead } from './ahead.ts'

interface Asker {
  /** @throws {MuttrError} `IDENTIFY_FIRST` */
  account(nowMs: Millis): AccountId
  /** Whether it took an alias here. */
  isKnown(account: AccountId): Promise<boolean>
  /** @throws {MuttrError} `ACCOUNT_SUSPENDED` */
  mayAsk(account: AccountId, nowMs: Millis): Promise<void>
}

/** Requests to fetch files ahead: of people who have an alias here, for themselves. Without a disk for it they are unknown. */
export function aheadAnswers(
  ahead: Ahead | undefined,
  { account, isKnown, mayAsk }: Asker
): Answers {
  if (!ahead) return {}
  const ownOf = async (nowMs: Millis): Promise<AccountId> => {
    const own = account(nowMs)
    if (await isKnown(own)) return own
    throw new MuttrError('ALIAS_UNKNOWN', 'files are fetched ahead for who has an alias here')
  }
  return {
    async [podMethods.ahead](payload, nowMs) {
      const own = await ownOf(nowMs)
      await mayAsk(own, nowMs)
      return wire.aheadStatus.encode(await ahead.ask(own, wire.aheadRequest.decode(payload)))
    },
    async [podMethods.aheadKeys](payload, nowMs) {
      const own = await ownOf(nowMs)
      await mayAsk(own, nowMs)
      return wire.aheadStatus.encode(await ahead.addKeys(own, wire.aheadKeys.decode(payload)))
    },
    async [podMethods.aheadStatus](payload, nowMs) {
      const own = await ownOf(nowMs)
      return wire.aheadStatus.encode(ahead.status(own, wire.aheadTask.decode(payload).task))
    },
    async [podMethods.aheadTake](payload, nowMs) {
      const own = await ownOf(nowMs)
      const { task, chunk } = wire.aheadTake.decode(payload)
      return wire.aheadChunk.encode(await ahead.take(own, task, chunk))
    },
    async [podMethods.aheadDrop](payload, nowMs) {
      const own = await ownOf(nowMs)
      await ahead.drop(own, wire.aheadTask.decode(payload).task)
      return nothing.encode()
    }
  }
}
