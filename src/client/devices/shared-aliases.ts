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
}

/** Own aliases that this device has still to register for itself. */
const table = 'sync-aliases'

/** Aliases that another device of the person registered: each is registered here too, as soon as its pod can be asked. */
export class SharedAliases {
  readonly #parts: SharedAliasesParts

  constructor(parts: SharedAliasesParts) {
    this.#parts = parts
  }

  plan(alias: string): Change {
    return putRow(table, alias, new Uint8Array())
  }

  async look(): Promise<void> {
    const { state, self, register, log } = this.#parts
    for (const { key: alias } of await state.list(table))
      try {
        if (!self.registrations().some(one => one.alias === alias)) await register(alias)
        await state.write([dropRow(table, alias)])
      } catch (err) {
        log.info('an alias of another device is not registered yet', { code: codeOf(err) })
      }
  }
}
