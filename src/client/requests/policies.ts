import { toHex } from '../../base/bytes.ts'
import { codeOf, MuttrError } from '../../base/errors.ts'
import type { Clock, Log, Random } from '../../base/ports.ts'
import type { State } from '../../store/state.ts'
import type { Closet } from '../closet.ts'
import type { ChosenPolicy, Policy } from './request.ts'
import type { PolicyRow } from './rows.ts'
import { decodePolicy, encodePolicy } from './rows.ts'

export interface PoliciesParts {
  state: State
  clock: Clock
  random: Random
  log: Log
  /** For everybody who is no contact and whom the person said nothing about. */
  strangers: Policy
}

const table = 'policies'
/** Each stands for an answer that a person gave. */
const policiesMax = 10_000

/** What the person said about senders, by alias. Kept sealed, under names that say nothing; in memory while the vault is open. */
export class Policies {
  readonly #parts: PoliciesParts
  readonly #rows = new Map<string, PolicyRow & { place: string }>()
  #loaded = false

  constructor(parts: PoliciesParts) {
    this.#parts = parts
  }

  async load(closet: Closet): Promise<void> {
    const { state, log } = this.#parts
    this.#rows.clear()
    for (const { key: place, value } of await state.list(table))
      try {
        const row = decodePolicy(closet.open(`policy ${place}`, value))
        this.#rows.set(row.alias, { ...row, place })
      } catch (err) {
        log.warn('a policy is damaged', { code: codeOf(err) })
      }
    this.#loaded = true
  }

  chosen(alias: string): PolicyRow | undefined {
    return this.#rows.get(alias)
  }

  /** As people see it: what was chosen, else what holds for contacts. Null while that is locked. */
  ofContact(alias: string): Policy | null {
    return this.#loaded ? (this.#rows.get(alias)?.policy ?? 'pull') : null
  }

  /** What to do with a letter that says it is from this alias and key. */
  of(
    { alias, fingerprint }: Pick<PolicyRow, 'alias'> & { fingerprint: string },
    isContact: boolean
  ): Policy {
    const row = this.#rows.get(alias)
    if (!row) return isContact ? 'pull' : this.#parts.strangers
    // Anybody can write an alias into a slip: to pull for it alone would be to pull for everybody.
    if (row.policy === 'pull' && !isContact && row.fingerprint !== fingerprint) return 'ask'
    return row.policy
  }

  list(): ChosenPolicy[] {
    return [...this.#rows.values()]
      .map(({ alias, policy, sinceMs }) => ({ alias, policy, sinceMs }))
      .sort((a, b) => b.sinceMs - a.sinceMs)
  }

  /** @throws {MuttrError} `LIMIT_EXCEEDED` */
  async choose(
    { alias, policy, fingerprint }: Omit<PolicyRow, 'sinceMs'>,
    closet: Closet
  ): Promise<ChosenPolicy> {
    const { state, clock, random } = this.#parts
    const before = this.#rows.get(alias)
    if (!before && this.#rows.size >= policiesMax)
      throw new MuttrError('LIMIT_EXCEEDED', `${policiesMax} senders have a policy of their own`)
    const place = before?.place ?? toHex(random.bytes(16))
    const row = { alias, policy, fingerprint, sinceMs: clock.now() }
    const value = closet.seal(`policy ${place}`, encodePolicy(row))
    await state.write([{ type: 'put', table, key: place, value }])
    this.#rows.set(alias, { ...row, place })
    return { alias, policy, sinceMs: row.sinceMs }
  }
}
