import type { Millis, Place, PlaceOf } from '../../base/ports.ts'
import { bitOf } from '../../routing/distance.ts'
import type { SeedNode } from '../../seed/seed.ts'
import type { Dice } from '../../sim/dice.ts'
import type { VirtualNode } from '../../sim/node.ts'

interface Filled {
  readonly node: VirtualNode
  /** In server mode. */
  readonly isServer: boolean
  readonly seed: Pick<SeedNode, 'table'> | undefined
}

/** Tables as after long running: in each bucket a random choice of the servers that belong there. */
export function fillTables(
  members: readonly Filled[],
  o: { k: number; placeOf: PlaceOf; dice: Dice; nowMs: Millis }
): void {
  const servers = members
    .filter(({ isServer }) => isServer)
    .map(({ node }) => ({ contact: node.contact(), place: o.placeOf(node.self) }))
    .sort(byPlace)
  for (const { seed } of members) {
    const { table } = seed!
    for (const { contact } of knownTo(table.place, servers, o)) table.answered(contact, o.nowMs)
  }
}

interface Placed {
  readonly place: Place
}

export const byPlace = (a: Placed, b: Placed): number => Buffer.compare(a.place, b.place)

/** Of `servers`, which are sorted {@link byPlace}, whom a table at `place` has after long running: at most k of each bucket, at random. */
export function* knownTo<T extends Placed>(
  place: Place,
  servers: readonly T[],
  o: { k: number; dice: Dice }
): Generator<T> {
  for (const [from, to] of ranges(servers, place))
    for (const i of drawn(from, to, o)) yield servers[i]!
}

/** Of those whose places leave `place` at one bit, the farthest first. */
function* ranges(sorted: readonly Placed[], place: Place): Generator<[from: number, to: number]> {
  let [low, high] = [0, sorted.length]
  for (let bit = 0; high - low > 1 && bit < 256; bit++) {
    let [middle, end] = [low, high]
    while (middle < end) {
      const half = (middle + end) >> 1
      if (bitOf(sorted[half]!.place, bit) === 1) end = half
      else middle = half + 1
    }
    const isHigh = bitOf(place, bit) === 1
    yield isHigh ? [low, middle] : [middle, high]
    ;[low, high] = isHigh ? [middle, high] : [low, middle]
  }
}

/** At most k of the range, none twice. */
function drawn(from: number, to: number, { k, dice }: { k: number; dice: Dice }): Iterable<number> {
  if (to - from <= k) return Array.from({ length: to - from }, (_, i) => from + i)
  const chosen = new Set<number>()
  while (chosen.size < k) chosen.add(from + dice.below(to - from))
  return chosen
}
