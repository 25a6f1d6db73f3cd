import type { Millis } from '../../base/ports.ts'
import type { Scenario } from '../../sim/scenario.ts'
import { sessionsOf } from '../../sim/scenario-files.ts'
import type { Session } from '../../sim/sessions.ts'
import type { World } from '../../sim/world.ts'

const hourMs: Millis = 3_600_000

/** Comes and goes as recorded. Nodes are counted as they are born; who is born later, in place of the dead, is there from then on. */
export interface Replay {
  isThere(node: number, atHours: number): boolean
  /** Sets the clock for one node, from hour zero of the run on. */
  follow(node: number, on: { come(): void; leave(): void }): void
}

/** @returns undefined where nothing was recorded. */
export function replayOf(o: { world: World; scenario: Scenario }): Replay | undefined {
  const { world, scenario } = o
  const sessions = sessionsOf(scenario)
  if (!sessions) return undefined
  const { nodes, hours } = sessions
  const isEndless = scenario.population.trace!.repeat
  return {
    isThere: (node, atHours) =>
      nodes[node]?.some(s => s.fromHours <= atHours && atHours < s.toHours) ?? true,
    follow(node, { come, leave }) {
      const recorded = nodes[node]
      if (!recorded) return
      const zeroMs = world.nowMs
      const coming = turns(recorded, isEndless ? hours : undefined)
      const next = () => {
        const turn = coming.next().value
        if (!turn || turn.atHours >= scenario.hours) return
        world.after(zeroMs + turn.atHours * hourMs - world.nowMs, () => {
          if (turn.comes) come()
          else leave()
          next()
        })
      }
      next()
    }
  }
}

/** What a node does after hour zero, in order; who is there across the seam of two rounds stays. */
function* turns(
  sessions: readonly Session[],
  everyHours: number | undefined
): Generator<{ atHours: number; comes: boolean }> {
  const [first, last] = [sessions[0]!, sessions.at(-1)!]
  const isSeamless = first.fromHours === 0 && last.toHours === everyHours
  if (isSeamless && first === last) return
  for (let round = 0; round === 0 || everyHours !== undefined; round++) {
    const fromHours = round * (everyHours ?? 0)
    for (const session of sessions) {
      const isBegun = session === first && first.fromHours === 0 && (round === 0 || isSeamless)
      if (!isBegun) yield { atHours: fromHours + session.fromHours, comes: true }
      if (!(session === last && isSeamless))
        yield { atHours: fromHours + session.toHours, comes: false }
    }
  }
}
