import type { Millis } from '../../base/ports.ts'
import { draw } from '../../sim/distributions.ts'
import type { Figure } from '../../sim/result.ts'
import type { Scenario } from '../../sim/scenario.ts'
import type { World } from '../../sim/world.ts'
import { figuresFrom } from './foe-figures.ts'
import type { Holdings } from './holdings.ts'
import type { Member, Population } from './population.ts'

const dayMs: Millis = 86_400_000
/** Until a new disk is in. */
const repairMs: Millis = 60_000

interface Parts {
  world: World
  scenario: Scenario
  population: Population
  holdings: Holdings
}

/** What happens to disks: some are full, some fail, and bits turn on all of them. */
export class Disks {
  readonly #p: Parts
  #failed = 0
  #rotted = 0

  constructor(parts: Parts) {
    this.#p = parts
  }

  /** At hour zero. */
  begin(): void {
    const { world, scenario, population } = this.#p
    const { disks } = scenario
    if (!disks) return
    if (disks.fullShare > 0) {
      const dice = world.dice('full disks')
      for (const { disk } of population.members)
        if (disk && dice.next() < disks.fullShare) disk.isFull = true
    }
    this.#atRandom(
      'disks fail',
      () => disks.lossPerDay * population.members.size,
      () => this.#fail()
    )
    this.#atRandom(
      'bits turn',
      () => disks.rotPerDay * this.#p.holdings.copies,
      () => this.#rot()
    )
  }

  /** A Poisson process whose rate changes with what there is. */
  #atRandom(purpose: string, perDay: () => number, run: () => void): void {
    if (perDay() === 0) return
    const { world } = this.#p
    const dice = world.dice(purpose)
    const again = () => {
      const mean = dayMs / Math.max(1e-9, perDay())
      world.after(draw({ type: 'exponential', mean }, dice), () => {
        run()
        again()
      })
    }
    again()
  }

  #fail(): void {
    const { world, population, holdings } = this.#p
    const member = any([...population.members], world)
    if (!member?.disk || member.isHostile) return
    const wasThere = member.seed !== undefined
    population.leave(member)
    world.note('disk failed', member.index)
    this.#failed += 1
    population.diedBytes += holdings.died(member.index, 'lost its disk, with its copy')
    member.disk.replace()
    if (wasThere) world.after(repairMs, () => void population.come(member))
  }

  #rot(): void {
    const { world, population, holdings } = this.#p
    const copy = holdings.anyCopy(world.dice('which bit'))
    if (!copy) return
    const member = [...population.members].find(({ index }) => index === copy.node)
    void member?.disk?.rot(copy.held.key, world.dice('which bit')).then(isSpoiled => {
      if (!isSpoiled) return
      this.#rotted += 1
      holdings.rotted(copy.held, copy.node)
    })
  }

  figures(): Record<string, Figure> {
    const { scenario, population, holdings } = this.#p
    if (!scenario.disks) return {}
    let spoiled = 0
    for (const { disk } of population.members)
      for (const { key } of holdings.living) if (disk?.isSpoiled(key)) spoiled += 1
    return figuresFrom({
      'disks failed': [this.#failed, 'disks'],
      'copies rotted': [this.#rotted, 'copies'],
      'copies rotted and not noticed': [spoiled, 'copies']
    })
  }
}

const any = (members: readonly Member[], world: World): Member | undefined =>
  members[world.dice('which disk').below(members.length)]
