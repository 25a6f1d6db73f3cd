import { limits } from '../base/limits.ts'
import type { State } from '../store/state.ts'
import { isOfKey } from './addresses/rows.ts'
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

export function createRoom(state: State, bounds: PodLimits): Room {
  let [notices, bytes, ofKeys] = [0, 0, 0]
  /** What nobody answers for has a share of its own, so that it takes no room from accounts. */
  const keyIsFull = (count: number, more: number): boolean =>
    count >= bounds.noticesPerKeyMax || ofKeys + more >= bounds.noticesOfKeysMax

  return {
    usage: () => ({ notices, bytes }),
    async recount() {
      let [count, sum, keys] = [0, 0, 0]
      for await (const { key, value } of rowsOf(state, tables.boxes)) {
        const box = boxRow.decode(value)
        count += box.count
        sum += box.bytes
        if (isOfKey(key)) keys += box.count
      }
      ;[notices, bytes, ofKeys] = [count, sum, keys]
    },
    has: () =>
      notices < bounds.noticesMax && bytes + limits.noticeBytesMax <= bounds.noticeBytesMax,
    isFull(owner, { before, box, quota }, size) {
      const more = box.count - before.count
      const podIsFull =
        notices + more >= bounds.noticesMax ||
        bytes + box.bytes - before.bytes + size > bounds.noticeBytesMax
      if (podIsFull) return 'pod'
      if (isOfKey(owner)) return keyIsFull(box.count, more) && 'account'
      const isFull =
        box.count >= (quota.notices ?? bounds.noticesPerAccountMax) ||
        box.bytes + size > (quota.noticeBytes ?? bounds.noticeBytesPerAccountMax)
      return isFull && 'account'
    },
    changed(owner, by) {
      notices = Math.max(0, notices + by.count)
      bytes = Math.max(0, bytes + by.bytes)
      if (isOfKey(owner)) ofKeys = Math.max(0, ofKeys + by.count)
    }
  }
}
