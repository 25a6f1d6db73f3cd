import { MuttrError } from '../../base/errors.ts'

/** So many things at a time: of one, and of all together. */
export interface Turns {
  /** @throws {MuttrError} `LIMIT_EXCEEDED` at once, when there is no turn. */
  run<T>(of: string, work: () => Promise<T>): Promise<T>
}

export function createTurns(
  what: string,
  { eachMax, max }: { eachMax: number; max: number }
): Turns {
  const each = new Map<string, number>()
  let all = 0
  return {
    async run(of, work) {
      const before = each.get(of) ?? 0
      if (before >= eachMax || all >= max)
        throw new MuttrError('LIMIT_EXCEEDED', `too many ${what} at a time`)
      each.set(of, before + 1)
      all += 1
      try {
        return await work()
      } finally {
        all -= 1
        const left = each.get(of)! - 1
        if (left === 0) each.delete(of)
        else each.set(of, left)
      }
    }
  }
}
