import { equalBytes, toHex } from '../../base/bytes.ts'
import { MuttrError } from '../../base/errors.ts'
import { limits } from '../../base/limits.ts'
import type { Millis } from '../../base/ports.ts'
import type { Change, State } from '../../store/state.ts'
import type { AddressChanges, KeptAddress, WantedAddress } from '../../wire/pod-addresses.ts'
import { podTimes } from '../limits.ts'
import type { Locks } from '../locks.ts'
import { createLocks } from '../locks.ts'
import { ordered, tables, under } from '../rows.ts'
import { countOf } from '../scan.ts'
import type { AddressRow, Owner } from './rows.ts'
import { addressRow, ownerId } from './rows.ts'

/**
 * Addresses that people made for themselves: relationship addresses, published ones. Intro addresses, which the pod makes, stand in the
 * same table. Decides over the state alone, so that several processes may do it over one database.
 */
export interface Addresses {
  /** @returns undefined for one that nobody has, or whose time is over. */
  find(address: string, nowMs: Millis): Promise<AddressRow | undefined>
  /**
   * Sets and drops, all or nothing; again the same changes nothing, but what waits is named again. What somebody else has stays theirs, and nobody is told.
   * @returns those of which what waits is to be handed over, or dropped. @throws {MuttrError} `LIMIT_EXCEEDED`, with nothing changed
   */
  change(
    owner: Owner,
    changes: AddressChanges,
    nowMs: Millis
  ): Promise<{ pulled: string[]; dropped: string[] }>
  /** Those that an owner made, {@link limits.addressesPageMax} at a time, without what waits there. */
  page(
    owner: Owner,
    after: Uint8Array | null,
    nowMs: Millis
  ): Promise<Omit<KeptAddress, 'waiting'>[]>
  /** What is written to count a letter of this mark; undefined when no more are taken. `also`: marks that the same write counts. */
  use(
    address: string,
    letter: { uses: number; mark: Uint8Array; also: readonly Uint8Array[] }
  ): Promise<Change[] | undefined>
  /** Drops all that an owner made. */
  forget(owner: Owner): Promise<void>
  /** Drops what has ended, of so many at a time; one after the other all are looked at. @returns what was dropped, by {@link ownerId} */
  sweep(nowMs: Millis): Promise<{ id: string; address: string }[]>
}

const attemptsMax = 4
const pageRows = 200
const sweepRows = 2_000

interface Parts {
  state: State
  perOwnerMax: number
}

export function createAddresses({ state, perOwnerMax }: Parts): Addresses {
  const locks: Locks = createLocks()
  let sweptTo: string | undefined

  const read = async (address: string): Promise<AddressRow | undefined> => {
    const row = await state.get(tables.addresses, address)
    return row && addressRow.decode(row)
  }
  const ownKey = (id: string, address: string): string => `${id}/${address}`
  const usesOf = (address: string) =>
    state.list(tables.addressUses, { ...under(address), limit: limits.addressUsesMax })
  const removal = async (id: string, address: string): Promise<Change[]> => [
    { type: 'delete', table: tables.addresses, key: address },
    { type: 'delete', table: tables.ownAddresses, key: ownKey(id, address) },
    ...(await usesOf(address)).map(
      ({ key }): Change => ({ type: 'delete', table: tables.addressUses, key })
    )
  ]
  const isMade = async (id: string, address: string): Promise<boolean> =>
    (await state.get(tables.ownAddresses, ownKey(id, address))) !== undefined
  const until = ({ untilMs }: WantedAddress, nowMs: Millis): Millis =>
    Math.min(untilMs ?? Number.POSITIVE_INFINITY, nowMs + podTimes.addressLifeMs)

  /** @returns undefined when another process was first: look again. */
  async function attempt(owner: Owner, { set, drop }: AddressChanges, nowMs: Millis) {
    const id = ownerId(owner)
    const changes: Change[] = []
    const done = { pulled: [] as string[], dropped: [] as string[] }
    let fresh = 0
    for (const wanted of set) {
      const address = toHex(wanted.address)
      const before = await read(address)
      if (before && !(await isMade(id, address))) continue // somebody else's, or made by the pod
      const { policy, uses } = wanted
      const value = addressRow.encode({ owner, policy, uses, untilMs: until(wanted, nowMs) })
      if (before) {
        changes.push({ type: 'put', table: tables.addresses, key: address, value })
        // Also where that was its policy: whoever asked first may have been cut off before what waits was dealt with.
        if (policy === 'pull') done.pulled.push(address)
        if (policy === 'ignore') done.dropped.push(address)
        continue
      }
      fresh += 1
      changes.push(
        { type: 'insert', table: tables.addresses, key: address, value },
        {
          type: 'put',
          table: tables.ownAddresses,
          key: ownKey(id, address),
          value: new Uint8Array()
        }
      )
    }
    for (const one of drop) {
      const address = toHex(one)
      if (!(await isMade(id, address))) continue
      done.dropped.push(address)
      changes.push(...(await removal(id, address)))
    }
    if (fresh > 0 && (await countOf(state, tables.ownAddresses, under(id))) + fresh > perOwnerMax)
      throw new MuttrError('LIMIT_EXCEEDED', `more than ${perOwnerMax} addresses`)
    if (changes.length === 0) return done
    return (await state.write(changes)).ok ? done : undefined
  }

  return {
    async find(address, nowMs) {
      const row = await read(address)
      return row && row.untilMs > nowMs ? row : undefined
    },
    change: (owner, changes, nowMs) =>
      locks.run(ownerId(owner), async () => {
        for (let i = 0; i < attemptsMax; i++) {
          const done = await attempt(owner, changes, nowMs)
          if (done) return done
        }
        throw new MuttrError('LIMIT_EXCEEDED', 'the addresses are being changed; try again')
      }),
    async page(owner, after, nowMs) {
      const id = ownerId(owner)
      const range = under(id)
      const from = after ? { gt: ownKey(id, toHex(after)), lt: range.lt } : range
      const rows = await state.list(tables.ownAddresses, {
        ...from,
        limit: limits.addressesPageMax
      })
      const found: Omit<KeptAddress, 'waiting'>[] = []
      for (const { key } of rows) {
        const address = key.slice(id.length + 1)
        const row = await read(address)
        // One that has ended is listed until it is swept, so that a page is full when there are more.
        const { policy, untilMs, uses } = row ?? { policy: 'ignore', untilMs: nowMs, uses: null }
        const left = uses === null ? null : Math.max(0, uses - (await usesOf(address)).length)
        const bytes = new Uint8Array(Buffer.from(address, 'hex'))
        found.push({ address: bytes, policy, untilMs, uses: left })
      }
      return found
    },
    async use(address, { uses, mark, also }) {
      const used = await usesOf(address)
      const isSame = (one: Uint8Array): boolean => equalBytes(one, mark)
      if (also.some(isSame) || used.some(({ value }) => isSame(value))) return []
      if (used.length + also.length >= uses) return undefined
      // Numbers may lack: a letter that came while the address was dropped leaves its row alone.
      const last = used.at(-1)?.key.slice(address.length + 1) ?? '-1'
      const key = `${address}/${ordered(Number(last) + 1 + also.length)}`
      return [{ type: 'insert', table: tables.addressUses, key, value: mark }]
    },
    async forget(owner) {
      const id = ownerId(owner)
      await locks.run(id, async () => {
        for (;;) {
          const rows = await state.list(tables.ownAddresses, { ...under(id), limit: pageRows })
          if (rows.length === 0) return
          const gone = rows.map(({ key }) => removal(id, key.slice(id.length + 1)))
          await state.write((await Promise.all(gone)).flat())
        }
      })
    },
    async sweep(nowMs) {
      const ended: { id: string; address: string }[] = []
      const from = sweptTo === undefined ? {} : { gt: sweptTo }
      const rows = await state.list(tables.ownAddresses, { ...from, limit: sweepRows })
      sweptTo = rows.length < sweepRows ? undefined : rows.at(-1)!.key
      for (const { key } of rows) {
        const [id, address] = key.split('/') as [string, string]
        const row = await read(address)
        if (row && row.untilMs > nowMs) continue
        await state.write(await removal(id, address))
        ended.push({ id, address })
      }
      return ended
    }
  }
}
