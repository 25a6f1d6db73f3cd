import type { Millis } from '../../base/ports.ts'
import type { Daily, Hours } from '../days.ts'
import { Days } from '../days.ts'
import type { Dice } from '../dice.ts'

/** Whose node is on by the hour of the day. */
interface Owner {
  days: Days
  /** The next to be asked about. */
  day: number
  /** The last that it said. */
  hours: Hours
}

/** Of nodes that are on by the hour of the day: from when to when. */
export class Owners {
  readonly #daily: Daily | null
  readonly #dice: Dice
  readonly #owners: (Owner | undefined)[] = []

  constructor(daily: Daily | null, dice: Dice) {
    this.#daily = daily
    this.#dice = dice
  }

  /** A new node. @returns whether it has such an owner, by lot. */
  born(node: number, nowMs: Millis): boolean {
    const daily = this.#daily
    if (!daily) return false
    const isOwned = this.#dice.next() < daily.share
    this.#owners[node] = isOwned ? this.#ownerOf(daily, nowMs) : undefined
    return isOwned
  }

  has(node: number): boolean {
    return this.#owners[node] !== undefined
  }

  /** The hours that are now, or the next, of one that has an owner. Two days may overlap by their jitter. */
  hoursFrom(node: number, nowMs: Millis): Hours {
    const owner = this.#owners[node]!
    for (;;) {
      if (nowMs < owner.hours.offMs) return owner.hours
      const hours = owner.days.hoursOf(owner.day++)
      if (hours) owner.hours = hours
    }
  }

  #ownerOf(daily: Daily, nowMs: Millis): Owner {
    const days = new Days(daily, this.#dice, 0)
    const none = { onMs: Number.NEGATIVE_INFINITY, offMs: Number.NEGATIVE_INFINITY }
    return { days, day: days.dayAt(nowMs) - 1, hours: none }
  }
}
