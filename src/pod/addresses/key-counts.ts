import type { Change, State } from '../../store/state.ts'
import { literal, tuple, uint } from '../../wire/cbor.ts'
import { row, tables, under } from '../rows.ts'
import { rowsOf } from '../scan.ts'

interface Count {
  readonly count: number
  /** How often it has changed. */
  readonly turn: number
}

const countRow = row(
  'a count of addresses',
  tuple(literal(1), uint(), uint()),
  ([, count, turn]): Count => ({ count, turn }),
  ({ count, turn }) => [1, count, turn]
)

/** No hostname: of all together. */
const all = '*'
/** Who read a count more changes ago than this may write it once more: the count is wrong then until it is counted anew. */
const turnsKept = 16
const turnKey = (name: string, turn: number): string => `${name}/${String(turn).padStart(16, '0')}`
const turnOf = (key: string): number => Number(key.slice(key.lastIndexOf('/') + 1))

/**
 * How many addresses of keys there are, of each pod whose tokens paid and of all: in the state, so that it holds for all processes of the pod. Each change
 * is written with what it counts and inserts its turn, so that of two that read the same count one is refused, and reads again.
 */
export interface KeyCounts {
  /** What counts one more of a pod's; undefined where there are as many as there may be. */
  more(issuer: string): Promise<readonly Change[] | undefined>
  /** What counts as many as before, and is refused where that is not so any more. */
  same(issuer: string): Promise<readonly Change[]>
  /** What counts one less. */
  less(issuer: string): Promise<readonly Change[]>
  /** Sets right what programs that know nothing of counts have changed. @param found counts what there is; by issuer */
  recount(found: () => Promise<ReadonlyMap<string, number>>): Promise<void>
}

interface Parts {
  state: State
  /** Of one pod; of all. */
  max: { of: number; all: number }
}

const attemptsMax = 4

export function createKeyCounts({ state, max }: Parts): KeyCounts {
  /** Its turn first: a count that is another by then is refused. What was written late stands behind the turns that there were. */
  async function read(name: string): Promise<Count> {
    const [last] = await state.list(tables.keyTurns, { ...under(name), reverse: true, limit: 1 })
    const kept = await state.get(tables.keyCounts, name)
    const { count, turn } = kept ? countRow.decode(kept) : { count: 0, turn: 0 }
    return { count, turn: Math.max(turn, last ? turnOf(last.key) : 0) }
  }
  function written(name: string, count: number, turn: number): Change[] {
    const value = countRow.encode({ count, turn })
    const at = { table: tables.keyTurns, key: turnKey(name, turn) }
    const old = turnKey(name, Math.max(0, turn - turnsKept))
    return [
      { type: 'insert', ...at, value: new Uint8Array() },
      { type: 'put', table: tables.keyCounts, key: name, value },
      { type: 'delete', table: tables.keyTurns, key: old }
    ]
  }
  const step = (name: string, { count, turn }: Count, by: number): Change[] =>
    written(name, Math.max(0, count + by), turn + 1)

  async function known(): Promise<Map<string, Count>> {
    const found = new Map<string, Count>()
    for await (const { key } of rowsOf(state, tables.keyCounts)) found.set(key, await read(key))
    return found
  }
  /** A pod of which there is none any more. */
  async function forgotten(name: string, turn: number): Promise<Change[]> {
    const turns = await state.list(tables.keyTurns, under(name))
    const last = turnKey(name, turn + 1)
    return [
      { type: 'insert', table: tables.keyTurns, key: last, value: new Uint8Array() },
      { type: 'delete', table: tables.keyCounts, key: name },
      ...[last, ...turns.map(({ key }) => key)].map(
        (key): Change => ({ type: 'delete', table: tables.keyTurns, key })
      )
    ]
  }
  /** @returns whether nobody changed anything meanwhile */
  async function setRight(found: () => Promise<ReadonlyMap<string, number>>): Promise<boolean> {
    const before = await known()
    const counted = new Map(await found())
    counted.set(
      all,
      [...counted.values()].reduce((sum, count) => sum + count, 0)
    )
    let isRight = true
    for (const name of new Set([...before.keys(), ...counted.keys()])) {
      const { count, turn } = before.get(name) ?? { count: 0, turn: 0 }
      const real = counted.get(name) ?? 0
      if (count === real && (real > 0 || !before.has(name))) continue
      const isOver = real === 0 && count === 0
      const changes = isOver ? await forgotten(name, turn) : written(name, real, turn + 1)
      if (!(await state.write(changes)).ok) isRight = false
    }
    return isRight
  }

  return {
    async more(issuer) {
      const [of, total] = [await read(issuer), await read(all)]
      if (of.count >= max.of || total.count >= max.all) return undefined
      return [...step(issuer, of, 1), ...step(all, total, 1)]
    },
    same: async issuer => step(issuer, await read(issuer), 0),
    async less(issuer) {
      const [of, total] = [await read(issuer), await read(all)]
      return [...step(issuer, of, -1), ...step(all, total, -1)]
    },
    async recount(found) {
      for (let i = 0; i < attemptsMax; i++) if (await setRight(found)) return
    }
  }
}
