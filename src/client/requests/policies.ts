import { toHex } from '../../base/bytes.ts'
import { codeOf, MuttrError } from '../../base/errors.ts'
import type { Clock, Log, Random } from '../../base/ports.ts'
import type { Change, State } from '../../store/state.ts'
import type { Closet } from '../closet.ts'
import type { Journal } from '../devices/journal.ts'
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
  /** Fingerprints that a join link named, by alias. */
  vouched: Readonly<Record<string, string>>
  /** What other devices of the person are told. */
  journal: Pick<Journal, 'note'>
  /** The person said something else about a sender than before: pods are told what becomes of their notices. */
  onChange: () => void
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
    if (!row && isContact) return 'pull'
    // A link's word is half of it: their pod is asked first.
    if (!row) return this.isInvited({ alias, fingerprint }) ? 'ask' : this.#parts.strangers
    // Anybody can write an alias into a slip: to pull for it alone would be to pull for everybody.
    if (row.policy === 'pull' && !isContact && row.fingerprint !== fingerprint) return 'ask'
    return row.policy
  }

  /** A join link introduced this alias and key, and the person said nothing else about them since. */
  isInvited({ alias, fingerprint }: { alias: string; fingerprint: string }): boolean {
    return !this.#rows.has(alias) && this.invited(alias) === fingerprint
  }

  /** The fingerprint that a join link named for an alias. */
  invited(alias: string): string | null {
    const { vouched } = this.#parts
    return Object.hasOwn(vouched, alias) ? vouched[alias]! : null
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
    const { clock, journal } = this.#parts
    const before = this.#rows.get(alias)
    if (!before && this.#rows.size >= policiesMax)
      throw new MuttrError('LIMIT_EXCEEDED', `${policiesMax} senders have a policy of their own`)
    const row = { alias, policy, fingerprint, sinceMs: clock.now() }
    await this.#write(row, closet, journal.note([{ type: 'policy', row: encodePolicy(row) }]))
    return { alias, policy, sinceMs: row.sinceMs }
  }

  /** What the person said on another device, when it is later than what was said here. */
  async mirror(row: PolicyRow, closet: Closet): Promise<void> {
    const before = this.#rows.get(row.alias)
    if (before ? before.sinceMs >= row.sinceMs : this.#rows.size >= policiesMax) return
    await this.#write(row, closet, [])
  }

  async #write(row: PolicyRow, closet: Closet, also: readonly Change[]): Promise<void> {
    const { state, random } = this.#parts
    const place = this.#rows.get(row.alias)?.place ?? toHex(random.bytes(16))
    const value = closet.seal(`policy ${place}`, encodePolicy(row))
    await state.write([{ type: 'put', table, key: place, value }, ...also])
    this.#rows.set(row.alias, { ...row, place })
    this.#parts.onChange()
  }
}
