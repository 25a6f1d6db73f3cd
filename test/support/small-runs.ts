import type { SimPoint, SimSweepOptions } from '../../src/cli/simulator.ts'

/** A small version of a question that ships: fewer nodes, hours and seeds, and nothing written. */
export const small = (
  what: string,
  changes: SimSweepOptions['changes'],
  seeds = '1'
): SimSweepOptions => ({
  what,
  changes,
  seeds,
  out: null,
  threads: 2,
  shard: undefined,
  queue: undefined,
  onProgress() {},
  signal: new AbortController().signal
})

export const figure = ({ figures }: SimPoint, name: string): number =>
  figures.find(figure => figure.name === name)!.mean
