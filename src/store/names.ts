import assert from 'node:assert/strict'
import type { Change } from './state.ts'

/** What every State asks of the names it is given: a mistake of ours else. */
export function assertChange(change: Change): void {
  if ('log' in change) assertName(change.log)
  else {
    assertName(change.table)
    assertKey(change.key)
  }
}

export function assertName(name: string): void {
  assert(name.length >= 1 && name.length <= 200 && isText(name), 'a name of 1 to 200 characters')
}

export function assertKey(key: string): void {
  assert(key.length <= 512 && isText(key), 'a key of at most 512 characters')
}

const isText = (text: string) => text.isWellFormed() && !text.includes('\0')
