import type { Millis } from '../base/ports.ts'
import type { Dice } from './dice.ts'
import type { Scenario } from './scenario.ts'

export type Daily = NonNullable<Scenario['population']['daily']>

const hourMs: Millis = 3_600_000
const dayMs: Millis = 24 * hourMs

/** From when to when its owner has a node on, on one day. */
export interface Hours {
  onMs: Millis
  offMs: Millis
}

/** Days of one owner, who decides about each day when it begins, and about a holiday once. */
export class Days {
  readonly #daily: Daily
  readonly #dice: Dice
  /** When the midnight was before the owner's first Monday. */
  readonly #startMs: Millis
  readonly #stays: readonly boolean[]

  /** @param nowMs the midnight before a Monday in the first zone. */
  constructor(daily: Daily, dice: Dice, nowMs: Millis) {
    this.#daily = daily
    this.#dice = dice
    this.#startMs = nowMs - dice.below(daily.zones) * hourMs
    this.#stays = daily.holidays.map(({ share }) => dice.next() < share)
  }

  midnightMs(day: number): Millis {
    return this.#startMs + day * dayMs
  }

  /** The day that it is at a moment, by the owner's clock. */
  dayAt(nowMs: Millis): number {
    return Math.floor((nowMs - this.#startMs) / dayMs)
  }

  /** Asked once for each day, in turn: who is on decides by dice. Undefined on a day off. */
  hoursOf(day: number): Hours | undefined {
    const { fromHour, toHour, jitterHours, weekendShare, holidays } = this.#daily
    const overMidnight = toHour <= fromHour ? 24 : 0
    const jitter = () => (2 * this.#dice.next() - 1) * jitterHours
    const midnightMs = this.midnightMs(day)
    const onMs = midnightMs + (fromHour + jitter()) * hourMs
    const offMs = midnightMs + (toHour + overMidnight + jitter()) * hourMs
    const isWeekend = ((day % 7) + 7) % 7 >= 5
    if (isWeekend && this.#dice.next() >= weekendShare) return undefined
    const isAway = holidays.some(
      ({ fromDay, days }, i) => !this.#stays[i] && day >= fromDay && day < fromDay + days
    )
    return isAway || offMs <= onMs ? undefined : { onMs, offMs }
  }
}

/** Of the nodes that have days, how many are on when the fewest and when the most are. */
export function sharesOn(daily: Daily): { least: number; most: number } {
  const { fromHour, toHour, zones, weekendShare, holidays } = daily
  const length = toHour <= fromHour ? toHour + 24 - fromHour : toHour - fromHour
  const at = (hour: number) => {
    let on = 0
    for (let zone = 0; zone < zones; zone++)
      if ((((hour + 0.5 + zone - fromHour) % 24) + 24) % 24 < length) on += 1
    return on / zones
  }
  const shares = Array.from({ length: 24 }, (_, hour) => at(hour))
  const stay = Math.min(weekendShare, ...holidays.map(({ share }) => share))
  return {
    least: Math.min(...shares) * stay,
    most: Math.max(...shares)
  }
}
