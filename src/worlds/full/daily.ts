import type { Millis } from '../../base/ports.ts'
import type { Daily } from '../../sim/days.ts'
import { Days } from '../../sim/days.ts'
import type { Dice } from '../../sim/dice.ts'
import type { World } from '../../sim/world.ts'

/** Switches a node that is online on and off by its owner's day, from now on. */
export function planDays(o: {
  world: World
  daily: Daily
  dice: Dice
  /** The midnight before a Monday in the first zone: the hour zero of the run. */
  zeroMs: Millis
  come(): void
  leave(): void
}): void {
  const { world, daily, dice, zeroMs } = o
  const days = new Days(daily, dice, zeroMs)
  /** Times of two days may overlap by their jitter. */
  let reasons = 1
  const come = () => {
    if (++reasons === 1) o.come()
  }
  const leave = () => {
    if (--reasons === 0) o.leave()
  }
  const at = (atMs: Millis, run: () => void) => world.after(Math.max(0, atMs - world.nowMs), run)
  const plan = (day: number) => {
    const hours = days.hoursOf(day)
    if (hours && hours.offMs > world.nowMs) {
      at(hours.onMs, come)
      at(hours.offMs, leave)
    }
    at(days.midnightMs(day + 1), () => plan(day + 1))
  }
  plan(days.dayAt(world.nowMs) - 1)
  // Whoever is on today has a reason by then.
  world.after(1, leave)
}
