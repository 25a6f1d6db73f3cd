import type { Millis } from '../../base/ports.ts'
import type { Figure } from '../../sim/result.ts'
import type { Scenario } from '../../sim/scenario.ts'
import type { World } from '../../sim/world.ts'
import { average, quantile } from './figures.ts'
import { figuresFrom } from './foe-figures.ts'
import type { Held, Holdings } from './holdings.ts'
import type { Population } from './population.ts'
import type { Workload } from './workload.ts'

const minuteMs: Millis = 60_000
const hourMs: Millis = 60 * minuteMs
/** For the last answers: no get takes longer. */
const tailMs: Millis = 30_000

interface Parts {
  world: World
  scenario: Scenario
  population: Population
  workload: Workload
  holdings: Holdings
}

/** By a node's number. */
type Load = ReadonlyMap<number, { requests: number; bytes: number }>

/** Everybody wants one blob within minutes: the first that was stored. */
export class Crowd {
  readonly #p: Parts
  #target: Held | undefined
  readonly #foundMs: Millis[] = []
  #gets = 0
  /** Gets that each node answered while the crowd was there, and the bytes of the answers. */
  #answered: { requests: number; bytes: number }[] = []
  #copies = { before: 0, after: 0 }

  constructor(parts: Parts) {
    this.#p = parts
  }

  /** At hour zero. */
  begin(): void {
    const { world, scenario, holdings } = this.#p
    const { crowd } = scenario.workload
    if (!crowd) return
    const dice = world.dice('crowd')
    const startMs = crowd.atHours * hourMs
    const spanMs = crowd.withinMinutes * minuteMs
    world.after(startMs, () => {
      this.#target = holdings.living[0]
      const target = this.#target
      if (!target) return
      this.#copies.before = target.holders.size
      const before = this.#load()
      for (let i = 0; i < crowd.gets; i++)
        world.after(dice.next() * spanMs, () => void this.#get(target))
      world.after(spanMs + tailMs, () => this.#end(target, before))
    })
  }

  async #get(target: Held): Promise<void> {
    const { world, workload } = this.#p
    const asked = await workload.ask(target, world.dice('crowd'))
    if (!asked) return
    this.#gets += 1
    if (asked.from !== undefined) this.#foundMs.push(asked.ms)
  }

  /** Of each node, by number. */
  #load(): Load {
    return new Map(
      [...this.#p.population.members].map(({ index, node }) => {
        const { requests, bytes } = node.answered.get('get') ?? { requests: 0, bytes: 0 }
        return [index, { requests, bytes }]
      })
    )
  }

  #end({ holders }: Held, before: Load): void {
    this.#copies.after = holders.size
    for (const [index, { requests, bytes }] of this.#load()) {
      const then = before.get(index) ?? { requests: 0, bytes: 0 }
      this.#answered.push({ requests: requests - then.requests, bytes: bytes - then.bytes })
    }
  }

  figures(): Record<string, Figure> {
    if (!this.#target) return {}
    const requests = this.#answered.map(({ requests }) => requests)
    const bytes = this.#answered.map(({ bytes }) => bytes)
    return figuresFrom({
      'crowd found': [this.#foundMs.length / this.#gets, 'share'],
      'crowd get ms p50': [quantile(this.#foundMs, 0.5), 'ms'],
      'crowd get ms p95': [quantile(this.#foundMs, 0.95), 'ms'],
      'crowd get ms max': [quantile(this.#foundMs, 1), 'ms'],
      'crowd requests of a node mean': [average(requests), 'requests'],
      'crowd requests of a node max': [quantile(requests, 1), 'requests'],
      'crowd bytes of a node max': [quantile(bytes, 1), 'B'],
      'crowd nodes that served': [bytes.filter(sent => sent > 0).length, 'nodes'],
      'crowd copies before': [this.#copies.before, 'copies'],
      'crowd copies after': [this.#copies.after, 'copies']
    })
  }
}
