import type { JSX } from 'preact'
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks'

interface VirtualListProps<T> {
  items: readonly T[]
  keyOf: (item: T) => string
  /** Every row is so high, in CSS pixels. */
  rowHeight: number
  label: string
  row: (item: T, index: number) => JSX.Element
  /** Kept in view. */
  selected?: number
  /** Called when the end comes near. */
  onEnd?: () => void
}

/** Rows beyond the edge, so that quick scrolling shows no gaps. */
const spare = 8
const endRows = 40

/** A list of any length, of which only what can be seen is in the page. */
export function VirtualList<T>(props: VirtualListProps<T>): JSX.Element {
  const { items, keyOf, rowHeight, label, row, selected, onEnd } = props
  const box = useRef<HTMLElement>(null)
  const [view, setView] = useState({ first: 0, count: 30 })

  const measure = () => {
    const { scrollTop = 0, clientHeight = 0 } = box.current ?? {}
    const first = Math.max(0, Math.floor(scrollTop / rowHeight) - spare)
    const count = Math.ceil(clientHeight / rowHeight) + 2 * spare
    setView(now => (now.first === first && now.count === count ? now : { first, count }))
  }
  useLayoutEffect(() => {
    measure()
    const watch = new ResizeObserver(measure)
    watch.observe(box.current!)
    return () => watch.disconnect()
  }, [rowHeight])
  useEffect(() => {
    if (selected === undefined || selected < 0 || !box.current) return
    const { scrollTop, clientHeight } = box.current
    const top = selected * rowHeight
    if (top < scrollTop) box.current.scrollTop = top
    else if (top + rowHeight > scrollTop + clientHeight)
      box.current.scrollTop = top + rowHeight - clientHeight
  }, [selected])
  useEffect(() => {
    if (view.first + view.count > items.length - endRows) onEnd?.()
  }, [view, items])

  const end = Math.min(items.length, view.first + view.count)
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable for who has no pointer
    <section class="virtual" ref={box} onScroll={measure} tabIndex={0} aria-label={label}>
      <ul style={{ height: `${items.length * rowHeight}px` }}>
        {items.slice(view.first, end).map((item, i) => {
          const index = view.first + i
          return (
            <li
              key={keyOf(item)}
              style={{ transform: `translateY(${index * rowHeight}px)`, height: `${rowHeight}px` }}
              aria-setsize={items.length}
              aria-posinset={index + 1}
            >
              {row(item, index)}
            </li>
          )
        })}
      </ul>
    </section>
  )
}
