import { toHex } from '../../base/bytes.ts'
import { MuttrError } from '../../base/errors.ts'
import { limits } from '../../base/limits.ts'
import type { Millis } from '../../base/ports.ts'
import type { Change, State } from '../../store/state.ts'
import { bytes, literal, text, tuple } from '../../wire/cbor.ts'
import type { KeyPage } from '../../wire/key-address.ts'
import { keyAddress, keyPageMax } from '../../wire/key-address.ts'
import type { PodLimits } from '../limits.ts'
import { podTimes } from '../limits.ts'
import type { Mailbox } from '../mailbox.ts'
import type { Row } from '../rows.ts'
import { row, tables } from '../rows.ts'
import { rowsOf } from '../scan.ts'
import { addressRow, ownerId } from './rows.ts'

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
  /** Drops what stands up to `through`, and shows what follows. @throws {MuttrError} `ADDRESS_UNKNOWN` */
  poll(key: Uint8Array, through: number, nowMs: Millis): Promise<KeyPage>
  /** Whether the mailbox of this name is that of an address which is still there. */
  has(owner: string): Promise<boolean>
  /** Drops what has ended. @returns how many */
  sweep(nowMs: Millis): Promise<number>
  /** Counts what there is: other processes have added to it and taken from it. */
  recount(): Promise<void>
}

interface KeyRow {
  readonly key: Uint8Array
  readonly issuer: string
}
const keyRow: Row<KeyRow> = row(
  'an address of a key',
  tuple(literal(1), bytes(32), text(limits.hostnameCharsMax, 1)),
  ([, key, issuer]) => ({ key, issuer }),
  r => [1, r.key, r.issuer]
)

const attemptsMax = 4
const boxOf = (key: Uint8Array): string => ownerId({ kind: 'key', key })

interface Parts {
  state: State
  mailbox: Pick<Mailbox, 'page' | 'taken' | 'clear'>
  limits: Pick<PodLimits, 'keyAddressesPerPodMax' | 'keyAddressesMax'>
}

export async function openKeyAddresses({ state, mailbox, limits }: Parts): Promise<KeyAddresses> {
  let kept = await count()

  async function count(): Promise<{ all: number; of: Map<string, number> }> {
    const found = { all: 0, of: new Map<string, number>() }
    for await (const { value } of rowsOf(state, tables.keyAddresses))
      add(found, keyRow.decode(value).issuer, 1)
    return found
  }
  function add(counts: typeof kept, issuer: string, by: number): void {
    counts.all += by
    const of = (counts.of.get(issuer) ?? 0) + by
    if (of > 0) counts.of.set(issuer, of)
    else counts.of.delete(issuer)
  }
  async function untilOf(address: string): Promise<Millis | undefined> {
    const value = await state.get(tables.addresses, address)
    return value && addressRow.decode(value).untilMs
  }
  async function remove(key: Uint8Array): Promise<void> {
    const address = toHex(keyAddress(key))
    const value = await state.get(tables.keyAddresses, address)
    if (value) {
      await state.write([
        { type: 'delete', table: tables.keyAddresses, key: address },
        { type: 'delete', table: tables.addresses, key: address }
      ])
      add(kept, keyRow.decode(value).issuer, -1)
    }
    // Also where it was gone: who asked first may have been cut off before this.
    await mailbox.clear(boxOf(key))
  }

  return {
    async make({ key, untilMs: wantedMs, issuer }, nowMs) {
      const address = toHex(keyAddress(key))
      const lastMs = Math.min(wantedMs, nowMs + podTimes.keyAddressLifeMs)
      for (let i = 0; i < attemptsMax; i++) {
        const isThere = (await state.get(tables.keyAddresses, address)) !== undefined
        const untilMs = Math.max(lastMs, (isThere ? await untilOf(address) : undefined) ?? 0)
        const isFull =
          kept.all >= limits.keyAddressesMax ||
          (kept.of.get(issuer) ?? 0) >= limits.keyAddressesPerPodMax
        if (!isThere && isFull)
          throw new MuttrError('LIMIT_EXCEEDED', 'no more addresses of keys are kept here')
        const about = { owner: { kind: 'key', key }, policy: 'pull', uses: null } as const
        const value = addressRow.encode({ ...about, untilMs })
        const known = keyRow.encode({ key, issuer })
        const changes: Change[] = isThere
          ? [{ type: 'put', table: tables.addresses, key: address, value }]
          : [
              { type: 'insert', table: tables.keyAddresses, key: address, value: known },
              { type: 'insert', table: tables.addresses, key: address, value }
            ]
        if (!(await state.write(changes)).ok) continue
        if (!isThere) add(kept, issuer, 1)
        return untilMs
      }
      throw new MuttrError('LIMIT_EXCEEDED', 'the address is being changed; try again')
    },
    drop: remove,
    async poll(key, acknowledged, nowMs) {
      const address = toHex(keyAddress(key))
      const isThere = (await state.get(tables.keyAddresses, address)) !== undefined
      const untilMs = isThere ? await untilOf(address) : undefined
      if (untilMs === undefined || untilMs <= nowMs)
        throw new MuttrError('ADDRESS_UNKNOWN', 'this key has no address here')
      const box = boxOf(key)
      if (acknowledged > 0) await mailbox.taken(box, acknowledged)
      const { entries, through } = await mailbox.page(box, acknowledged, keyPageMax, nowMs)
      const next = await mailbox.page(box, through, 1, nowMs)
      return { untilMs, through, more: next.through > through, entries }
    },
    async has(owner) {
      const key = new Uint8Array(Buffer.from(owner.slice('key-'.length), 'hex'))
      return (await state.get(tables.keyAddresses, toHex(keyAddress(key)))) !== undefined
    },
    async sweep(nowMs) {
      let ended = 0
      for await (const { key: address, value } of rowsOf(state, tables.keyAddresses)) {
        if (((await untilOf(address)) ?? 0) > nowMs) continue
        await remove(keyRow.decode(value).key)
        ended += 1
      }
      return ended
    },
    async recount() {
      kept = await count()
    }
  }
}
