import type { Millis } from '../base/ports.ts'
import type { Dice } from '../sim/dice.ts'
import type { Scenario } from '../sim/scenario.ts'
import type { World } from '../sim/world.ts'

type Daily = NonNullable<Scenario['population']['daily']>

const hourMs: Millis = 3_600_000
const dayMs: Millis = 24 * hourMs

/** Switches a node that is online on and off by its owner's day, from now on: the midnight before a Monday in the first zone. */
export function planDays(o: {
  world: World
  daily: Daily
  dice: Dice
  come(): void
  leave(): void
}): void {
  const { world, daily, dice } = o
  const { fromHour, toHour, jitterHours, weekendShare } = daily
  const startMs = world.nowMs - dice.below(daily.zones) * hourMs
  const overMidnight = toHour <= fromHour ? 24 : 0
  /** Times of two days may overlap by their jitter. */
  let reasons = 1
  const come = () => {
    if (++reasons === 1) o.come()
  }
  const leave = () => {
    if (--reasons === 0) o.leave()
  }
  const jitter = () => (2 * dice.next() - 1) * jitterHours
  const plan = (day: number) => {
    const midnightMs = startMs + day * dayMs
    const onMs = midnightMs + (fromHour + jitter()) * hourMs
    const offMs = midnightMs + (toHour + overMidnight + jitter()) * hourMs
    const isWeekend = (day + 7) % 7 >= 5
    const isOn = !isWeekend || dice.next() < weekendShare
    if (isOn && offMs > Math.max(onMs, world.nowMs)) {
      world.after(onMs - world.nowMs, come)
      world.after(offMs - world.nowMs, leave)
    }
    world.after(midnightMs + dayMs - world.nowMs, () => plan(day + 1))
  }
  plan(-1)
  // Whoever is on today has a reason by then.
  world.after(1, leave)
}
