import { MuttrError } from '../base/errors.ts'
import type { Millis } from '../base/ports.ts'
import type { Change, State } from '../store/state.ts'
import type { AliasName } from './alias.ts'
import { skeleton } from './alias.ts'
import { deleteHash, putHash } from './public-index.ts'
import type { AccountId, AliasRow } from './rows.ts'
import { aliasRow, ordered, tables, under } from './rows.ts'

/** Old revision marks kept: a process that read an alias so many changes ago still finds that it is late. */
const marksKept = 8

/** How an alias is let go. */
export interface Release {
  /** End of the quarantine. */
  readonly untilMs: Millis
  /** Written with it. */
  readonly also?: readonly Change[]
}

/** Rows of aliases, and the changes that move them so that of two writers who read the same, one wins. */
export interface AliasTable {
  get(name: AliasName): Promise<AliasRow | undefined>
  /** Aliases an account has. */
  active(account: AccountId): Promise<AliasName[]>
  /** How many it has or released within the year: those count too, or a stranger could take and drop names without end. */
  held(account: AccountId): Promise<number>
  /** Replaces what was read as `before`; the write fails when somebody else replaced it since. */
  replace(
    name: AliasName,
    before: AliasRow | undefined,
    after: Omit<AliasRow, 'revision'>
  ): Change[]
  /** Forgets a name whose quarantine is over; fails as {@link replace}. */
  remove(name: AliasName, before: AliasRow): Promise<Change[]>
  /** Takes the look of a name; the write fails when somebody else took it since. @throws {MuttrError} `ALIAS_CONFUSABLE` */
  claim(name: AliasName, nowMs: Millis): Promise<Change[]>
}

/** The pod has taken its word back: the name is shown so, and nobody gets it until the quarantine ends. */
export const isWithdrawn = ({ state, certificate }: AliasRow): boolean =>
  state === 'quarantined' && certificate.byteLength > 0

const nothing = new Uint8Array()

export function createAliasTable(state: State): AliasTable {
  const get = async (name: AliasName): Promise<AliasRow | undefined> => {
    const row = await state.get(tables.aliases, name)
    return row && aliasRow.decode(row)
  }
  const namesIn = async (table: string, account: AccountId): Promise<AliasName[]> =>
    (await state.list(table, under(account))).map(({ key }) => key.slice(account.length + 1))
  const mark = (name: AliasName, revision: number): string => `${name}/${ordered(revision)}`
  const next = (name: AliasName, before: AliasRow | undefined): Change => ({
    type: 'insert',
    table: tables.revisions,
    key: mark(name, (before?.revision ?? 0) + 1),
    value: nothing
  })
  const unlist = (name: AliasName, account: AccountId): Change[] =>
    [tables.owned, tables.released].map(table => ({
      type: 'delete',
      table,
      key: `${account}/${name}`
    }))

  return {
    get,
    active: account => namesIn(tables.owned, account),
    async held(account) {
      const [owned, released] = [tables.owned, tables.released]
      return (await namesIn(owned, account)).length + (await namesIn(released, account)).length
    },
    replace(name, before, after) {
      const revision = (before?.revision ?? 0) + 1
      const listed = after.state === 'active' ? tables.owned : tables.released
      return [
        next(name, before),
        { type: 'delete', table: tables.revisions, key: mark(name, revision - marksKept) },
        {
          type: 'put',
          table: tables.aliases,
          key: name,
          value: aliasRow.encode({ ...after, revision })
        },
        { type: 'delete', table: tables.answers, key: name },
        // A name that was taken back is still found, and says so.
        after.certificate.byteLength > 0 ? putHash(name) : deleteHash(name),
        ...(before ? unlist(name, before.account) : []),
        { type: 'put', table: listed, key: `${after.account}/${name}`, value: nothing }
      ]
    },
    async remove(name, before) {
      const marks = await state.list(tables.revisions, under(name))
      const taken = next(name, before)
      const revisions = [...marks.map(row => row.key), mark(name, before.revision + 1)]
      return [
        taken,
        ...revisions.map((key): Change => ({ type: 'delete', table: tables.revisions, key })),
        { type: 'delete', table: tables.aliases, key: name },
        deleteHash(name),
        ...unlist(name, before.account)
      ]
    },
    async claim(name, nowMs) {
      const look = skeleton(name)
      const [last] = await state.list(tables.claims, { ...under(look), limit: 1, reverse: true })
      const holder = last && Buffer.from(last.value).toString()
      if (holder !== undefined && holder !== name) {
        const row = await get(holder)
        if (row && (row.state === 'active' || row.untilMs > nowMs))
          throw new MuttrError('ALIAS_CONFUSABLE', `${name} looks like ${holder}`)
      }
      const generation = last ? Number(last.key.slice(look.length + 1)) : 0
      const key = `${look}/${ordered(generation + 1)}`
      const value = new Uint8Array(Buffer.from(name))
      const insert: Change = { type: 'insert', table: tables.claims, key, value }
      return last ? [{ type: 'delete', table: tables.claims, key: last.key }, insert] : [insert]
    }
  }
}
