import { limits } from '../../base/limits.ts'
import type { Millis } from '../../base/ports.ts'
import type { Draft } from '../../client/client.ts'
import type { Dice } from '../../sim/dice.ts'
import { draw } from '../../sim/distributions.ts'
import type { Scenario } from '../../sim/scenario.ts'
import type { World } from '../../sim/world.ts'
import { atRandom } from '../full/arrivals.ts'

type Letters = NonNullable<Scenario['people']>['letters']

const hourMs: Millis = 3_600_000
const retractMeanMs: Millis = hourMs

/** A letter that somebody is going to write. */
export interface Plan {
  /** From 1; its subject. */
  readonly n: number
  readonly from: number
  readonly to: number
  readonly sizeBytes: number
  readonly lifeMs: Millis
  /** How long after it is sent its writer wants it back; null: never. */
  readonly retractMs: Millis | null
}

/** The n-th letter's text: no two are the same. */
export const textOf = ({ n, sizeBytes }: Pick<Plan, 'n' | 'sizeBytes'>): string => {
  const words = `${n} `
  return words.repeat(Math.ceil(sizeBytes / words.length)).slice(0, sizeBytes)
}

export const draftOf = (plan: Plan, to: string): Draft => ({
  to,
  subject: `${plan.n}`,
  body: textOf(plan),
  lifeMs: plan.lifeMs
})

/** Who writes to whom, when, how much: a Poisson process of all people together. */
export function planLetters(
  world: World,
  count: number,
  letters: Letters,
  write: (plan: Plan) => void
): void {
  const dice = world.dice('letters')
  const reader = readers(count, letters.to, world.dice('friends'))
  let n = 0
  atRandom(world, (count * letters.perDay) / 24, 'letters at', () => {
    const from = dice.below(count)
    const sizeBytes = Math.round(draw(letters.sizeBytes, dice))
    const lifeMs = draw(letters.lifeHours, dice) * hourMs
    const isRetracted = dice.next() < letters.retractShare
    write({
      n: ++n,
      from,
      to: reader(from, dice),
      sizeBytes: Math.min(limits.letterBodyBytesMax, Math.max(1, sizeBytes)),
      lifeMs: Math.min(limits.blobLifeMsMax, Math.max(1, lifeMs)),
      retractMs: isRetracted ? draw({ type: 'exponential', mean: retractMeanMs }, dice) : null
    })
  })
}

/** @returns whom somebody writes to; never themselves. */
function readers(
  count: number,
  to: Letters['to'],
  friendDice: Dice
): (from: number, dice: Dice) => number {
  const other = (from: number, drawn: number) => (drawn >= from ? drawn + 1 : drawn)
  switch (to.type) {
    case 'uniform':
      return (from, dice) => other(from, dice.below(count - 1))
    case 'friends': {
      const circle = shuffled(count, friendDice)
      const at = new Map(circle.map((person, i) => [person, i]))
      // As many on the one side as on the other: 1, -1, 2, -2, …
      const step = (i: number) => (i % 2 === 0 ? i / 2 + 1 : count - (i + 1) / 2)
      return (from, dice) => circle[(at.get(from)! + step(dice.below(to.count))) % count]!
    }
    case 'zipf': {
      const sums: number[] = []
      let sum = 0
      for (let i = 1; i <= count; i++) sums.push((sum += i ** -to.exponent))
      const drawn = (dice: Dice) => {
        const x = dice.next() * sum
        return sums.findIndex(upTo => x < upTo)
      }
      return (from, dice) => {
        let reader = drawn(dice)
        while (reader === from) reader = drawn(dice)
        return reader
      }
    }
  }
}

function shuffled(count: number, dice: Dice): number[] {
  const all = Array.from({ length: count }, (_, i) => i)
  for (let i = count - 1; i > 0; i--) {
    const j = dice.below(i + 1)
    ;[all[i], all[j]] = [all[j]!, all[i]!]
  }
  return all
}
