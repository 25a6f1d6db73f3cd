import { toHex } from '../../base/bytes.ts'
import { limits } from '../../base/limits.ts'
import type { Change, State } from '../../store/state.ts'
import type { NoticeBody } from '../../wire/notice.ts'
import { decodeStored } from '../../wire/notice.ts'
import { lessened, putBox, readBox } from '../boxes.ts'
import { mailLog, tables, under } from '../rows.ts'

/** Where a notice lies that is not pushed until somebody asks. */
interface Place {
  /** As `ownerId` says. */
  readonly owner: string
  /** Hex. */
  readonly address: string
  readonly mark: string
}

/** What is to be written to keep it. It counts in its owner's mailbox as any other. */
export const hold = ({ owner, address, mark }: Place, entry: Uint8Array): Change => ({
  type: 'put',
  table: tables.held,
  key: `${owner}/${address}/${mark}`,
  value: entry
})

const pageRows = 200

/** How many wait at an address, as far as that is counted. */
export async function heldAt(state: State, owner: string, address: Uint8Array): Promise<number> {
  const range = under(`${owner}/${toHex(address)}`)
  return (await state.list(tables.held, { ...range, limit: limits.addressWaitingMax })).length
}

/**
 * Hands over what waits at an address, in no order: it stands in the mailbox from then on. In several writes; what is done twice, since
 * two processes are asked at once, is dropped by the reader. @returns how many
 */
export async function handOver(state: State, owner: string, address: string): Promise<number> {
  for (let count = 0; ; ) {
    const range = { ...under(`${owner}/${address}`), limit: pageRows }
    const rows = await state.list(tables.held, range)
    if (rows.length === 0) return count
    const moved = rows.flatMap(({ key, value }): Change[] => [
      { type: 'delete', table: tables.held, key },
      { type: 'append', log: mailLog(owner), entry: value }
    ])
    const { sequences } = await state.write(moved)
    const box = await readBox(state, owner)
    await state.write([putBox(owner, { ...box, head: Math.max(box.head, sequences.at(-1)!) })])
    count += rows.length
  }
}

/**
 * Drops what waits to be asked for: at one address, or at all. @param dead which of it, everything unless told.
 * @returns how many, and their bytes
 */
export async function dropHeld(
  state: State,
  { owner, address }: { owner: string; address?: string },
  dead: (notice: NoticeBody) => boolean = () => true
): Promise<{ count: number; bytes: number }> {
  const sum = { count: 0, bytes: 0 }
  const range = under(address === undefined ? owner : `${owner}/${address}`)
  for (let gt: string | undefined; ; ) {
    const from = gt === undefined ? range : { gt, lt: range.lt }
    const rows = await state.list(tables.held, { ...from, limit: pageRows })
    const over = rows.filter(({ value }) => dead(decodeStored(value)))
    const bytes = over.reduce((all, { value }) => all + value.byteLength, 0)
    if (over.length > 0) {
      const box = lessened(await readBox(state, owner), over.length, bytes)
      const gone = over.flatMap(({ key }): Change[] => [
        { type: 'delete', table: tables.held, key },
        { type: 'delete', table: tables.seen, key: `${owner}/${key.split('/')[2]}` }
      ])
      await state.write([...gone, putBox(owner, box)])
    }
    sum.count += over.length
    sum.bytes += bytes
    if (rows.length < pageRows) return sum
    gt = rows.at(-1)!.key
  }
}
