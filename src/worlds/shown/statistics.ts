/** A mean over seeds, with its 95 % confidence interval by Student's t; null where there are fewer than two. */
export interface Estimate {
  mean: number
  ci95: [low: number, high: number] | null
  /** Of the sample. */
  deviation: number
  n: number
}

export function estimate(values: readonly number[]): Estimate {
  const n = values.length
  const mean = values.reduce((sum, value) => sum + value, 0) / n
  if (n < 2) return { mean, ci95: null, deviation: 0, n }
  const deviation = Math.sqrt(values.reduce((sum, v) => sum + (v - mean) ** 2, 0) / (n - 1))
  const half = (studentT(n - 1) * deviation) / Math.sqrt(n)
  return { mean, ci95: [mean - half, mean + half], deviation, n }
}

/**
 * Where the interval of a quantity ends because the quantity does: a share lies between 0 and 1, and what was never seen below 0 is taken
 * for an amount.
 */
export function boundsOf(unit: string, values: readonly number[]): [low: number, high: number] {
  const low = values.every(value => value >= 0) ? 0 : Number.NEGATIVE_INFINITY
  const share = unit === 'share' && low === 0 && values.every(value => value <= 1)
  return [low, share ? 1 : Number.POSITIVE_INFINITY]
}

/** Student's t knows no such ends, and few seeds make it pass them. @returns `at`: the ends that were passed. */
export function cutAt(
  [low, high]: readonly [low: number, high: number],
  [least, most]: readonly [low: number, high: number]
): { low: number; high: number; at: number[] } {
  // No interval, but a value, which is what it is.
  if (low === high) return { low, high, at: [] }
  return {
    low: Math.max(low, least),
    high: Math.min(high, most),
    at: [...(low < least ? [least] : []), ...(high > most ? [most] : [])]
  }
}

export interface Difference {
  /** Of the means: the second's minus the first's. */
  mean: number
  /** By Welch's test, which does not take the variances for equal; null where one of them has fewer than two seeds. */
  ci95: [low: number, high: number] | null
  /** The interval leaves zero out. Null: cannot be said. */
  differs: boolean | null
}

export function difference(a: Estimate, b: Estimate): Difference {
  const mean = b.mean - a.mean
  if (a.n < 2 || b.n < 2) return { mean, ci95: null, differs: null }
  const [va, vb] = [a.deviation ** 2 / a.n, b.deviation ** 2 / b.n]
  const variance = va + vb
  if (variance === 0) return { mean, ci95: [mean, mean], differs: mean !== 0 }
  const freedom = variance ** 2 / (va ** 2 / (a.n - 1) + vb ** 2 / (b.n - 1))
  // Rounded down: the interval becomes a little wider, never narrower.
  const half = studentT(Math.max(1, Math.floor(freedom + 1e-9))) * Math.sqrt(variance)
  const ci95: [number, number] = [mean - half, mean + half]
  return { mean, ci95, differs: ci95[0] > 0 || ci95[1] < 0 }
}

/** The 97.5 % quantiles for 1 to 30 degrees of freedom. */
const quantiles = [
  12.706205, 4.302653, 3.182446, 2.776445, 2.570582, 2.446912, 2.364624, 2.306004, 2.262157,
  2.228139, 2.200985, 2.178813, 2.160369, 2.144787, 2.13145, 2.119905, 2.109816, 2.100922, 2.093024,
  2.085963, 2.079614, 2.073873, 2.068658, 2.063899, 2.059539, 2.055529, 2.051831, 2.048407, 2.04523,
  2.042272
]

/** Beyond the table by Cornish and Fisher's expansion, good to five digits there. @param freedom a whole number from 1 on. */
export function studentT(freedom: number): number {
  const known = quantiles[freedom - 1]
  if (known !== undefined) return known
  const z = 1.959963985
  return z + (z ** 3 + z) / (4 * freedom) + (5 * z ** 5 + 16 * z ** 3 + 3 * z) / (96 * freedom ** 2)
}
