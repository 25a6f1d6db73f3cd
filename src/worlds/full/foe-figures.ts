import type { Figure } from '../../sim/result.ts'
import type { Scenario } from '../../sim/scenario.ts'
import type { World } from '../../sim/world.ts'
import { average } from './figures.ts'
import type { Holdings } from './holdings.ts'
import type { Population } from './population.ts'
import type { Workload } from './workload.ts'

/** Gets of each eclipsed key for each row. */
const sampled = 4

interface Parts {
  world: World
  scenario: Scenario
  workload: Workload
  holdings: Holdings
  population: Population
}

/** What hostile nodes did to the others. Everything before hour zero is left out. */
export class FoeFigures {
  readonly #p: Parts
  readonly #startSent: number
  readonly #startHours: number
  #gets = 0
  #found = 0

  constructor(parts: Parts) {
    this.#p = parts
    this.#startSent = parts.population.honestSent
    this.#startHours = parts.population.honestHours
  }

  async row(): Promise<void> {
    const { world, workload } = this.#p
    for (const held of workload.eclipsed)
      for (let i = 0; i < sampled; i++) {
        const asked = await workload.ask(held, world.dice('eclipsed'))
        if (!asked) continue
        this.#gets += 1
        if (asked.from !== undefined) this.#found += 1
      }
  }

  figures(): Record<string, Figure> {
    const { scenario, workload, holdings, population } = this.#p
    if (!scenario.adversaries) return {}
    const { lookedAmongFoes: looked } = workload
    const sent = population.honestSent - this.#startSent
    const hours = population.honestHours - this.#startHours
    return figuresFrom({
      'copies with hostile mean': [average(workload.hostileCopies), 'copies'],
      swallowed: [holdings.swallowed, 'blobs'],
      'messages per honest node-hour': [sent / hours, 'requests'],
      'lookup honest found': [average(looked.map(({ honestShare }) => honestShare)), 'share'],
      'lookup hostile only': [average(looked.map(({ misled }) => Number(misled))), 'share'],
      'eclipsed found': [this.#found / this.#gets, 'share']
    })
  }
}

/** Without what was not seen. */
export function figuresFrom(
  of: Record<string, [value: number | undefined, unit: string]>
): Record<string, Figure> {
  const figures: Record<string, Figure> = {}
  for (const [name, [value, unit]] of Object.entries(of))
    if (value !== undefined && Number.isFinite(value)) figures[name] = { value, unit }
  return figures
}
