import type { Place } from '../base/ports.ts'
import { fraction } from './distance.ts'

const samplesMax = 15

/**
 * How many nodes there are, as the median over the regions that lookups passed: places of keys are random, so crowding our own
 * neighbourhood does not move it.
 */
export class SizeEstimate {
  readonly #samples: number[] = []

  /** @param nearest the places found nearest to `target`, nearest first and none left out. */
  sample(target: Place, nearest: readonly Place[]): void {
    const size = density(target, nearest)
    if (size === undefined) return
    this.#samples.push(size)
    if (this.#samples.length > samplesMax) this.#samples.shift()
  }

  /** @returns undefined before the first lookup. */
  get nodes(): number | undefined {
    return this.#samples.toSorted((a, b) => a - b)[this.#samples.length >> 1]
  }
}

/** Nodes there would be if all the space were as dense as around `target`. */
export function density(target: Place, nearest: readonly Place[]): number | undefined {
  const last = nearest.at(-1)
  if (!last || nearest.length < 4) return undefined
  return (nearest.length - 1) / fraction(target, last)
}
