import { equalBytes, toHex } from '../../base/bytes.ts'
import { MuttrError } from '../../base/errors.ts'
import type { Log, Millis } from '../../base/ports.ts'
import type { Change, State } from '../../store/state.ts'
import type { Closet } from '../closet.ts'
import type { Journal } from '../devices/journal.ts'
import type { SealedTable } from '../mailbox/sealed-table.ts'
import type { OwnPlace, Relation } from './relation-rows.ts'
import { encodeRelation, firstRelation, formerMax, relationTable } from './relation-rows.ts'

export interface RelationsParts {
  state: State
  log: Log
  closet: () => Closet
  /** What other devices of the person are told. */
  journal: Pick<Journal, 'note'>
  /** Something of it is another now, here or on another device. */
  onChange: (relation: Relation) => void
}

const relationsMax = 10_000
const pageRows = 256
/** So long letters still come in at an address that another has followed. */
const formerMs: Millis = 7 * 24 * 3_600_000

const nameOf = (us: string, them: string): string => `${us} ${them}`

/** What we have agreed on with each correspondent. Sealed on the disk; in memory while the vault is open. */
export class Relations {
  readonly #parts: RelationsParts
  readonly #rows: SealedTable<Relation>
  readonly #all = new Map<string, Relation>()
  /** By address of ours, hex. */
  readonly #made = new Map<string, { name: string; place: OwnPlace }>()

  constructor(parts: RelationsParts) {
    this.#parts = parts
    this.#rows = relationTable(parts.state, parts.log)
  }

  /** @throws {MuttrError} `VAULT_LOCKED` */
  async load(): Promise<void> {
    const closet = this.#parts.closet()
    this.locked()
    for (let gt: string | undefined; ; ) {
      const range = { limit: pageRows, ...(gt !== undefined && { gt }) }
      const { rows, last } = await this.#rows.page(closet, range)
      for (const { value } of rows) this.#remember(value)
      if (last === undefined) return
      gt = last
    }
  }

  locked(): void {
    this.#all.clear()
    this.#made.clear()
  }

  all(): Iterable<Relation> {
    return this.#all.values()
  }

  of(us: string, them: string): Relation {
    return this.#all.get(nameOf(us, them)) ?? firstRelation(us, them)
  }

  /** Whose letters come to an address of ours. */
  at(address: Uint8Array): { relation: Relation; place: OwnPlace } | undefined {
    const made = this.#made.get(toHex(address))
    return made && { relation: this.#all.get(made.name)!, place: made.place }
  }

  /** Whether it was agreed on with this correspondent. */
  isKnown(us: string, them: string): boolean {
    return this.#all.has(nameOf(us, them))
  }

  /** Known at once, so that two changes follow each other; durable when it resolves. @throws {MuttrError} `VAULT_LOCKED`, `LIMIT_EXCEEDED`, … */
  async change(
    { us, them }: Pick<Relation, 'us' | 'them'>,
    changes: Partial<Relation>
  ): Promise<Relation> {
    const next = { ...this.of(us, them), ...changes }
    return await this.#save(next, [{ type: 'relation', row: encodeRelation(next) }])
  }

  /** An address takes the place of the one that we made before, which is taken for some time yet. */
  async make(relation: Relation, place: OwnPlace): Promise<Relation> {
    const { ours, former } = this.of(relation.us, relation.them)
    const over = ours ? [{ ...ours, untilMs: place.madeMs + formerMs }] : []
    const kept = [...over, ...former].filter(({ untilMs }) => untilMs > place.madeMs)
    return await this.change(relation, {
      ...{ ours: place, former: kept.slice(0, formerMax), toldMs: null, used: false }
    })
  }

  /** As another device of ours has it: of each part the later word counts. */
  async mirror(told: Relation): Promise<void> {
    await this.#save(merged(this.of(told.us, told.them), told), [])
  }

  async #save(relation: Relation, news: Parameters<Journal['note']>[0]): Promise<Relation> {
    const { closet: open, state, journal } = this.#parts
    const closet = open()
    const name = nameOf(relation.us, relation.them)
    if (!this.#all.has(name) && this.#all.size >= relationsMax)
      throw new MuttrError('LIMIT_EXCEEDED', `${relationsMax} correspondents have addresses`)
    const before = this.#all.get(name)
    this.#remember(relation)
    const put: Change = this.#rows.put(closet.tag(`relation ${name}`), relation, closet)
    try {
      await state.write([put, ...journal.note(news)])
      this.#parts.onChange(relation)
    } catch (err) {
      if (before) this.#remember(before)
      throw err
    }
    return relation
  }

  #remember(relation: Relation): void {
    const name = nameOf(relation.us, relation.them)
    this.#all.set(name, relation)
    for (const place of placesOf(relation)) this.#made.set(toHex(place.address), { name, place })
  }
}

/** All addresses of ours at which letters of a correspondent are taken. */
export const placesOf = ({ ours, former }: Relation): OwnPlace[] => [
  ...(ours ? [ours] : []),
  ...former
]

const isSame = (a: OwnPlace, b: OwnPlace): boolean => equalBytes(a.address, b.address)

/** Two devices may have made an address at once: the later one stands, and letters come in at both. */
function merged(here: Relation, told: Relation): Relation {
  const [later, other] =
    (told.ours?.madeMs ?? 0) > (here.ours?.madeMs ?? 0) ? [told, here] : [here, told]
  const current = later.ours
  const rest = [...later.former, ...other.former]
  if (
    other.ours &&
    current &&
    !isSame(other.ours, current) &&
    !rest.some(one => isSame(one, other.ours!))
  )
    rest.unshift({ ...other.ours, untilMs: current.madeMs + formerMs })
  const former = rest.filter((one, i) => rest.findIndex(two => isSame(one, two)) === i)
  const theirs = told.theirsMs > here.theirsMs ? told : here
  const isOne = other.ours !== null && current !== null && isSame(other.ours, current)
  return {
    ...{ us: here.us, them: here.them },
    wrote: here.wrote || told.wrote,
    heard: here.heard || told.heard,
    ours: current,
    former: former.slice(0, formerMax),
    toldMs: isOne ? latest(here.toldMs, told.toldMs) : later.toldMs,
    used: later.used || (isOne && other.used),
    ...{ theirs: theirs.theirs, theirsMs: theirs.theirsMs, renew: theirs.renew }
  }
}

const latest = (a: Millis | null, b: Millis | null): Millis | null =>
  a === null || b === null ? (a ?? b) : Math.max(a, b)
