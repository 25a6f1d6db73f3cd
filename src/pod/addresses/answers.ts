import { toHex } from '../../base/bytes.ts'
import { MuttrError } from '../../base/errors.ts'
import type { Millis } from '../../base/ports.ts'
import type { State } from '../../store/state.ts'
import { nothing } from '../../wire/pod.ts'
import * as wire from '../../wire/pod-addresses.ts'
import { podMethods } from '../../wire/pod-methods.ts'
import type { Gates } from '../gates.ts'
import type { Mailbox } from '../mailbox.ts'
import type { AccountId } from '../rows.ts'
import type { Answers } from '../session.ts'
import type { Addresses } from './addresses.ts'
import { heldAt } from './held.ts'
import { ofAccount } from './rows.ts'

interface Parts {
  state: State
  addresses: Addresses
  mailbox: Pick<Mailbox, 'handOver' | 'dropHeld'>
  gates: Pick<Gates, 'addresses'>
  /** @throws {MuttrError} `IDENTIFY_FIRST` */
  account(nowMs: Millis): AccountId
  /** Whether it took an alias here. */
  isKnown(account: AccountId): Promise<boolean>
}

/** What people ask about the addresses that they made here. */
export function addressAnswers(parts: Parts): Answers {
  const { state, addresses, mailbox, gates } = parts
  const asking = async (nowMs: Millis): Promise<AccountId> => {
    const account = parts.account(nowMs)
    gates.addresses(account, nowMs)
    if (await parts.isKnown(account)) return account
    throw new MuttrError('ALIAS_UNKNOWN', 'addresses are for who has an alias here')
  }
  return {
    async [podMethods.addresses](payload, nowMs) {
      const account = await asking(nowMs)
      const asked = wire.addressChanges.decode(payload)
      const { pulled, dropped } = await addresses.change(ofAccount(account), asked, nowMs)
      for (const address of pulled) await mailbox.handOver(account, address)
      for (const address of dropped) await mailbox.dropHeld(account, address)
      return nothing.encode()
    },
    async [podMethods.addressPage](payload, nowMs) {
      const account = await asking(nowMs)
      const { after } = wire.addressesAfter.decode(payload)
      const found = await addresses.page(ofAccount(account), after, nowMs)
      const counted = found.map(async one => ({
        ...one,
        waiting: await heldAt(state, account, one.address)
      }))
      return wire.addressPage.encode({ addresses: await Promise.all(counted) })
    },
    async [podMethods.addressAsk](payload, nowMs) {
      const account = await asking(nowMs)
      let count = 0
      for (const address of wire.addressesAsked.decode(payload).addresses)
        count += await mailbox.handOver(account, toHex(address))
      return wire.addressesAnswer.encode({ count })
    }
  }
}
