import { MuttrError } from '../base/errors.ts'
import { checkedValue, sealRow } from './checked.ts'
import type { View } from './committer.ts'
import { Committer } from './committer.ts'
import { contentOf, fillFrom } from './contents.ts'
import { readEnds, writeEnds } from './log-ends.ts'
import { assertChange, assertKey, assertName } from './names.ts'
import { Overlay } from './overlay.ts'
import type { Rows } from './rows.ts'
import type { Change, Content, WholeState } from './state.ts'
import { appendedBy } from './state.ts'
import {
  allRows,
  entryRange,
  entryRow,
  keyOf,
  sequenceOf,
  tableRange,
  tableRow
} from './state-rows.ts'
import { Watchers } from './watchers.ts'

interface Outcome {
  ok: boolean
  sequences: number[]
}
/** Rows written at once when a state is filled. */
const fillRows = 500

/** Tables and logs on ordered rows. Source: docs/protocol/store.md */
export function createState(rows: Rows): WholeState {
  const committer = new Committer<null>(rows, null)
  const watchers = new Watchers()
  return {
    async get(table, key) {
      assertName(table)
      assertKey(key)
      const row = tableRow(table, key)
      return checkedValue(row, await rows.get(row))
    },

    async list(table, { limit, reverse, ...bounds } = {}) {
      assertName(table)
      const more = { ...(limit !== undefined && { limit }), ...(reverse && { reverse }) }
      const page = await rows.range({ ...tableRange(table, bounds), ...more })
      return page.map(([row, value]) => ({
        key: keyOf(row, table),
        value: checkedValue(row, value)!
      }))
    },

    async write(changes) {
      for (const change of changes) assertChange(change)
      const outcome = await committer.run(view => apply(view, changes))
      if (outcome.ok) watchers.wake(appendedBy(changes))
      return outcome
    },

    async page(log, after, limit) {
      assertName(log)
      const page = await rows.range({ ...entryRange(log, after), limit })
      return page.map(([row, value]) => ({
        sequence: sequenceOf(row),
        entry: checkedValue(row, value)!
      }))
    },

    async *rows() {
      for await (const content of this.contents()) if ('table' in content) yield content
    },

    async *contents() {
      for await (const [row, value] of rows.each()) {
        const content = contentOf(row, value)
        if (content) yield content
      }
    },

    async fill(contents) {
      if ((await rows.range({ ...allRows, limit: 1 })).length > 0)
        throw new MuttrError('HOME_EXISTS', 'the database is not empty')
      let page: Content[] = []
      for await (const content of contents) {
        page.push(content)
        if (page.length < fillRows) continue
        const full = page
        page = []
        await committer.run(view => fillFrom(view, full))
      }
      await committer.run(view => fillFrom(view, page))
    },

    watch: (log, call) => watchers.add(log, call),

    [Symbol.asyncDispose]: () => committer[Symbol.asyncDispose]()
  }
}

/** Decides all changes on a copy first, so that a refused insert leaves nothing behind. */
function apply(view: View<null>, changes: readonly Change[]): Outcome {
  const staged = new Overlay(row => view.read(row))
  const sequences: number[] = []
  for (const change of changes) {
    if (change.type === 'append') sequences.push(append(staged, change.log, change.entry))
    else if (change.type === 'trim') trim(staged, change.log, change.through)
    else {
      const row = tableRow(change.table, change.key)
      if (change.type === 'insert' && staged.read(row) !== undefined)
        return { ok: false, sequences: [] }
      staged.write(row, change.type === 'delete' ? null : sealRow(row, change.value))
    }
  }
  for (const { key, value } of staged.changes.values()) view.write(key, value)
  return { ok: true, sequences }
}

function append(staged: Overlay, log: string, entry: Uint8Array): number {
  const { first, last } = readEnds(staged, log)
  const row = entryRow(log, last + 1)
  staged.write(row, sealRow(row, entry))
  writeEnds(staged, log, { first, last: last + 1 })
  return last + 1
}

function trim(staged: Overlay, log: string, through: number): void {
  const { first, last } = readEnds(staged, log)
  const end = Math.min(through, last)
  for (let sequence = first; sequence <= end; sequence++)
    staged.write(entryRow(log, sequence), null)
  if (end >= first) writeEnds(staged, log, { first: end + 1, last })
}
