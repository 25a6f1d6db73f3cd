import { MuttrError } from '../../base/errors.ts'
import type { Emit } from '../../base/events.ts'
import { limits } from '../../base/limits.ts'
import type { Clock, Log, Millis } from '../../base/ports.ts'
import type { Change, State } from '../../store/state.ts'
import { bool, bytes, literal, mapped, text, tuple, uint } from '../../wire/cbor.ts'
import type { SplitView } from '../../wire/split-view.ts'
import { encodeSplitView } from '../../wire/split-view.ts'
import type { Closet } from '../closet.ts'
import { createSealedTable, type SealedTable } from '../mailbox/sealed-table.ts'
import type { Self } from '../self.ts'
import type { ShownAnswer } from './shown-answer.ts'

/** That a pod was caught saying different things about an alias. */
export interface Caught {
  readonly alias: string
  /** The fingerprint that was certified later. */
  readonly shown: string
  /** The one that was certified before it. */
  readonly former: string
  readonly sinceMs: Millis
  readonly lastMs: Millis
  /** The person has taken note; the proof stays. */
  readonly answered: boolean
}

interface CaughtRow extends Caught {
  /** A {@link SplitView}, encoded. */
  readonly file: Uint8Array
}

/** Proofs take up to 200 KiB each. A pod that lies about more people than that is proven to lie. */
const proofsMax = 64

const row = mapped(
  tuple(
    literal(1),
    text(limits.fullAliasCharsMax, 3),
    text(64, 1),
    text(64, 1),
    uint(),
    uint(),
    bool,
    bytes(1, limits.splitViewBytesMax)
  ),
  ([, alias, shown, former, sinceMs, lastMs, answered, file]): CaughtRow => ({
    ...{ alias, shown, former, sinceMs, lastMs, answered, file }
  })
)

/** Proofs that pods said different things about one alias; the person's own, and contacts'. Sealed: it says whom they know. */
export class SplitViews {
  readonly #parts: {
    self: Pick<Self, 'openCloset' | 'closet'>
    state: State
    clock: Clock
    emit: Emit
  }
  readonly #rows: SealedTable<CaughtRow>

  constructor(parts: {
    self: Pick<Self, 'openCloset' | 'closet'>
    state: State
    clock: Clock
    log: Log
    emit: Emit
  }) {
    this.#parts = parts
    this.#rows = createSealedTable({
      ...{ state: parts.state, log: parts.log, name: 'split-views', field: row },
      maxBytes: limits.splitViewBytesMax + 1_024,
      write: r => [1, r.alias, r.shown, r.former, r.sinceMs, r.lastMs, r.answered, r.file]
    })
  }

  /**
   * Of a proof: what is written to keep it, together with what it was made of, so that neither is lost without the other; and what rings once
   * that stands, when it is of other keys than the one that is there. Undefined: nothing is to be written. The vault is open.
   */
  async caught(
    split: SplitView,
    { former, later, isFresh }: { former: ShownAnswer; later: ShownAnswer; isFresh: boolean }
  ): Promise<{ changes: Change[]; ring: () => void } | undefined> {
    const { clock, emit, self } = this.#parts
    const closet = self.openCloset
    if (!closet) return undefined
    const { alias, fingerprint: shown } = later
    const key = keyOf(alias, closet)
    const before = await this.#rows.get(key, closet)
    const isKnown = before?.shown === shown && before.former === former.fingerprint
    if (isKnown && !isFresh) return undefined
    const room = before ? [] : await this.#room(closet)
    if (!room) return undefined
    const lastMs = clock.now()
    const kept = isKnown
      ? { ...before, lastMs }
      : { sinceMs: lastMs, lastMs, answered: false, file: encodeSplitView(split) }
    const value = { ...kept, alias, shown, former: former.fingerprint }
    return {
      changes: [...room, this.#rows.put(key, value, closet)],
      ring: () => isKnown || emit({ type: 'alarm', alias, what: 'equivocated', shown })
    }
  }

  /** What was caught, without the proofs; nothing while the vault is locked. */
  async list(): Promise<Caught[]> {
    const closet = this.#parts.self.openCloset
    return closet ? (await this.#all(closet)).map(({ value: { file: _, ...said } }) => said) : []
  }

  /** @returns what waited for the person's answer about this alias. */
  async answer(alias: string): Promise<Caught[]> {
    const closet = this.#parts.self.openCloset
    const key = closet && keyOf(alias, closet)
    const found = key && (await this.#rows.get(key, closet))
    if (!found || found.answered) return []
    await this.#parts.state.write([this.#rows.put(key, { ...found, answered: true }, closet)])
    return [found]
  }

  /** The file that anybody can check, also after it was answered. @throws {MuttrError} `PROOF_UNKNOWN`, `VAULT_LOCKED` */
  async proof(alias: string): Promise<Uint8Array> {
    const closet = this.#parts.self.closet()
    const found = await this.#rows.get(keyOf(alias, closet), closet)
    if (!found) throw new MuttrError('PROOF_UNKNOWN', `nothing is proven about ${alias}`)
    return found.file
  }

  /** @returns what makes room for one more; undefined where all that are there wait for an answer. */
  async #room(closet: Closet) {
    const all = await this.#all(closet)
    if (all.length < proofsMax) return []
    const [oldest] = all
      .filter(({ value }) => value.answered)
      .sort((a, b) => a.value.lastMs - b.value.lastMs)
    return oldest && [this.#rows.drop(oldest.key)]
  }

  async #all(closet: Closet): Promise<{ key: string; value: CaughtRow }[]> {
    return (await this.#rows.page(closet, { limit: proofsMax })).rows
  }
}

const keyOf = (alias: string, closet: Closet): string => closet.tag(`split view ${alias}`)
