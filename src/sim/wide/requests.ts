import type { Table } from '../result.ts'

/** What is asked of others, and why: methods of the wire, pings by reason as `asked()` of a seed has them, lookups by what they are for. */
const kinds = [
  'find-node, asked for',
  'find-node, join',
  'find-node, repair',
  'find-node, refresh',
  'find-node, measure',
  'ping, candidate',
  'ping, failed',
  'ping, lost',
  'ping, silent',
  'ping, cut-off',
  'ping, witness',
  'get',
  'put',
  'have'
] as const

export type Kind = (typeof kinds)[number]

/** By kind, where it stands in a count. */
export const kind = Object.fromEntries(kinds.map((name, i) => [name, i])) as Record<Kind, number>

/**
 * Counts requests by kind. A request is one that there is a connection for, as at the other scales; what nobody could be dialled for
 * is counted as an errand alone.
 */
export class Requests {
  /** Of them, those that hostile nodes sent. */
  hostile = 0
  readonly #counts = new Float64Array(kinds.length)
  /** Of these, where nobody could be dialled. */
  readonly #vain = new Float64Array(kinds.length)

  /** @param what of {@link kind}. @param count of errands. @param vain of these, where nobody could be dialled. */
  add(what: number, count: number, vain = 0): void {
    this.#counts[what]! += count
    this.#vain[what]! += vain
  }

  get all(): number {
    let sum = 0
    for (let i = 0; i < kinds.length; i++) sum += this.#counts[i]! - this.#vain[i]!
    return sum
  }

  clear(): void {
    this.#counts.fill(0)
    this.#vain.fill(0)
    this.hostile = 0
  }

  /** As the scale full says them, by method, and what each was for. */
  tables(): { traffic: Table; errands: Table } {
    const byMethod = new Map<string, number>()
    const errands: (string | number)[][] = []
    for (const [i, name] of kinds.entries()) {
      const count = this.#counts[i]!
      const [method = name] = name.split(',')
      byMethod.set(method, (byMethod.get(method) ?? 0) + count - this.#vain[i]!)
      if (name !== method) errands.push([name, Math.round(count)])
    }
    const traffic = [...byMethod].map(([method, count]) => [method, Math.round(count)])
    const units = ['', 'requests']
    return {
      traffic: { columns: ['method', 'requests'], units, rows: traffic },
      errands: { columns: ['errand', 'requests'], units, rows: errands }
    }
  }
}
