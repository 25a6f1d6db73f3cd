import { equalBytes } from '../../base/bytes.ts'
import type { Change, State } from '../../store/state.ts'
import { emptyBox } from '../boxes.ts'
import type { Quotas } from '../office/quotas.ts'
import { boxRow, tables } from '../rows.ts'

const slots = 1_024

/** For an address that nobody has, or where nothing is taken: reads and writes as much as for others, into a ring that does not grow. */
export async function pretend(
  { state, quotas }: { state: State; quotas: Quotas },
  incoming: readonly { entry: Uint8Array; mark: Uint8Array }[]
): Promise<void> {
  await state.get(tables.boxes, 'nobody')
  await quotas.of('nobody')
  const changes: Change[] = []
  for (const { entry, mark } of incoming) {
    const slot = String((mark[0]! * 256 + mark[1]!) % slots)
    const last = await state.get(tables.nobody, `seen/${slot}`)
    if (last && equalBytes(last, mark)) continue
    await state.get(tables.addresses, 'nobody')
    changes.push(
      { type: 'put', table: tables.nobody, key: `seen/${slot}`, value: mark },
      { type: 'put', table: tables.nobody, key: `mail/${slot}`, value: entry }
    )
  }
  if (changes.length > 0)
    await state.write([
      ...changes,
      { type: 'put', table: tables.nobody, key: 'box', value: boxRow.encode(emptyBox) }
    ])
}
