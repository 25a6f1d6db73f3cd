import { codeOf } from '../../base/errors.ts'
import type { Log } from '../../base/ports.ts'
import type { Change, State } from '../../store/state.ts'
import type { Self } from '../self.ts'
import { dropRow, putRow } from '../table.ts'

interface SharedAliasesParts {
  state: State
  self: Pick<Self, 'registrations'>
  log: Log
  /** Has an alias's pod certify the certificate as it is here. */
  register(alias: string): Promise<unknown>
  /** Leaves an alias for another that is registered. */
  leave(move: Uint8Array): Promise<unknown>
}

/** Own aliases that this device has still to register for itself. */
const table = 'sync-aliases'

const aliasOf = (key: string): string => key.split(' ')[0]!

/** Aliases that another device of the person registered: each is registered here too, as soon as its pod can be asked. */
export class SharedAliases {
  readonly #parts: SharedAliasesParts

  constructor(parts: SharedAliasesParts) {
    this.#parts = parts
  }

  /** @param move that led there, as we signed it. */
  plan(alias: string, move?: Uint8Array): Change {
    return putRow(table, move ? `${alias} moved` : alias, move ?? new Uint8Array())
  }

  /** Whether another device told of it, which has told all: said again by us, it may come to one that has left it since. */
  async isPlanned(alias: string): Promise<boolean> {
    const rows = await this.#parts.state.list(table)
    return rows.some(({ key }) => aliasOf(key) === alias)
  }

  /** Another device went there. */
  async went(alias: string, move: Uint8Array): Promise<void> {
    await this.#parts.state.write([this.plan(alias, move)])
    await this.look()
  }

  async look(): Promise<void> {
    const { state, self, register, leave, log } = this.#parts
    for (const { key, value: move } of await state.list(table))
      try {
        const alias = aliasOf(key)
        if (!self.registrations().some(one => one.alias === alias)) await register(alias)
        if (move.byteLength > 0) await leave(move)
        await state.write([dropRow(table, key)])
      } catch (err) {
        log.info('an alias of another device is not registered yet', { code: codeOf(err) })
      }
  }
}
