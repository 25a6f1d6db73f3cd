import { toHex } from '../../base/bytes.ts'
import { limits } from '../../base/limits.ts'
import type { Log, Millis } from '../../base/ports.ts'
import type { Change, State } from '../../store/state.ts'
import {
  bool,
  bytes,
  decodeCbor,
  encodeCbor,
  literal,
  mapped,
  nullable,
  text,
  tuple,
  uint
} from '../../wire/cbor.ts'
import type { Closet } from '../closet.ts'
import type { Journal } from '../devices/journal.ts'
import { createSealedTable } from '../mailbox/sealed-table.ts'

/** An address that the person hands out by themselves, for first letters. */
export interface PublishedAddress {
  /** 32 random bytes. */
  readonly address: Uint8Array
  /** The own alias that letters there are for. */
  readonly us: string
  readonly pod: string
  /** Null: as many as come. */
  readonly uses: number | null
  readonly untilMs: Millis | null
  readonly madeMs: Millis
  /** What the person calls it. */
  readonly note: string
  /** Taken back by the person. */
  readonly revoked: boolean
}

interface Parts {
  state: State
  log: Log
  closet: () => Closet
  /** What other devices of the person are told. */
  journal: Pick<Journal, 'note'>
}

const rowBytesMax = 2_048
const noteBytesMax = 256

const row = mapped(
  tuple(
    literal(1),
    bytes(32),
    text(limits.fullAliasCharsMax, 3),
    text(limits.hostnameCharsMax, 1),
    nullable(uint(limits.addressUsesMax, 1)),
    nullable(uint()),
    uint(),
    text(noteBytesMax),
    bool
  ),
  ([, address, us, pod, uses, untilMs, madeMs, note, revoked]): PublishedAddress => ({
    ...{ address, us, pod, uses, untilMs, madeMs, note, revoked }
  })
)
const write = (p: PublishedAddress): unknown[] => [
  ...[1, p.address, p.us, p.pod, p.uses, p.untilMs, p.madeMs, p.note, p.revoked]
]

/** @throws {MuttrError} `SYNC_INVALID` */
export const decodePublished = (frame: Uint8Array): PublishedAddress =>
  decodeCbor(frame, 'an address of another device', row, rowBytesMax, 'SYNC_INVALID')

/** Addresses that the person hands out. Sealed on the disk; in memory while the vault is open. */
export class Published {
  readonly #parts: Parts
  readonly #rows: ReturnType<typeof createSealedTable<PublishedAddress>>
  readonly #all = new Map<string, PublishedAddress>()

  constructor(parts: Parts) {
    this.#parts = parts
    const { state, log } = parts
    this.#rows = createSealedTable({
      ...{ state, log, name: 'published', field: row, write, maxBytes: rowBytesMax }
    })
  }

  /** @throws {MuttrError} `VAULT_LOCKED` */
  async load(): Promise<void> {
    this.#all.clear()
    const { rows } = await this.#rows.page(this.#parts.closet(), {})
    for (const { value } of rows) this.#all.set(toHex(value.address), value)
  }

  locked(): void {
    this.#all.clear()
  }

  /** Those that were not taken back. */
  all(): PublishedAddress[] {
    return [...this.#all.values()].filter(({ revoked }) => !revoked)
  }

  at(address: Uint8Array): PublishedAddress | undefined {
    return this.#all.get(toHex(address))
  }

  /** @throws {MuttrError} `VAULT_LOCKED`, … */
  async put(one: PublishedAddress): Promise<void> {
    const frame = encodeCbor(write(one))
    await this.#save(one, this.#parts.journal.note([{ type: 'published', row: frame }]))
  }

  /** As another device of ours has it. Nothing takes a word back. */
  async mirror(one: PublishedAddress): Promise<void> {
    const before = this.at(one.address)
    await this.#save({ ...one, revoked: one.revoked || before?.revoked === true }, [])
  }

  async #save(one: PublishedAddress, also: readonly Change[]): Promise<void> {
    const { state, closet: open } = this.#parts
    const closet = open()
    const key = closet.tag(`published ${toHex(one.address)}`)
    await state.write([this.#rows.put(key, one, closet), ...also])
    this.#all.set(toHex(one.address), one)
  }
}
