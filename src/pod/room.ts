import { toHex } from '../base/bytes.ts'
import { limits } from '../base/limits.ts'
import type { State } from '../store/state.ts'
import { keyAddress } from '../wire/key-address.ts'
import { keyRow } from './addresses/key-row.ts'
import { isOfKey, keyOf } from './addresses/rows.ts'
import type { PodLimits } from './limits.ts'
import type { Quota } from './office/quotas.ts'
import type { BoxRow } from './rows.ts'
import { boxRow, tables } from './rows.ts'
import { rowsOf } from './scan.ts'

/** How much waits in all mailboxes, and how much more may. The counts are hints: other processes change them too. */
export interface Room {
  usage(): { notices: number; bytes: number }
  /** Adds up what there is: other processes have added to it and taken from it. */
  recount(): Promise<void>
  /** Learns who paid for a mailbox of a key, before it is asked about. */
  meet(owner: string): Promise<void>
  /** Whether one more notice is opened at all. */
  has(): boolean
  /** @param owner as `ownerId` says. @returns whether one mailbox is full, or the pod as a whole. */
  isFull(
    owner: string,
    counts: { before: BoxRow; box: BoxRow; quota: Quota },
    bytes: number
  ): 'account' | 'pod' | false
  /** A mailbox has so much more in it, or less. */
  changed(owner: string, by: { count: number; bytes: number }): void
}

/** For mailboxes of keys whose address is gone. */
const nobody = ''

export function createRoom(state: State, bounds: PodLimits): Room {
  let [notices, bytes, ofKeys] = [0, 0, 0]
  /** Mailboxes of keys: by which pod's token each was paid for, and what waits there; and in all those of one pod. */
  let keyBoxes = new Map<string, { issuer: string; count: number }>()
  let ofIssuers = new Map<string, number>()
  /**
   * What nobody answers for has a share of its own, so that it takes no room from accounts; and of that each pod has one, so that the
   * people of one take none from those of another.
   */
  const keyIsFull = (owner: string, count: number, more: number): boolean =>
    count >= bounds.noticesPerKeyMax ||
    (ofIssuers.get(keyBoxes.get(owner)?.issuer ?? nobody) ?? 0) + more >=
      bounds.noticesOfKeysPerPodMax ||
    ofKeys + more >= bounds.noticesOfKeysMax
  const issuerOf = async (owner: string): Promise<string> => {
    const row = await state.get(tables.keyAddresses, toHex(keyAddress(keyOf(owner))))
    return row ? keyRow.decode(row).issuer : nobody
  }

  return {
    usage: () => ({ notices, bytes }),
    async recount() {
      let [count, sum, keys] = [0, 0, 0]
      const [paid, of] = [
        new Map<string, { issuer: string; count: number }>(),
        new Map<string, number>()
      ]
      for await (const { key, value } of rowsOf(state, tables.boxes)) {
        const box = boxRow.decode(value)
        count += box.count
        sum += box.bytes
        if (!isOfKey(key) || box.count === 0) continue
        keys += box.count
        const issuer = await issuerOf(key)
        paid.set(key, { issuer, count: box.count })
        of.set(issuer, (of.get(issuer) ?? 0) + box.count)
      }
      ;[notices, bytes, ofKeys] = [count, sum, keys]
      ;[keyBoxes, ofIssuers] = [paid, of]
    },
    async meet(owner) {
      const issuer = await issuerOf(owner)
      // One in which something waits stays with whom it was counted for.
      if (!keyBoxes.get(owner)?.count) keyBoxes.set(owner, { issuer, count: 0 })
    },
    has: () =>
      notices < bounds.noticesMax && bytes + limits.noticeBytesMax <= bounds.noticeBytesMax,
    isFull(owner, { before, box, quota }, size) {
      const more = box.count - before.count
      const podIsFull =
        notices + more >= bounds.noticesMax ||
        bytes + box.bytes - before.bytes + size > bounds.noticeBytesMax
      if (podIsFull) return 'pod'
      if (isOfKey(owner)) return keyIsFull(owner, box.count, more) && 'account'
      const isFull =
        box.count >= (quota.notices ?? bounds.noticesPerAccountMax) ||
        box.bytes + size > (quota.noticeBytes ?? bounds.noticeBytesPerAccountMax)
      return isFull && 'account'
    },
    changed(owner, by) {
      notices = Math.max(0, notices + by.count)
      bytes = Math.max(0, bytes + by.bytes)
      if (!isOfKey(owner)) return
      ofKeys = Math.max(0, ofKeys + by.count)
      const { issuer, count } = keyBoxes.get(owner) ?? { issuer: nobody, count: 0 }
      if (count + by.count > 0) keyBoxes.set(owner, { issuer, count: count + by.count })
      else keyBoxes.delete(owner)
      const left = Math.max(0, (ofIssuers.get(issuer) ?? 0) + by.count)
      if (left > 0) ofIssuers.set(issuer, left)
      else ofIssuers.delete(issuer)
    }
  }
}
