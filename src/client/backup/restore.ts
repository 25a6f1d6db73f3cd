import type { Log } from '../../base/ports.ts'
import type { Change, State } from '../../store/state.ts'
import { sentTable } from '../sent-rows.ts'
import { waitingSent } from '../sent-store.ts'

/** Rows of one write. */
const batchMax = 500
const batchBytesMax = 4 * 1024 * 1024

type Row = { table: string; key: string; value: Uint8Array }

/** Takes rows of a backup into an empty state, in batches. */
export class RowsBack {
  readonly #state: State
  #batch: Change[] = []
  #bytes = 0

  constructor(state: State) {
    this.#state = state
  }

  /** @throws {MuttrError} `DISK_FULL`, … */
  async add({ table, key, value }: Row): Promise<void> {
    this.#batch.push({ type: 'put', table, key, value })
    this.#bytes += value.byteLength
    if (this.#batch.length >= batchMax || this.#bytes >= batchBytesMax) await this.flush()
  }

  async flush(): Promise<void> {
    await this.#state.write(this.#batch)
    this.#batch = []
    this.#bytes = 0
  }
}

/**
 * The client takes a new subkey at its next look: this state came out of a backup, after which one may have come, or a device was taken off
 * the list.
 */
export const restoredRow = { table: 'self', key: 'restored' } as const

/**
 * What a restored client must not do by itself: letters that had not left yet when the backup was made may have gone out since, or been
 * taken back. They are held until the person says what becomes of them. @returns how many
 */
export async function holdBack(state: State, log: Log): Promise<number> {
  const sent = sentTable(state, log)
  const changes: Change[] = [{ type: 'put', ...restoredRow, value: new Uint8Array() }]
  for (const { value: place } of await state.list(waitingSent)) {
    const key = Buffer.from(place).toString('utf8')
    const row = await sent.get(key)
    if (!row || row.stage === 'stored') continue
    const message = 'it waited when the backup was made, and may have gone out since'
    row.waiting = { code: 'LETTER_HELD', message, retryAtMs: row.expiryMs }
    changes.push(sent.put(key, row))
  }
  await state.write(changes)
  return changes.length - 1
}
