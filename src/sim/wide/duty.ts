/** Why a holder looks at a key: as `Why` of src/replicas/duty.ts. */
export type WideWhy = 'first' | 'second' | 'sweep' | 'all'

/**
 * `dutyOf` of src/replicas/duty.ts for nodes without addresses, whose R holders are the R nearest: whether a key is ours to look after
 * now. A test runs both on the same input and demands the same decisions.
 * @param rank of the nearest, how many are before us. @param settledBefore how many of these are settled.
 */
export function isOurs(o: {
  why: WideWhy
  rank: number
  settledBefore: number
  replicas: number
  share: number
  lot: number
}): boolean {
  if (o.why === 'all') return true
  if (o.why === 'first') return o.settledBefore === 0
  if (o.why === 'second') return o.settledBefore === 1
  return o.settledBefore === 0 || o.rank >= o.replicas || o.lot < o.share
}
