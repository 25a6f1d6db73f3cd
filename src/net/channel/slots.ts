/**
 * Places for requests at work, shared by all channels of a node: what many peers together can make it hold. Each channel has a few of
 * its own besides, so that slow readers who took all the shared ones do not keep others waiting.
 */
export class Slots {
  #left: number
  readonly #waiting = new Set<() => void>()

  constructor(count: number) {
    this.#left = count
  }

  /** @param wake called once when there is one again, if there is none now. */
  take(wake: () => void): boolean {
    if (this.#left > 0) {
      this.#left -= 1
      return true
    }
    this.#waiting.add(wake)
    return false
  }

  giveBack(): void {
    this.#left += 1
    for (const wake of this.#waiting) {
      this.#waiting.delete(wake)
      wake()
      if (this.#left === 0) return
    }
  }

  forget(wake: () => void): void {
    this.#waiting.delete(wake)
  }
}
