import type { Millis } from '../../base/ports.ts'
import type { Dice } from '../dice.ts'
import type { Scenario } from '../scenario.ts'
import type { Calendar } from './calendar.ts'
import type { Foes } from './foes.ts'
import type { Life } from './life.ts'
import type { Reach } from './reach.ts'
import type { Storage } from './storage.ts'
import type { Tally } from './tally.ts'
import { allAmong } from './tally.ts'

const hourMs: Millis = 3_600_000

type Fault = Scenario['faults'][number]

interface Parts {
  faults: Scenario['faults']
  reach: Reach
  foes: Foes
  life: Life
  storage: Storage
  tally: Tally
  calendar: Calendar
  dice: Dice
  /** Two a fault: when it begins and when it is over. */
  firstTimer: number
  note(type: string, ...fields: (string | number)[]): void
}

/** What goes wrong, when it is time. */
export class Faults {
  readonly #p: Parts
  /** By fault: what heals it. */
  readonly #parts = new Map<number, number>()

  constructor(parts: Parts) {
    this.#p = parts
  }

  start(): void {
    const { faults, calendar, firstTimer } = this.#p
    for (const [i, fault] of faults.entries())
      calendar.set(firstTimer + 2 * i, fault.atHours * hourMs)
  }

  /** @param timer of these faults, from 0 on. */
  run(timer: number): void {
    const index = timer >> 1
    const fault = this.#p.faults[index]!
    if (fault.type === 'die') this.#die(fault)
    else if (fault.type === 'partition') this.#part(fault, index, timer % 2 === 0)
  }

  #living(): number[] {
    const { lives } = this.#p.life
    const nodes: number[] = []
    for (let node = 0; node < lives.length; node++) if (lives[node] === 1) nodes.push(node)
    return nodes
  }

  /** Puts so many of them first, by lot. */
  #shuffle(nodes: number[], count: number): void {
    for (let i = 0; i < count; i++) {
      const j = i + this.#p.dice.below(nodes.length - i)
      const drawn = nodes[j]!
      nodes[j] = nodes[i]!
      nodes[i] = drawn
    }
  }

  #die(fault: Extract<Fault, { type: 'die' }>): void {
    const { life, foes, storage, calendar, tally, note } = this.#p
    const { nowMs } = calendar
    const nodes = this.#living()
    const count = Math.round(fault.share * nodes.length)
    if (fault.which === 'oldest') nodes.sort((a, b) => life.bornMs[a]! - life.bornMs[b]! || a - b)
    else this.#shuffle(nodes, count)
    let expected = 0
    for (let i = 0; i < storage.livingCount; i++) {
      const copies = storage.copiesInAll(storage.living[i]!)
      // Without a copy it was lost before.
      if (copies > 0) expected += allAmong(copies, count, nodes.length)
    }
    const before = storage.lost
    const hostile = nodes.slice(0, count).filter(node => foes.has(node)).length
    for (let i = 0; i < count; i++) life.die(nodes[i]!, nowMs, false)
    const lost = storage.lost - before
    // Each by another of its kind.
    if (fault.replaced) {
      life.bear(count - hostile)
      life.bear(hostile, true)
    }
    tally.deaths.push({ atHours: nowMs / hourMs, died: count, lost, expected })
    note('die', count, lost)
  }

  #part({ share, hours }: Extract<Fault, { type: 'partition' }>, index: number, isBegun: boolean) {
    const { reach, life, storage, calendar, firstTimer, note } = this.#p
    const { nowMs } = calendar
    if (isBegun) {
      const nodes = this.#living()
      const count = Math.round(share * nodes.length)
      this.#shuffle(nodes, count)
      nodes.length = count
      this.#parts.set(index, reach.part(nodes, nowMs))
      calendar.set(firstTimer + 2 * index + 1, nowMs + hours * hourMs)
      note('parted', count)
    } else {
      reach.heal(this.#parts.get(index)!, nowMs)
      note('healed')
    }
    life.parted()
    storage.parted()
  }
}
