import type { Millis } from '../../base/ports.ts'
import type { Dice } from '../../sim/dice.ts'
import type { Distribution } from '../../sim/distributions.ts'
import { draw, drawUnderWay, meanOf } from '../../sim/distributions.ts'
import type { Scenario } from '../../sim/scenario.ts'
import type { World } from '../../sim/world.ts'
import { planDays } from './daily.ts'

const hourMs: Millis = 3_600_000

interface Parts {
  world: World
  population: Scenario['population']
  dice: Dice
  /** When the run began, or will. */
  zeroMs: Millis
}

/** What happens to a node. Coming while it is there, or leaving while it is away, does nothing. */
interface Life {
  come(): void
  leave(): void
  /** For good; another comes in its place. */
  die(): void
  /** Not dead yet. */
  lives(): boolean
}

/**
 * Sets the clock for a node that is online now: its sessions, its days, its death.
 * @param isOld it lived before the run began: it is met somewhere within its session and its life. Who is away then leaves at once.
 */
export function planLife(
  { world, population, dice, zeroMs }: Parts,
  isOld: boolean,
  life: Life
): void {
  const { sessionHours, awayHours, lifetimeHours, daily } = population
  const toZeroMs = Math.max(0, zeroMs - world.nowMs)
  if (lifetimeHours) {
    const leftHours = isOld
      ? drawUnderWay(lifetimeHours, dice) * dice.next()
      : draw(lifetimeHours, dice)
    world.after(toZeroMs + leftHours * hourMs, life.die)
  }
  const { come, leave } = life
  if (daily && dice.next() < daily.share) planDays({ world, daily, dice, zeroMs, come, leave })
  else if (sessionHours) alternate({ world, dice, sessionHours, awayHours, toZeroMs }, isOld, life)
}

interface Sessions {
  world: World
  dice: Dice
  sessionHours: Distribution
  awayHours: Distribution
  toZeroMs: Millis
}

/** Online and away in turn. */
function alternate({ world, dice, toZeroMs, ...of }: Sessions, isOld: boolean, life: Life): void {
  const stay = (ms = draw(of.sessionHours, dice) * hourMs) => {
    world.after(ms, () => {
      life.leave()
      away()
    })
  }
  const away = (ms = draw(of.awayHours, dice) * hourMs) => {
    world.after(ms, () => {
      if (!life.lives()) return
      life.come()
      stay()
    })
  }
  const [on, off] = [meanOf(of.sessionHours), meanOf(of.awayHours)]
  const isAway = isOld && Number.isFinite(on) && dice.next() < off / (on + off)
  const left = (of: Distribution) => toZeroMs + drawUnderWay(of, dice) * dice.next() * hourMs
  if (isAway) {
    life.leave()
    away(left(of.awayHours))
  } else stay(isOld ? left(of.sessionHours) : undefined)
}
