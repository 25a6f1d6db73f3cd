import type { Json } from './sweep.ts'

/**
 * Something that was counted, one number a run: a figure by its name (`lost`); a path of the grid (`parameters.replicas`); a cell of a table
 * at an hour (`time.copiesMean@1.25`); or a column summed up: `mean(lookups.hops)`, also `min`, `max`, `p50` and `p95`. A plot over the
 * rows of a table has its columns on both axes: `time.atHours` and `time.copiesMean`.
 */
type Quantity = string

/** What theory says of a point of the grid; undefined where it says nothing. */
export type Theory = (parameters: Record<string, Json>) => number | undefined

export interface FindingColumn {
  head: string
  of: Quantity | Theory
  /**
   * `interval`, unless said otherwise: the mean over seeds and its 95 % interval. `mean` alone, the `least` or the `most` of all seeds, or the
   * `values` seed by seed.
   */
  show?: 'interval' | 'mean' | 'least' | 'most' | 'values'
  /** A share is written as per cent. */
  percent?: boolean
  /** Significant ones; three unless said otherwise. */
  digits?: number
}

export interface FindingPlot {
  title: string
  x: Quantity
  /** More than one: each has lines of its own. */
  y: readonly (Quantity | { line: string; of: Quantity | Theory })[]
  /** Path of the grid whose values make the lines. Left out: all others than x that vary. */
  line?: string
  xTitle?: string
  yTitle?: string
}

/** How the answer of a sweep is shown: `export const finding` beside the scenario. Source: simulations/README.md */
export interface Finding {
  /** By the name that the page gives their place. */
  tables: Record<string, readonly FindingColumn[]>
  /** By the name of their file, without `.svg`. */
  plots: Record<string, FindingPlot>
}
