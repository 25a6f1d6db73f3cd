import { fromHex, toHex } from '../../base/bytes.ts'
import type { Log } from '../../base/ports.ts'
import type { Change, State } from '../../store/state.ts'
import { bytes, literal, mapped, tuple, uint } from '../../wire/cbor.ts'
import type { Table } from '../table.ts'
import { createTable } from '../table.ts'

/** The first entry that is known of a device by one of our keys. */
interface Began {
  /** Of the key, hex. */
  readonly pin: string
  readonly sequence: number
}

/** By which of our keys each device speaks: who has a new key says nothing more by the one before, which others may have. */
export class Signers {
  readonly #rows: Table<Began>

  constructor(state: State, log: Log) {
    this.#rows = createTable({
      ...{ state, log, name: 'sync-signers', maxBytes: 64 },
      field: mapped(
        tuple(literal(1), bytes(32), uint()),
        ([, pin, sequence]): Began => ({ pin: toHex(pin), sequence })
      ),
      write: ({ pin, sequence }) => [1, fromHex(pin, 32)!, sequence]
    })
  }

  /** Whether a device that has this key by now signed an entry by one before. @param pin of the key of now, hex. */
  async hasLeft(device: string, sequence: number, pin: string): Promise<boolean> {
    const began = await this.#rows.get(device)
    return began?.pin === pin && began.sequence < sequence
  }

  /** A device has signed an entry by the key of now. */
  async signed(device: string, sequence: number, pin: string): Promise<Change[]> {
    const began = await this.#rows.get(device)
    if (began?.pin === pin && began.sequence <= sequence) return []
    return [this.#rows.put(device, { pin, sequence })]
  }
}
