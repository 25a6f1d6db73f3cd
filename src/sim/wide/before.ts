import type { Millis } from '../../base/ports.ts'
import { upkeep } from '../../routing/upkeep.ts'
import type { Dice } from '../dice.ts'

/** Joining and storing take so long where requests are kept waiting, as the scale full was seen to begin; otherwise a second or two. */
const storeMs = { held: 20_000, usual: 1_000 } as const

/** From one tick to the next. */
export const tickMs = (dice: Dice): Millis => upkeep.tickMs * (0.8 + 0.4 * dice.next())

interface Before {
  /** What nodes do before the first hour, when times are below zero, in order. */
  readonly due: { readonly atMs: Millis; readonly node: number; readonly isJoin: boolean }[]
  /** By node: its first tick after that. */
  readonly tickMs: Map<number, Millis>
}

/**
 * All come within a minute, and have one more until blobs are stored: the scale full begins so.
 * @param o.isMeasured the network was made long before; otherwise right then.
 * @param o.isHeld hostile nodes keep requests waiting.
 */
export function planBefore(
  nodes: readonly number[],
  { isMeasured, isHeld, dice }: { isMeasured: boolean; isHeld: boolean; dice: Dice }
): Before {
  const openMs: Millis = -2 * upkeep.tickMs - storeMs[isHeld ? 'held' : 'usual']
  const plan: Before = { due: [], tickMs: new Map() }
  for (const node of nodes) {
    plan.due.push({ atMs: openMs + upkeep.tickMs * dice.next(), node, isJoin: true })
    let atMs = isMeasured ? upkeep.tickMs * dice.next() : openMs + tickMs(dice)
    for (; atMs < 0; atMs += tickMs(dice)) plan.due.push({ atMs, node, isJoin: false })
    plan.tickMs.set(node, atMs)
  }
  plan.due.sort((a, b) => a.atMs - b.atMs)
  return plan
}
