import type { Emit } from '../../base/events.ts'
import { limits } from '../../base/limits.ts'
import type { Clock, Log, Millis } from '../../base/ports.ts'
import type { State } from '../../store/state.ts'
import { bool, literal, mapped, nullable, oneOf, text, tuple, uint } from '../../wire/cbor.ts'
import type { Table } from '../table.ts'
import { createTable } from '../table.ts'
import type { Caught, SplitViews } from './split-views.ts'

const kinds = [
  'key',
  'successor',
  'revoked',
  'old-subkey',
  'foreign-subkey',
  'alias-gone',
  'not-certified',
  'pod-key',
  'mailbox',
  'equivocated'
] as const

/** What a pod publishes that nobody asked for. Source: docs/protocol/keys.md#the-canary, docs/protocol/keys.md#split-views */
export type AlarmKind = (typeof kinds)[number]

/** Something that is not as it should be with what people are shown of us, or of a contact; there until the person answers. */
export interface Alarm {
  /** The own alias that is concerned; of `equivocated` a contact's too. */
  alias: string
  what: AlarmKind
  /** The fingerprint that was shown, where one was. */
  shown: string | null
  detail: string
  hint: string
  /** When it was seen first, and last. */
  sinceMs: Millis
  lastMs: Millis
  /** Whether it was still so at the last look. */
  standing: boolean
}

/** What was seen. */
export interface Sight {
  what: AlarmKind
  shown: string | null
}

interface AlarmRow extends Sight {
  readonly alias: string
  readonly sinceMs: Millis
  readonly lastMs: Millis
  readonly standing: boolean
  /** The person has taken note: told no more, unless something else is shown. */
  readonly answered: boolean
}

const row = mapped(
  tuple(
    literal(1),
    text(limits.fullAliasCharsMax, 3),
    oneOf(...kinds),
    nullable(text(64, 1)),
    uint(),
    uint(),
    bool,
    bool
  ),
  ([, alias, what, shown, sinceMs, lastMs, standing, answered]): AlarmRow => ({
    ...{ alias, what, shown, sinceMs, lastMs, standing, answered }
  })
)

export interface AlarmsParts {
  state: State
  clock: Clock
  log: Log
  emit: Emit
  splits: Pick<SplitViews, 'list' | 'answer'>
}

/** The alarms about own aliases, and those that a pod has proven against itself, on the disk until they are answered. */
export class Alarms {
  readonly #parts: AlarmsParts
  readonly #rows: Table<AlarmRow>

  constructor(parts: AlarmsParts) {
    this.#parts = parts
    this.#rows = createTable({
      ...{ state: parts.state, log: parts.log, name: 'alarms', field: row, maxBytes: 1_024 },
      write: r => [1, r.alias, r.what, r.shown, r.sinceMs, r.lastMs, r.standing, r.answered]
    })
  }

  /** All that a look at an alias saw: rings for what is new, and marks what is over. `about` are the kinds it could have seen. */
  async seen(alias: string, about: readonly AlarmKind[], sights: readonly Sight[]): Promise<void> {
    const { state, clock, emit } = this.#parts
    const nowMs = clock.now()
    const known = (await this.#of(alias)).filter(({ what }) => about.includes(what))
    const changes = known
      .filter(({ what }) => !sights.some(sight => sight.what === what))
      .map(over =>
        over.answered ? this.#rows.drop(keyOf(over)) : this.#put({ ...over, standing: false })
      )
    const fresh: Sight[] = []
    for (const { what, shown } of sights) {
      const before = known.find(one => one.what === what && one.shown === shown)
      const first = { alias, what, shown, sinceMs: nowMs, answered: false }
      changes.push(this.#put({ ...(before ?? first), lastMs: nowMs, standing: true }))
      if (!before?.standing) fresh.push({ what, shown })
    }
    if (changes.length > 0) await state.write(changes)
    for (const { what, shown } of fresh) emit({ type: 'alarm', alias, what, shown })
  }

  /** Those that wait for the person's answer, oldest first. */
  async list(): Promise<Alarm[]> {
    const rows = (await this.#rows.list()).map(({ value }) => value)
    const caught = (await this.#parts.splits.list()).map(rowOf)
    return [...rows, ...caught]
      .filter(({ answered }) => !answered)
      .sort((a, b) => a.sinceMs - b.sinceMs)
      .map(show)
  }

  /** The person has taken note of all about an alias. @returns them */
  async answer(alias: string): Promise<Alarm[]> {
    const open = (await this.#of(alias)).filter(({ answered }) => !answered)
    const changes = open.map(one =>
      one.standing ? this.#put({ ...one, answered: true }) : this.#rows.drop(keyOf(one))
    )
    if (changes.length > 0) await this.#parts.state.write(changes)
    const caught = (await this.#parts.splits.answer(alias)).map(rowOf)
    return [...open, ...caught].map(show)
  }

  async #of(alias: string): Promise<AlarmRow[]> {
    return (await this.#rows.list())
      .map(({ value }) => value)
      .filter(value => value.alias === alias)
  }

  #put = (value: AlarmRow) => this.#rows.put(keyOf(value), value)
}

const keyOf = ({ alias, what }: Pick<AlarmRow, 'alias' | 'what'>): string => `${alias} ${what}`

/** What was signed stays signed: it is never over. */
const rowOf = ({ alias, shown, sinceMs, lastMs, answered }: Caught): AlarmRow => ({
  ...{ alias, what: 'equivocated', shown, sinceMs, lastMs, answered, standing: true }
})

const show = ({ answered: _, ...seen }: AlarmRow): Alarm => ({ ...seen, ...say(seen) })

/** What it means and what to do, for people. */
function say({ alias, what, shown }: Sight & { alias: string }): { detail: string; hint: string } {
  const pod = alias.slice(alias.indexOf('@') + 1)
  const asked = `Ask the operator of ${pod}, and tell your correspondents by another way.`
  switch (what) {
    case 'key':
      return {
        detail: `${pod} shows another key for ${alias}: ${shown}. Who asks for you now writes to somebody else.`,
        hint: asked
      }
    case 'successor':
      return {
        detail: `${pod} shows that your own key named another as its successor: ${shown}. This computer did not do that.`,
        hint: 'If you did it on another computer of yours, restore its newest backup here. Else your key is stolen: `muttr key revoke --reason compromised`, and tell your correspondents.'
      }
    case 'revoked':
      return {
        detail: `${pod} shows your key as revoked, and you did not revoke it: somebody has your key or its revocation certificate.`,
        hint: 'Take it for stolen: tell your correspondents, and make a new identity with `muttr init`.'
      }
    case 'old-subkey':
      return {
        detail: `${pod} shows an older certificate of yours than it took: letters to ${alias} are sealed to an old subkey.`,
        hint: 'Make a new one with `muttr key rotate`. If this comes again, ask the operator of the pod.'
      }
    case 'foreign-subkey':
      return {
        detail: `${pod} shows a subkey of your key that this computer did not make: ${shown}. Letters sealed to it cannot be read here.`,
        hint: 'If it is of an old backup or another computer of yours, `muttr key rotate` makes a new one. Else your key is stolen: `muttr key revoke`.'
      }
    case 'alias-gone':
      return { detail: `${pod} says that nobody has the alias ${alias}.`, hint: asked }
    case 'not-certified':
      return { detail: `What ${pod} shows for ${alias} is not signed as it must be.`, hint: asked }
    case 'pod-key':
      return {
        detail: `At the place of ${pod} another pod answers, with another key.`,
        hint: asked
      }
    case 'mailbox':
      return {
        detail: `A notice to the address that ${pod} shows for ${alias} did not arrive: letters of people who write for the first time may be lost.`,
        hint: asked
      }
    case 'equivocated':
      return {
        detail: `${pod} says different things about ${alias} to different people, and signed both: one of the keys is ${shown}.`,
        hint: `The proof is kept: \`muttr alarms ${alias} --proof --out FILE\` writes it for others to check. Compare keys with who is behind ${alias} by another way before you write there.`
      }
  }
}
