import type { Clock, Millis } from '../../base/ports.ts'
import type { SimProgress } from '../../cli/simulator.ts'
import type { PlannedRun } from './plan.ts'

/** To make a network takes about as long as an hour of its life. */
const makingHours = 1

/** Of all work: what passes before so much is done is mostly the start of threads, and tells nothing. */
const tellingShare = 0.02

/** How far all of it is, by what each run has to do: hours of nodes. */
export class Meter {
  readonly #clock: Clock
  readonly #startMs: Millis
  readonly #all: number
  readonly #runs: number
  readonly #under = new Map<string, number>()
  #doneWork = 0
  #done: number

  constructor(runs: readonly PlannedRun[], clock: Clock, before: number) {
    this.#clock = clock
    this.#startMs = clock.now()
    this.#all = runs.reduce((sum, run) => sum + workOf(run), 0)
    this.#runs = runs.length + before
    this.#done = before
  }

  at(run: PlannedRun, atHours: number): SimProgress {
    this.#under.set(
      run.id,
      run.scenario.nodes * (makingHours + Math.min(atHours, run.scenario.hours))
    )
    return this.#progress()
  }

  ended(run: PlannedRun): SimProgress {
    this.#under.delete(run.id)
    this.#doneWork += workOf(run)
    this.#done++
    return this.#progress()
  }

  #progress(): SimProgress {
    const under = [...this.#under.values()].reduce((sum, work) => sum + work, 0)
    const share = (this.#doneWork + under) / this.#all
    const passedMs = this.#clock.now() - this.#startMs
    return {
      done: this.#done,
      runs: this.#runs,
      share,
      remainingMs: share >= tellingShare ? Math.round((passedMs * (1 - share)) / share) : undefined
    }
  }
}

const workOf = ({ scenario }: PlannedRun): number => scenario.nodes * (makingHours + scenario.hours)
