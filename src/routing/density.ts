import type { Place } from '../base/ports.ts'
import { fraction } from './distance.ts'

/** How the nearest to a place compare with what the size of the network lets one expect. */
export type Density = 'natural' | 'crowded' | 'sparse'

/** Chance that a Poisson number with this mean is at least `count`. */
export function atLeast(count: number, mean: number): number {
  let term = Math.exp(-mean)
  let below = 0
  for (let i = 0; i < count; i++) {
    below += term
    term *= mean / (i + 1)
  }
  return Math.max(0, 1 - below)
}

export interface DensityOptions {
  target: Place
  /** The places of the nearest, nearest first. */
  nearest: readonly Place[]
  /** How many nearest there should be. */
  wanted: number
  /** Nodes in the network, as estimated elsewhere in it. */
  nodes: number
  /** How rarely chance alone may look so. */
  crowded: number
  sparse: number
}

/**
 * Ids are spread evenly unless somebody chose theirs. So as many nodes as are nearer than the last of `nearest` are Poisson
 * distributed; where that many, or as few, are too unlikely, somebody crowds the place, or keeps us from it.
 */
export function densityAt(o: DensityOptions): Density {
  const { target, nearest, wanted, nodes } = o
  if (nodes < wanted) return 'natural'
  const last = nearest[wanted - 1]
  if (!last) return 'sparse'
  return densityBy(fraction(target, last) * nodes, o)
}

/** @param expected by chance so many nodes are as near as the last of those that are wanted. */
export function densityBy(
  expected: number,
  o: Pick<DensityOptions, 'wanted' | 'crowded' | 'sparse'>
): Density {
  const many = atLeast(o.wanted, expected)
  if (many < o.crowded) return 'crowded'
  // The last one stands at the edge by choice of ours: below it are wanted - 1.
  return 1 - many < o.sparse ? 'sparse' : 'natural'
}
