import type { Place } from '../base/ports.ts'
import { fraction } from './distance.ts'

const samplesMax = 15

/**
 * How many nodes there are, as the median over the regions that lookups passed: places of keys are random, so crowding our own
 * neighbourhood does not move it. A place that is looked up again and again counts once.
 */
export class SizeEstimate {
  readonly #samples = new Map<string, number>()

  /** @param nearest the places found nearest to `target`, nearest first and none left out. */
  sample(target: Place, nearest: readonly Place[]): void {
    const size = density(target, nearest)
    if (size === undefined) return
    const name = target.join()
    this.#samples.delete(name)
    this.#samples.set(name, size)
    if (this.#samples.size > samplesMax) this.#samples.delete(this.#samples.keys().next().value!)
  }

  /** @returns undefined before the first lookup. */
  get nodes(): number | undefined {
    return [...this.#samples.values()].sort((a, b) => a - b)[this.#samples.size >> 1]
  }
}

/** Nodes there would be if all the space were as dense as around `target`. */
export function density(target: Place, nearest: readonly Place[]): number | undefined {
  const last = nearest.at(-1)
  if (!last || nearest.length < 4) return undefined
  return (nearest.length - 1) / fraction(target, last)
}
