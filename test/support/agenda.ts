import type { Millis } from '../../src/base/ports.ts'

interface Happening {
  atMs: Millis
  order: number
  run: () => void
}

/** A binary heap by time, then by the order of scheduling: so that one seed gives one history. */
export class Agenda {
  readonly #heap: Happening[] = []

  get size(): number {
    return this.#heap.length
  }

  get first(): Happening | undefined {
    return this.#heap[0]
  }

  push(event: Happening): void {
    const heap = this.#heap
    let at = heap.push(event) - 1
    while (at > 0) {
      const up = (at - 1) >> 1
      if (!isBefore(heap[at]!, heap[up]!)) break
      ;[heap[at], heap[up]] = [heap[up]!, heap[at]!]
      at = up
    }
  }

  pop(): Happening | undefined {
    const heap = this.#heap
    const first = heap[0]
    const last = heap.pop()
    if (heap.length === 0 || !last) return first
    heap[0] = last
    for (let at = 0; ; ) {
      const left = 2 * at + 1
      const right = left + 1
      let next = at
      if (left < heap.length && isBefore(heap[left]!, heap[next]!)) next = left
      if (right < heap.length && isBefore(heap[right]!, heap[next]!)) next = right
      if (next === at) return first
      ;[heap[at], heap[next]] = [heap[next]!, heap[at]!]
      at = next
    }
  }
}

const isBefore = (a: Happening, b: Happening) =>
  a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order)
