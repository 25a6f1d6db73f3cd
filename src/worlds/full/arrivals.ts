import { limits } from '../../base/limits.ts'
import type { Millis } from '../../base/ports.ts'
import type { Dice } from '../../sim/dice.ts'
import { draw } from '../../sim/distributions.ts'
import type { Scenario } from '../../sim/scenario.ts'
import type { World } from '../../sim/world.ts'

const hourMs: Millis = 3_600_000

/** A Poisson process, by dice of its own. */
export function atRandom(world: World, perHour: number, purpose: string, run: () => void): void {
  if (perHour === 0) return
  const dice = world.dice(purpose)
  const mean = hourMs / perHour
  const again = () => {
    world.after(draw({ type: 'exponential', mean }, dice), () => {
      again()
      run()
    })
  }
  again()
}

/** So many, as far from each other as from both ends of these hours. */
export function evenly(world: World, count: number, hours: number, run: () => void): void {
  const everyMs = (hours * hourMs) / (count + 1)
  for (let i = 1; i <= count; i++) world.after(i * everyMs, run)
}

/** How large the next blob is, and how long it lives. */
export function drawBlob({ sizeBytes, lifeHours }: Scenario['workload'], dice: Dice) {
  const bytes = Math.min(limits.blobBytesMax, Math.max(1, Math.round(draw(sizeBytes, dice))))
  const lifeMs = Math.max(1, Math.min(limits.blobLifeMsMax, draw(lifeHours, dice) * hourMs))
  return { sizeBytes: bytes, lifeMs }
}
