import { equalBytes, toHex } from '../../base/bytes.ts'
import { MuttrError } from '../../base/errors.ts'
import type { Millis } from '../../base/ports.ts'
import type { Change, State } from '../../store/state.ts'
import type { KeyPage } from '../../wire/key-address.ts'
import { keyAddress, keyPageMax } from '../../wire/key-address.ts'
import type { PodLimits } from '../limits.ts'
import { podTimes } from '../limits.ts'
import { createLocks } from '../locks.ts'
import type { Mailbox } from '../mailbox.ts'
import { tables } from '../rows.ts'
import { rowsOf } from '../scan.ts'
import { createKeyCounts } from './key-counts.ts'
import { keyRow } from './key-row.ts'
import type { AddressRow } from './rows.ts'
import { addressRow, keyOf, ownerId } from './rows.ts'
import { createThrough } from './through.ts'

/**
 * Addresses of keys that no account has. Whoever holds the key asks for what waits there; nothing is pushed. Decides over the state alone, so
 * that several processes may do it over one database. Source: docs/protocol/anonymous.md
 */
export interface KeyAddresses {
  /**
   * Makes the address of a key, or keeps it longer; never shorter.
   * @param paid the pod whose token paid. @returns until when it is taken. @throws {MuttrError} `LIMIT_EXCEEDED`
   */
  make(asked: { key: Uint8Array; untilMs: Millis; issuer: string }, nowMs: Millis): Promise<Millis>
  /** With all that waits there. One that is not there was dropped before. */
  drop(key: Uint8Array): Promise<void>
  /** Drops what stands up to `through`, a number of an earlier page, and shows what follows. @throws {MuttrError} `ADDRESS_UNKNOWN` */
  poll(key: Uint8Array, through: number, nowMs: Millis): Promise<KeyPage>
  /** Whether the mailbox of this name is of an address that is there no more; what is left of that is dropped. */
  isGone(owner: string): Promise<boolean>
  /** Drops what has ended. @returns how many */
  sweep(nowMs: Millis): Promise<number>
  /** Counts what there is: processes of an older program may have added to it and taken from it. */
  recount(): Promise<void>
}

/** Each is lost to another process alone. */
const attemptsMax = 32
const boxOf = (key: Uint8Array): string => ownerId({ kind: 'key', key })

interface Parts {
  state: State
  mailbox: Pick<Mailbox, 'page' | 'taken' | 'clear'>
  limits: Pick<PodLimits, 'keyAddressesPerPodMax' | 'keyAddressesMax'>
}

export async function openKeyAddresses({ state, mailbox, limits }: Parts): Promise<KeyAddresses> {
  const locks = createLocks()
  const through = createThrough(state)
  const counts = createKeyCounts({
    state,
    max: { of: limits.keyAddressesPerPodMax, all: limits.keyAddressesMax }
  })
  async function found(): Promise<Map<string, number>> {
    const of = new Map<string, number>()
    for await (const { value } of rowsOf(state, tables.keyAddresses)) {
      const { issuer } = keyRow.decode(value)
      of.set(issuer, (of.get(issuer) ?? 0) + 1)
    }
    return of
  }
  await counts.recount(found)

  /** Until nobody else has changed what it was read from. Of one process one after the other, so that they are not in each other's way. */
  async function settled<T>(attempt: () => Promise<T | undefined>): Promise<T> {
    for (let i = 0; i < attemptsMax; i++) {
      const done = await locks.run('counts', attempt)
      if (done !== undefined) return done
    }
    throw new MuttrError('LIMIT_EXCEEDED', 'addresses are being changed all the time; try again')
  }
  async function rowOf(address: string): Promise<AddressRow | undefined> {
    const value = await state.get(tables.addresses, address)
    return value && addressRow.decode(value)
  }
  const isOf = (row: AddressRow | undefined, key: Uint8Array): boolean =>
    row?.owner.kind === 'key' && equalBytes(row.owner.key, key)
  /** Both rows in one write, always: whichever of two processes comes last, one never stands without the other. */
  async function attempt(
    { key, untilMs: wantedMs, issuer }: { key: Uint8Array; untilMs: Millis; issuer: string },
    nowMs: Millis
  ): Promise<Millis | undefined> {
    const address = toHex(keyAddress(key))
    const known = await state.get(tables.keyAddresses, address)
    const row = await rowOf(address)
    const counted = known
      ? await counts.same(keyRow.decode(known).issuer)
      : await counts.more(issuer)
    if (!counted) throw new MuttrError('LIMIT_EXCEEDED', 'no more addresses of keys are kept here')
    const lastMs = Math.min(wantedMs, nowMs + podTimes.keyAddressLifeMs)
    const untilMs = Math.max(lastMs, (known && row?.untilMs) ?? 0)
    const about = { owner: { kind: 'key', key }, policy: 'pull', uses: null } as const
    const value = addressRow.encode({ ...about, untilMs })
    const changes: Change[] = [
      ...counted,
      known
        ? { type: 'put', table: tables.keyAddresses, key: address, value: known }
        : {
            ...{ type: 'insert', table: tables.keyAddresses, key: address },
            value: keyRow.encode({ key, issuer })
          },
      // One of this key alone, that nobody counts, is counted from now on. What is somebody else's stays theirs.
      { type: isOf(row, key) ? 'put' : 'insert', table: tables.addresses, key: address, value }
    ]
    return (await state.write(changes)).ok ? untilMs : undefined
  }
  /** @returns undefined where it was changed meanwhile */
  async function dropRows(key: Uint8Array): Promise<true | undefined> {
    const address = toHex(keyAddress(key))
    const known = await state.get(tables.keyAddresses, address)
    const gone: Change[] = isOf(await rowOf(address), key)
      ? [{ type: 'delete', table: tables.addresses, key: address }]
      : []
    if (known) {
      gone.push({ type: 'delete', table: tables.keyAddresses, key: address })
      gone.push(...(await counts.less(keyRow.decode(known).issuer)))
    }
    return gone.length === 0 || (await state.write(gone)).ok ? true : undefined
  }
  const remove = (key: Uint8Array): Promise<void> =>
    locks.run(toHex(key), async () => {
      await settled(() => dropRows(key))
      // Also where it was gone: who asked first may have been cut off before this.
      await mailbox.clear(boxOf(key))
    })
  const isOver = (row: AddressRow | undefined, nowMs: Millis): boolean =>
    (row?.untilMs ?? 0) <= nowMs

  return {
    make: (asked, nowMs) => locks.run(toHex(asked.key), () => settled(() => attempt(asked, nowMs))),
    drop: remove,
    async poll(key, acknowledged, nowMs) {
      const address = toHex(keyAddress(key))
      const isThere = (await state.get(tables.keyAddresses, address)) !== undefined
      const row = isThere ? await rowOf(address) : undefined
      if (!row || isOver(row, nowMs))
        throw new MuttrError('ADDRESS_UNKNOWN', 'this key has no address here')
      const box = boxOf(key)
      const last = await through.read(box, acknowledged)
      if (last > 0) await mailbox.taken(box, last)
      const page = await mailbox.page(box, last, keyPageMax, nowMs)
      const next = await mailbox.page(box, page.through, 1, nowMs)
      const { untilMs } = row
      const named = await through.name(box, page.through)
      return { untilMs, through: named, more: next.through > page.through, entries: page.entries }
    },
    async isGone(owner) {
      const key = keyOf(owner)
      if (await state.get(tables.keyAddresses, toHex(keyAddress(key)))) return false
      await remove(key)
      return true
    },
    async sweep(nowMs) {
      let ended = 0
      for await (const { key: address, value } of rowsOf(state, tables.keyAddresses)) {
        if (!isOver(await rowOf(address), nowMs)) continue
        await remove(keyRow.decode(value).key)
        ended += 1
      }
      return ended
    },
    recount: () => counts.recount(found)
  }
}
