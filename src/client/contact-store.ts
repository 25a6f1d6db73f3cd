import { sha256, toHex } from '../base/bytes.ts'
import type { Log } from '../base/ports.ts'
import type { Change, State } from '../store/state.ts'
import { encodeCbor } from '../wire/cbor.ts'
import type { Closet } from './closet.ts'
import type { ContactRow, NamedContact } from './contact-rows.ts'
import { contactTable, correspondentTable, encodeContact } from './contact-rows.ts'
import type { Journal } from './devices/journal.ts'
import type { Self } from './self.ts'

/**
 * Contacts on the disk, sealed. Those alone to whom something is on its way lie in the clear too, and are all that there is while the
 * vault is locked.
 */
export interface ContactStore {
  /** @throws {MuttrError} `HOME_DAMAGED` */
  get(alias: string): Promise<ContactRow | undefined>
  /** In no order. @throws {MuttrError} `VAULT_LOCKED` */
  all(): AsyncIterable<NamedContact>
  /** @param also written with it. */
  save(alias: string, row: ContactRow, also?: readonly Change[]): Promise<void>
  /** As another device of the person has them: that one is not told. */
  mirror(alias: string, row: ContactRow, also: readonly Change[]): Promise<void>
  /** Something is on its way to them: to be written with it. */
  needed(alias: string): Promise<Change[]>
  /** These alone are still needed; what lies in the clear of others is dropped. */
  neededNow(aliases: ReadonlySet<string>): Promise<void>
  /** What was learned while the vault was locked goes into the closet. @throws {MuttrError} `VAULT_LOCKED` */
  unlocked(): Promise<void>
}

interface ContactStoreParts {
  state: State
  log: Log
  self: Pick<Self, 'closet' | 'openCloset'>
  /** What other devices of the person are told. */
  journal: Pick<Journal, 'note'>
}

const pageRows = 256
const tagOf = (alias: string, closet: Closet): string => closet.tag(`contact ${alias}`)

/** Contacts of whom it is remembered what the other devices were told last. */
const toldMax = 10_000

export function createContactStore(parts: ContactStoreParts): ContactStore {
  const { state, log, self, journal } = parts
  const people = contactTable(state, log)
  const correspondents = correspondentTable(state, log)
  const under = new Set<string>()
  const told = new Map<string, string>()
  const sealed = (alias: string, row: ContactRow, closet: Closet): Change =>
    people.put(tagOf(alias, closet), { alias, row }, closet)

  async function get(alias: string): Promise<ContactRow | undefined> {
    const closet = self.openCloset
    if (!closet) return correspondents.get(alias)
    return (await people.get(tagOf(alias, closet), closet))?.row
  }

  /** Only what was learned of the person: not where their pod is, and when it was asked. */
  function telling(alias: string, row: ContactRow, isNews: boolean): Change[] {
    const { certificate, changed, verified, pinnedMs, followed, disputed } = row
    const went = [
      row.moved?.sequence ?? null,
      row.from?.sequence ?? null,
      row.offered?.code ?? null
    ]
    const said = [certificate, changed, verified, pinnedMs, followed?.atMs ?? null, disputed, went]
    const now = toHex(sha256(encodeCbor(said)))
    if (told.get(alias) === now) return []
    if (told.size >= toldMax) told.clear()
    told.set(alias, now)
    return isNews ? journal.note([{ type: 'contact', alias, row: encodeContact(row) }]) : []
  }

  async function write(alias: string, row: ContactRow, also: readonly Change[]): Promise<void> {
    const closet = self.openCloset
    const clear = !closet || under.has(alias) ? [correspondents.put(alias, row)] : []
    const changes = [...(closet ? [sealed(alias, row, closet)] : []), ...clear, ...also]
    await state.write(changes).catch(err => {
      told.delete(alias)
      throw err
    })
  }

  return {
    get,
    async *all() {
      const closet = self.closet()
      for (let gt: string | undefined; ; ) {
        const range = { limit: pageRows, ...(gt !== undefined && { gt }) }
        const { rows, last } = await people.page(closet, range)
        for (const { value } of rows) yield value
        if (last === undefined) return
        gt = last
      }
    },
    save: (alias, row, also = []) => write(alias, row, [...also, ...telling(alias, row, true)]),
    mirror: (alias, row, also) => write(alias, row, [...also, ...telling(alias, row, false)]),
    async needed(alias) {
      under.add(alias)
      const row = await get(alias)
      return row ? [correspondents.put(alias, row)] : []
    },
    async neededNow(aliases) {
      for (const alias of under) if (!aliases.has(alias)) under.delete(alias)
      for (const alias of aliases) under.add(alias)
      const there = new Set((await state.list(correspondents.name)).map(({ key }) => key))
      const over = [...there].filter(key => !under.has(key)).map(key => correspondents.drop(key))
      const lacking = [...under].filter(alias => !there.has(alias))
      const rows = await Promise.all(lacking.map(async alias => ({ alias, row: await get(alias) })))
      const added = rows.flatMap(({ alias, row }) => (row ? [correspondents.put(alias, row)] : []))
      if (over.length + added.length > 0) await state.write([...over, ...added])
    },
    async unlocked() {
      const closet = self.closet()
      const rows = await correspondents.list()
      const changes = rows.map(({ key: alias, value: row }) => sealed(alias, row, closet))
      if (changes.length > 0) await state.write(changes)
    }
  }
}
