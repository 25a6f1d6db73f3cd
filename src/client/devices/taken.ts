import type { Log } from '../../base/ports.ts'
import type { State } from '../../store/state.ts'
import { array, literal, mapped, tuple, uint } from '../../wire/cbor.ts'
import type { Taken } from '../../wire/sync.ts'
import { beyondMax } from '../../wire/sync.ts'
import type { Table } from '../table.ts'
import { createTable } from '../table.ts'

/** Which of a log's entries somebody has. */
export type Had = Pick<Taken, 'through' | 'beyond'>

export const nothingHad: Had = { through: 0, beyond: [] }

export const has = ({ through, beyond }: Had, sequence: number): boolean =>
  sequence <= through || beyond.includes(sequence)

/** @returns undefined when there is no room for one that is so far ahead. */
export function withOne(had: Had, sequence: number): Had | undefined {
  if (has(had, sequence)) return had
  return joined(had, { through: 0, beyond: [sequence] })
}

/** What either says. @returns undefined as {@link withOne} */
export function joined(a: Had, b: Had): Had | undefined {
  let through = Math.max(a.through, b.through)
  const ahead = [...new Set([...a.beyond, ...b.beyond])].sort((x, y) => x - y)
  const beyond: number[] = []
  for (const one of ahead) {
    if (one === through + 1) through = one
    else if (one > through) beyond.push(one)
  }
  return beyond.length > beyondMax ? undefined : { through, beyond }
}

/** By the device's key, hex. */
export const hadTable = (state: State, log: Log, name: string): Table<Had> =>
  createTable({
    ...{ state, log, name, maxBytes: 4_096 },
    field: mapped(
      tuple(literal(1), uint(), array(uint(), beyondMax)),
      ([, through, beyond]): Had => ({ through, beyond })
    ),
    write: ({ through, beyond }) => [1, through, [...beyond]]
  })
