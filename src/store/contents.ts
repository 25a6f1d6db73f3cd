import { checkedValue, sealRow } from './checked.ts'
import type { View } from './committer.ts'
import { readEnds, writeEnds } from './log-ends.ts'
import { Overlay } from './overlay.ts'
import type { Content } from './state.ts'
import { decodeEnds, entryRow, placeOf, tableRow } from './state-rows.ts'

/** A spoiled row is told of, never left out. */
export function contentOf(row: Uint8Array, value: Uint8Array): Content | undefined {
  const place = placeOf(row)
  if (place.space === 'other') return undefined
  const kept = checkedValue(row, value)!
  if (place.space === 'table') return { table: place.table, key: place.key, value: kept }
  if (place.space === 'log') return { log: place.log, last: decodeEnds(kept).last }
  return { log: place.log, sequence: place.sequence, entry: kept }
}

/** A log is empty until its first entry comes, which says where it begins. */
export function fillFrom(view: View<null>, contents: readonly Content[]): void {
  const staged = new Overlay(row => view.read(row))
  for (const content of contents) {
    if ('table' in content) {
      const row = tableRow(content.table, content.key)
      staged.write(row, sealRow(row, content.value))
    } else if ('entry' in content) {
      const { log, sequence, entry } = content
      const row = entryRow(log, sequence)
      staged.write(row, sealRow(row, entry))
      const { first, last } = readEnds(staged, log)
      if (sequence < first) writeEnds(staged, log, { first: sequence, last })
    } else writeEnds(staged, content.log, { first: content.last + 1, last: content.last })
  }
  for (const { key, value } of staged.changes.values()) view.write(key, value)
}
