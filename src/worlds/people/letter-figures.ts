import type { Figure, Table } from '../../sim/result.ts'
import { quantile } from '../full/figures.ts'
import type { People } from './people.ts'
import type { Posted } from './post.ts'

/** What only grows, as it stood at a row. */
interface Counts {
  sent: number
  delivered: number
  accepted: number
  retries: number
  pushes: number
  playbacks: number
}

const columns = 'atHours sent delivered accepted waiting expired notices retries pushes playbacks'
const units = ['h', ...'letters letters letters letters letters notices attempts'.split(' ')]

/** Counts letters row by row, and sums them up. */
export class LetterFigures {
  readonly #people: People
  readonly #rows: (number | string)[][] = []
  #last: Counts

  constructor(people: People) {
    this.#people = people
    this.#last = this.#counts()
  }

  #counts(): Counts {
    const { letters, retries, pushes, playbacks } = this.#people.post
    const count = (of: 'deliveredMs' | 'acceptedMs') =>
      letters.filter(letter => letter[of] !== undefined).length
    const [delivered, accepted] = [count('deliveredMs'), count('acceptedMs')]
    return { sent: letters.length, delivered, accepted, retries, pushes, playbacks }
  }

  /** Counts since the row before; what waits and has expired as it is. */
  row(atHours: number): (number | string)[] {
    const { post, pods } = this.#people
    const [last, now] = [this.#last, this.#counts()]
    const since = (of: keyof Counts) => now[of] - last[of]
    const row = [
      ...[atHours, since('sent'), since('delivered'), since('accepted')],
      ...[post.waiting.length, this.#expired(), pods.notices],
      ...[since('retries'), since('pushes'), since('playbacks')]
    ]
    this.#rows.push(row)
    this.#last = now
    return row
  }

  #expired(): number {
    const { letters } = this.#people.post
    return letters.filter(
      ({ deliveredMs, back, expired }) => expired && deliveredMs === undefined && !back
    ).length
  }

  /** `letters` over time; `delays`: a row for each letter that was read. */
  tables(): Record<string, Table> {
    const read = this.#people.post.letters.filter(({ deliveredMs }) => deliveredMs !== undefined)
    return {
      letters: {
        columns: columns.split(' '),
        units: [...units, 'notices', 'notices'],
        rows: this.#rows
      },
      delays: {
        columns: ['n', 'from', 'to', 'sentHours', 'ms'],
        units: ['', 'person', 'person', 'h', 'ms'],
        rows: read.map(({ plan, sentMs, deliveredMs }) => [
          ...[plan.n, plan.from, plan.to, this.#people.hoursAt(sentMs), deliveredMs! - sentMs]
        ])
      }
    }
  }

  figures(): Record<string, Figure> {
    const { post, pods, crypto } = this.#people
    const { letters } = post
    const { sent, delivered, accepted } = this.#counts()
    const delays = letters.flatMap(({ sentMs, deliveredMs }) =>
      deliveredMs === undefined ? [] : deliveredMs - sentMs
    )
    const figures: Record<string, Figure> = {}
    const add = (name: string, unit: string, value: number | undefined) => {
      if (value !== undefined && Number.isFinite(value)) figures[name] = { value, unit }
    }
    add('letters sent', 'letters', sent)
    add('letters delivered', 'share', delivered / sent)
    add('letters accepted', 'share', accepted / sent)
    add('letters waiting', 'letters', post.waiting.length)
    add('letters expired', 'letters', this.#expired())
    add('letters called back', 'letters', letters.filter(({ back }) => back).length)
    add('letters called back and read', 'letters', post.readThoughBack)
    add('letter ms p50', 'ms', quantile(delays, 0.5))
    add('letter ms p95', 'ms', quantile(delays, 0.95))
    add('letter ms max', 'ms', quantile(delays, 1))
    this.#addCatchUp(letters, add)
    add('notices kept', 'notices', pods.notices)
    add('outbox retries', 'attempts', post.retries)
    add('pushes', 'notices', post.pushes)
    add('playbacks', 'notices', post.playbacks)
    add('addresses taken', 'addresses', post.addresses)
    add('crypto CPU ms per letter', 'ms', (crypto.costMs - this.#people.cryptoMsAtStart) / sent)
    return figures
  }

  /** Of letters that were written while the pod of their reader was down: how long after its return they were read. */
  #addCatchUp(
    letters: readonly Posted[],
    add: (name: string, unit: string, value: number | undefined) => void
  ): void {
    const { pods } = this.#people
    const held = letters.flatMap(({ plan, sentMs, deliveredMs }) => {
      const downs = pods.all[plan.to % pods.all.length]!.downs
      const during = downs.find(({ fromMs, toMs }) => fromMs <= sentMs && sentMs < toMs)
      return during ? { ms: deliveredMs === undefined ? undefined : deliveredMs - during.toMs } : []
    })
    if (held.length === 0) return
    add('letters to a pod that was down', 'letters', held.length)
    const ms = held.flatMap(({ ms }) => ms ?? [])
    add('letters to a pod that was down, delivered', 'share', ms.length / held.length)
    for (const [name, share] of [
      ['p50', 0.5],
      ['p95', 0.95],
      ['max', 1]
    ] as const)
      add(`catch-up ms ${name}`, 'ms', quantile(ms, share))
  }
}
