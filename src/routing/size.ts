import type { Place } from '../base/ports.ts'
import { fraction } from './distance.ts'

const samplesMax = 31

/**
 * How many nodes there are, as the median over regions around places that were drawn at random: who crowds some regions, ours
 * above all, moves it only with ids in half of the whole space. A place that is looked up again and again counts once.
 */
export class SizeEstimate {
  readonly #samples = new Map<string, number>()
  #nodes: number | undefined

  /** @param nearest the places found nearest to `target`, nearest first and none left out. */
  sample(target: Place, nearest: readonly Place[]): void {
    const size = density(target, nearest)
    if (size === undefined) return
    const name = target.join()
    this.#samples.delete(name)
    this.#samples.set(name, size)
    if (this.#samples.size > samplesMax) this.#samples.delete(this.#samples.keys().next().value!)
    this.#nodes = [...this.#samples.values()].sort((a, b) => a - b)[this.#samples.size >> 1]
  }

  /** How many regions it rests on. */
  get regions(): number {
    return this.#samples.size
  }

  /** @returns undefined before the first lookup. */
  get nodes(): number | undefined {
    return this.#nodes
  }
}

/** Nodes there would be if all the space were as dense as around `target`. */
export function density(target: Place, nearest: readonly Place[]): number | undefined {
  const last = nearest.at(-1)
  if (!last || nearest.length < 4) return undefined
  return (nearest.length - 1) / fraction(target, last)
}
