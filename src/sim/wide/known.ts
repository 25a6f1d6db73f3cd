import type { Dice } from '../dice.ts'
import type { Places } from './places.ts'
import { nobody } from './places.ts'
import type { WideTables } from './tables.ts'

/**
 * To whom a node keeps connections, as `warmList` of src/seed/maintain.ts has it: those near to it, and k all over the space, half of them from the
 * farthest bucket, a quarter from the next.
 */
export function* warmOf(tables: WideTables, node: number, k: number): Generator<number> {
  for (let i = tables.nearCount(node) - 1; i >= 0; i--) yield tables.nearAt(node, i)
  const at = Array.from({ length: tables.shape.far }, () => 0)
  for (let turn = 1, left = k; left > 0 && at.some(i => i < k); turn++) {
    const bucket = 31 - Math.clz32(turn & -turn)
    const position = at[bucket] ?? k
    if (position === k) continue
    at[bucket] = position + 1
    const other = tables.farAt(node, bucket * k + position)
    if (other === nobody) continue
    left -= 1
    yield other
  }
}

/** Places of those that a table may have known: all near ones, and by lot k of each far bucket. */
export function* drawKnown(
  o: { places: Places; tables: WideTables; dice: Dice; k: number },
  node: number
): Generator<number> {
  const { places, tables, dice, k } = o
  const [from, to] = tables.nearRange(node)
  for (let other = from; other < to; other++) if (other !== node) yield other
  for (let bucket = 0; bucket < tables.shape.far; bucket++) {
    const hi = (places.hi(node) ^ (0x8000_0000 >>> bucket)) >>> 0
    const [low, high] = [places.from(hi, bucket + 1), places.to(hi, bucket + 1)]
    for (let i = 0; i < k && high > low; i++) yield low + dice.below(high - low)
  }
}
