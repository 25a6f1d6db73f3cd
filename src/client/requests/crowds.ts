/** Lets so many wait under one name: a crowd under one name leaves room for others. */
export class Crowds {
  readonly #max: number
  readonly #waiting = new Map<string, Set<string>>()

  constructor(max: number) {
    this.#max = max
  }

  /** @returns false for one more than may wait. */
  admits(name: string, id: string): boolean {
    const crowd = this.#waiting.get(name) ?? new Set()
    this.#waiting.set(name, crowd)
    if (crowd.size >= this.#max && !crowd.has(id)) return false
    crowd.add(id)
    return true
  }

  /** Who waits is counted anew, when it comes again. */
  clear(): void {
    this.#waiting.clear()
  }
}
