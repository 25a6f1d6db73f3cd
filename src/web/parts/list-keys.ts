import { useSignal } from '@preact/signals'
import { go, leave, route } from '../route.ts'
import { type Keys, useKeys } from './shortcuts.tsx'

interface ListKeys<T> {
  view: string
  /** As they are now. */
  items: () => readonly T[]
  keyOf: (item: T) => string
  /** More keys, which do something with the chosen item. */
  also?: Record<string, (item: T) => void>
}

/** Where the row of an item can be found. */
export const rowId = (key: string): string => `row-${key}`

/**
 * Keys through a list, of which one item may be open beside it: `j` and `k` open the next one, or go to its row when none is open.
 * @returns the chosen one's place in the list
 */
export function useListKeys<T>({ view, items, keyOf, also = {} }: ListKeys<T>): number {
  const at = useSignal(0)
  // Keys come faster than the page is drawn: they ask what holds now.
  const indexNow = () => {
    const { id } = route.value
    return id === undefined ? at.value : items().findIndex(item => keyOf(item) === id)
  }
  const open = (item: T) => go(view, keyOf(item), route.value.query)
  const move = (by: number) => {
    const all = items()
    at.value = Math.max(0, Math.min(all.length - 1, indexNow() + by))
    const next = all[at.value]
    if (!next) return
    if (route.value.id === undefined) document.getElementById(rowId(keyOf(next)))?.focus()
    else open(next)
  }
  const withChosen = (act: (item: T) => void) => () => {
    const item = items()[indexNow()]
    if (item !== undefined) act(item)
  }
  const more: Keys = Object.fromEntries(
    Object.entries(also).map(([key, act]) => [key, withChosen(act)])
  )
  useKeys({
    j: () => move(1),
    k: () => move(-1),
    Enter: withChosen(open),
    o: withChosen(open),
    Escape: leave,
    ...more
  })
  return indexNow()
}
