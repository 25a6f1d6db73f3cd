import type { Clock, Millis } from '../../base/ports.ts'
import { draw } from '../../sim/distributions.ts'
import type { Scenario } from '../../sim/scenario.ts'
import type { World } from '../../sim/world.ts'

const minuteMs: Millis = 60_000

/** What a node is beside one of many, from its birth on. */
export interface Role {
  readonly isHostile: boolean
  /** Asks for others. */
  readonly isRelay: boolean
  readonly isObserver: boolean
  /** Its own, which may be wrong. */
  readonly clock: Clock
}

/** Deals them out. What a scenario does not ask for draws nothing. */
export class Roles {
  readonly #world: World
  readonly #scenario: Scenario

  constructor(world: World, scenario: Scenario) {
    this.#world = world
    this.#scenario = scenario
  }

  /** Of those that are there from the start, by number: relays first, hostile ones last. */
  ofFirst(index: number): Role {
    const { nodes, adversaries, workload } = this.#scenario
    const hostile = adversaries ? Math.round(nodes * adversaries.share) : 0
    const isRelay = workload.via !== null && index < workload.via.relays
    const isHostile = !isRelay && index >= nodes - hostile && index < nodes
    return this.of({ isRelay, isHostile })
  }

  of({ isHostile, isRelay }: Pick<Role, 'isHostile' | 'isRelay'>): Role {
    const { observers } = this.#scenario
    const isObserver =
      !isHostile && observers !== null && this.#world.dice('observers').next() < observers.share
    return { isHostile, isRelay, isObserver, clock: this.#clock(isHostile) }
  }

  #clock(isHostile: boolean): Clock {
    const { clock } = this.#world
    const { clocks } = this.#scenario
    if (!clocks || isHostile) return clock
    const dice = this.#world.dice('clocks')
    if (dice.next() >= clocks.share) return clock
    const offMs = Math.round(draw(clocks.offMinutes, dice) * minuteMs) * (dice.below(2) ? 1 : -1)
    return { now: () => clock.now() + offMs, after: (delayMs, run) => clock.after(delayMs, run) }
  }
}
