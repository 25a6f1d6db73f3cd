import { toHex } from '../../base/bytes.ts'
import type { Millis } from '../../base/ports.ts'
import type { State, Row as StateRow } from '../../store/state.ts'
import { decodeStored } from '../../wire/notice.ts'
import { addressRow, ownerId } from '../addresses/rows.ts'
import type { Ahead } from '../ahead/ahead.ts'
import { queueRow } from '../federation/rows.ts'
import { placesRow } from '../hostnames.ts'
import { moveRow } from '../moves.ts'
import type { AccountId } from '../rows.ts'
import * as rows from '../rows.ts'
import { mailLog, tables, under } from '../rows.ts'
import { rowsOf } from '../scan.ts'
import { applicationRow } from './applications.ts'
import { auditRow } from './audit.ts'
import { quotaRow } from './quotas.ts'
import { reportRow } from './reports.ts'
import { standingRow } from './standings.ts'

/** A row by its key, with what it says in words; bytes as base64. */
type ExportedRow = { readonly row: string } & Readonly<Record<string, unknown>>

/** All that a pod keeps of one person, to be handed to them. Source: docs/guides/pod.md#what-you-hold-of-somebody */
export interface AccountExport {
  readonly format: 'muttr pod account 1'
  readonly pod: string
  readonly madeMs: Millis
  readonly account: AccountId
  /** By table. */
  readonly tables: Readonly<Record<string, readonly ExportedRow[]>>
  /** Sealed notices that wait, as they would be handed to a device. */
  readonly mail: readonly ExportedRow[]
  /** Files that are fetched ahead: of each its size and end; its chunks are sealed, and can be fetched with the files’ keys. */
  readonly ahead: readonly ExportedRow[]
}

interface Parts {
  state: State
  hostname: string
  ahead: Pick<Ahead, 'filesOf'> | undefined
}

type Table = keyof typeof tables

/** Whom rows are looked for. */
interface Subject {
  readonly account: AccountId
  /** Its keys, those that were succeeded included. */
  readonly pins: ReadonlySet<string>
  /** Its aliases, those in quarantine included. */
  readonly names: ReadonlySet<string>
}

type Found = AsyncIterable<StateRow> | Iterable<StateRow>
interface Reader {
  find(state: State, subject: Subject): Promise<Found> | Found
  read(row: StateRow, subject: Subject): object
}

const nothing = () => ({})
const one = async (state: State, table: string, key: string): Promise<StateRow[]> => {
  const value = await state.get(table, key)
  return value ? [{ key, value }] : []
}
async function* where(
  state: State,
  table: string,
  fits: (row: StateRow) => boolean
): AsyncGenerator<StateRow> {
  for await (const row of rowsOf(state, table)) if (fits(row)) yield row
}
async function* ofNames(state: State, table: string, { names }: Subject): AsyncGenerator<StateRow> {
  for (const name of names) yield* await one(state, table, name)
}
/** Rows whose key is the account's id. */
const byAccount = <T extends object>(table: string, row: rows.Row<T>): Reader => ({
  find: (state, { account }) => one(state, table, account),
  read: ({ value }) => row.decode(value)
})
/** Rows whose key begins with the account's id. */
const underAccount = (table: string, read: Reader['read'] = nothing): Reader => ({
  find: (state, { account }) => rowsOf(state, table, under(account)),
  read
})

/** Of each table what is somebody's. A table that is new must say it too. */
const readers: Readonly<Record<Table, Reader | null>> = {
  accounts: byAccount(tables.accounts, rows.accountRow),
  aliases: {
    find: (state, subject) => ofNames(state, tables.aliases, subject),
    read: ({ value }) => rows.aliasRow.decode(value)
  },
  claims: {
    find: (state, { names }) =>
      where(state, tables.claims, ({ value }) => names.has(Buffer.from(value).toString())),
    read: ({ value }) => ({ alias: Buffer.from(value).toString() })
  },
  revisions: {
    async *find(state, { names }) {
      for (const name of names) yield* rowsOf(state, tables.revisions, under(name))
    },
    read: nothing
  },
  owned: underAccount(tables.owned),
  released: underAccount(tables.released),
  revoked: {
    async *find(state, { pins }) {
      for (const pin of pins) yield* await one(state, tables.revoked, pin)
    },
    read: nothing
  },
  holders: {
    async *find(state, { pins }) {
      for (const pin of pins) yield* await one(state, tables.holders, pin)
    },
    read: ({ value }) => rows.holderRow.decode(value)
  },
  successions: underAccount(tables.successions, ({ value }) => rows.successionRow.decode(value)),
  moves: {
    find: (state, { account }) =>
      where(state, tables.moves, ({ value }) => moveRow.decode(value).account === account),
    read: ({ value }) => moveRow.decode(value)
  },
  places: {
    find: (state, subject) => ofNames(state, tables.places, subject),
    read: ({ value }) => ({ hostnames: placesRow.decode(value) })
  },
  devices: underAccount(tables.devices, ({ value }) => rows.deviceRow.decode(value)),
  dismissed: underAccount(tables.dismissed, ({ value }) => rows.markRow.decode(value)),
  behind: underAccount(tables.behind, ({ value }) => rows.markRow.decode(value)),
  boxes: byAccount(tables.boxes, rows.boxRow),
  seen: underAccount(tables.seen),
  intros: {
    find: (state, { account }) =>
      where(state, tables.intros, ({ key }) => key.endsWith(`/${account}`)),
    read: ({ value }) => ({ address: toHex(value) })
  },
  addresses: {
    find: (state, { account }) =>
      where(
        state,
        tables.addresses,
        ({ value }) => ownerId(addressRow.decode(value).owner) === account
      ),
    read: ({ value }) => addressRow.decode(value)
  },
  ownAddresses: underAccount(tables.ownAddresses),
  addressUses: {
    async *find(state, { account }) {
      for await (const { key } of rowsOf(state, tables.ownAddresses, under(account)))
        yield* rowsOf(state, tables.addressUses, under(key.slice(account.length + 1)))
    },
    read: nothing
  },
  held: underAccount(tables.held, ({ value }) => decodeStored(value)),
  answers: {
    find: (state, subject) => ofNames(state, tables.answers, subject),
    read: ({ value }) => rows.answerRow.decode(value)
  },
  hashes: {
    find: (state, { names }) =>
      where(state, tables.hashes, ({ value }) => names.has(Buffer.from(value).toString())),
    read: ({ value }) => ({ alias: Buffer.from(value).toString() })
  },
  keys: {
    find: (state, { account }) =>
      where(state, tables.keys, ({ value }) => Buffer.from(value).toString() === account),
    read: nothing
  },
  invites: {
    find: (state, { account }) =>
      where(state, tables.invites, ({ value }) => rows.inviteRow.decode(value).by.name === account),
    read: ({ value }) => rows.inviteRow.decode(value)
  },
  inviteUses: {
    find: (state, { account }) =>
      where(state, tables.inviteUses, ({ value }) => toHex(value) === account),
    read: ({ value }) => ({ account: toHex(value) })
  },
  standings: byAccount(tables.standings, standingRow),
  turns: underAccount(tables.turns),
  quotas: byAccount(tables.quotas, quotaRow),
  // Of no account.
  keyAddresses: null,
  keyCounts: null,
  keyTurns: null,
  tokenKeys: null,
  tokenKeysSeen: null,
  tokensGiven: {
    find: (state, { account }) =>
      where(state, tables.tokensGiven, ({ key }) => key.split('/')[1] === account),
    read: nothing
  },
  /** By whom nobody knows. */
  tokensSpent: null,
  applications: byAccount(tables.applications, applicationRow),
  applicantNetworks: {
    find: (state, { account }) =>
      where(state, tables.applicantNetworks, ({ value }) => toHex(value) === account),
    read: ({ value }) => ({ account: toHex(value) })
  },
  reports: {
    find: (state, { account, names }) =>
      where(state, tables.reports, ({ value }) => {
        const report = reportRow.decode(value)
        return report.account === account || names.has(report.name)
      }),
    read({ value }, { account }) {
      const report = reportRow.decode(value)
      // Who told it, and in what words, is not for whom it is about.
      const isOthers = report.account !== account
      return isOthers ? { ...report, account: null, network: null, text: '' } : report
    }
  },
  audit: {
    find: (state, { account, names }) =>
      where(state, tables.audit, ({ value }) => {
        const { subject, by } = auditRow.decode(value)
        return subject === account || by.name === account || names.has(subject)
      }),
    read: ({ value }) => auditRow.decode(value)
  },
  queue: underAccount(tables.queue, ({ value }) => queueRow.decode(value)),
  /** Other pods. */
  peers: null,
  zones: null,
  peerWords: null,
  /** Of operators. */
  operators: null,
  operatorSessions: null,
  operatorLinks: null,
  operatorSeen: null,
  /** Of addresses that nobody has. */
  nobody: null,
  /** The pod's own. */
  pod: null
}

async function subjectOf(state: State, account: AccountId): Promise<Subject> {
  const names = new Set<string>()
  for (const table of [tables.owned, tables.released])
    for await (const { key } of rowsOf(state, table, under(account)))
      names.add(key.slice(account.length + 1))
  const pins = new Set([account])
  const holds = ({ value }: StateRow) => rows.holderRow.decode(value).account === account
  for await (const { key } of where(state, tables.holders, holds)) pins.add(key)
  return { account, pins, names }
}

const plain = (row: string, said: object): ExportedRow => ({
  row,
  ...Object.fromEntries(
    Object.entries(said).map(([name, value]) => [
      name,
      value instanceof Uint8Array ? Buffer.from(value).toString('base64') : value
    ])
  )
})

export async function exportAccount(
  { state, hostname, ahead }: Parts,
  account: AccountId,
  nowMs: Millis
): Promise<AccountExport> {
  const subject = await subjectOf(state, account)
  const found: Record<string, ExportedRow[]> = {}
  for (const [name, reader] of Object.entries(readers)) {
    if (!reader) continue
    const exported: ExportedRow[] = []
    for await (const row of await reader.find(state, subject))
      exported.push(plain(row.key, reader.read(row, subject)))
    if (exported.length > 0) found[tables[name as Table]] = exported
  }
  const mail: ExportedRow[] = []
  for (let after = 0; ; ) {
    const page = await state.page(mailLog(account), after, 500)
    for (const { sequence, entry } of page) mail.push(plain(String(sequence), decodeStored(entry)))
    if (page.length < 500) break
    after = page.at(-1)!.sequence
  }
  const files = ahead?.filesOf(account) ?? []
  return {
    format: 'muttr pod account 1',
    ...{ pod: hostname, madeMs: nowMs, account, tables: found, mail },
    ahead: files.map(({ task, ...file }) => plain(task, file))
  }
}
