import { toHex } from '../../base/bytes.ts'
import type { Log, Millis } from '../../base/ports.ts'
import type { State } from '../../store/state.ts'
import { bytes, literal, mapped, nullable, tuple, uint } from '../../wire/cbor.ts'
import type { Closet } from '../closet.ts'
import type { SealedTable } from '../mailbox/sealed-table.ts'
import { createSealedTable } from '../mailbox/sealed-table.ts'
import type { TrialState } from './poll-pace.ts'
import { Trial } from './poll-pace.ts'

/** When an address was last made or renewed, and until when that was to be; 0 as long as the pod has not said. */
export interface Keeping {
  readonly atMs: Millis
  readonly untilMs: Millis
}

interface Mark {
  readonly address: Uint8Array
  readonly kept: Keeping | null
  readonly trial: Trial
}

interface Parts {
  state: State
  log: Log
  closet: () => Closet
}

const row = mapped(
  tuple(
    literal(1),
    bytes(32),
    nullable(tuple(uint(), uint())),
    nullable(tuple(uint(), nullable(uint())))
  ),
  ([, address, kept, failing]): Mark => ({
    address,
    kept: kept && { atMs: kept[0], untilMs: kept[1] },
    trial: new Trial(failing && { failedMs: failing[0], atMs: failing[1] })
  })
)
const written = (state: TrialState | null): unknown =>
  state && [Math.floor(state.failedMs), state.atMs && Math.floor(state.atMs)]
const write = ({ address, kept, trial }: Mark): unknown[] => [
  ...[1, address, kept && [Math.floor(kept.atMs), Math.floor(kept.untilMs)]],
  written(trial.state)
]

/**
 * What is remembered of addresses of keys over a restart: for how long their pods have failed, and when each was paid for. Without it who runs no daemon
 * would never leave a pod, and a pod would be paid at each start. Sealed on the disk; in memory while the vault is open.
 */
export class PollMarks {
  readonly #parts: Parts
  readonly #rows: SealedTable<Mark>
  readonly #all = new Map<string, Mark>()

  constructor(parts: Parts) {
    this.#parts = parts
    const { state, log } = parts
    this.#rows = createSealedTable({ state, log, name: 'polls', field: row, write, maxBytes: 256 })
  }

  /** @throws {MuttrError} `VAULT_LOCKED` */
  async load(): Promise<void> {
    const { rows } = await this.#rows.page(this.#parts.closet(), {})
    this.#all.clear()
    for (const { value } of rows) this.#all.set(toHex(value.address), value)
  }

  locked(): void {
    this.#all.clear()
  }

  trial(address: Uint8Array): Trial {
    return this.#of(address).trial
  }

  kept(address: Uint8Array): Keeping | null {
    return this.#of(address).kept
  }

  /** On the disk when it resolves: what is paid for is paid for once, whenever this process ends. @throws {MuttrError} `VAULT_LOCKED`, … */
  async keep(address: Uint8Array, kept: Keeping): Promise<void> {
    this.#all.set(toHex(address), { ...this.#of(address), kept })
    await this.save(address)
  }

  /** Writes down how its pod does. @throws {MuttrError} as {@link keep} */
  async save(address: Uint8Array): Promise<void> {
    const { state, closet: open } = this.#parts
    const closet = open()
    const mark = this.#of(address)
    await state.write([this.#rows.put(keyOf(address, closet), mark, closet)])
  }

  /** Forgets all but these. @throws {MuttrError} as {@link keep} */
  async only(addresses: ReadonlySet<string>): Promise<void> {
    const gone = [...this.#all].filter(([id]) => !addresses.has(id))
    for (const [, { address }] of gone) await this.drop(address)
  }

  /** @throws {MuttrError} as {@link keep} */
  async drop(address: Uint8Array): Promise<void> {
    this.#all.delete(toHex(address))
    const { state, closet } = this.#parts
    await state.write([this.#rows.drop(keyOf(address, closet()))])
  }

  #of(address: Uint8Array): Mark {
    const id = toHex(address)
    const mark = this.#all.get(id) ?? { address, kept: null, trial: new Trial(null) }
    this.#all.set(id, mark)
    return mark
  }
}

const keyOf = (address: Uint8Array, closet: Closet): string => closet.tag(`poll ${toHex(address)}`)
