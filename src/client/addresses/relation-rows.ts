import { limits } from '../../base/limits.ts'
import type { Log, Millis } from '../../base/ports.ts'
import type { State } from '../../store/state.ts'
import type { RelationPlace } from '../../wire/address.ts'
import { relationPlace, writeRelationPlace } from '../../wire/address.ts'
import type { Field } from '../../wire/cbor.ts'
import {
  array,
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
import type { SealedTable } from '../mailbox/sealed-table.ts'
import { createSealedTable } from '../mailbox/sealed-table.ts'

/** An address with the moment at which its maker made it. */
export interface TimedPlace extends RelationPlace {
  readonly madeMs: Millis
}

/** An address that we made. */
export interface OwnPlace extends TimedPlace {
  /** 32 bytes, from which the key is made that has it; null: our account at that pod has it. */
  readonly key: Uint8Array | null
}

/** An address that we gave before: taken until then. */
export interface FormerPlace extends OwnPlace {
  readonly untilMs: Millis
}

/** What an own alias and a correspondent have agreed on. */
export interface Relation {
  /** Our alias, as they know us. */
  readonly us: string
  readonly them: string
  /** A letter of ours was announced to them; one of theirs was opened here. */
  readonly wrote: boolean
  readonly heard: boolean
  /** That we made for them. */
  readonly ours: OwnPlace | null
  readonly former: readonly FormerPlace[]
  /** When they were last told of it; null: they are to be told. */
  readonly toldMs: Millis | null
  /** They have written there. */
  readonly used: boolean
  /** That they made for us. */
  readonly theirs: TimedPlace | null
  /** Of the last that they told us, also of one that took an address back. */
  readonly theirsMs: Millis
  /** What they gave is of no use: they are asked for another. */
  readonly renew: boolean
}

export const formerMax = 4
const alias = text(limits.fullAliasCharsMax, 3)
const timed = mapped(
  tuple(relationPlace, uint()),
  ([place, madeMs]): TimedPlace => ({ ...place, madeMs })
)
const key = nullable(bytes(32))
const own = mapped(
  tuple(relationPlace, uint(), key),
  ([place, madeMs, key]): OwnPlace => ({ ...place, madeMs, key })
)
const former = mapped(
  tuple(relationPlace, uint(), uint(), key),
  ([place, madeMs, untilMs, key]): FormerPlace => ({ ...place, madeMs, untilMs, key })
)
const any = (value: unknown): unknown => value
const names = tuple(alias, alias, bool, bool)
const given = tuple(nullable(timed), uint(), bool)

const whole = mapped(
  tuple(
    literal(2),
    names,
    tuple(nullable(own), array(former, formerMax), nullable(uint()), bool),
    given
  ),
  ([, [us, them, wrote, heard], [ours, former, toldMs, used], [theirs, theirsMs, renew]]) =>
    ({
      ...{ us, them, wrote, heard },
      ...{ ours, former, toldMs, used },
      ...{ theirs, theirsMs, renew }
    }) satisfies Relation
)
/** Version 1 has no keys: all addresses are of accounts. It is written as long as that is so, for devices with an older version. */
const ofAccounts = mapped(
  tuple(
    literal(1),
    any,
    tuple(nullable(array(any, 2)), array(array(any, 3), formerMax), any, any),
    any
  ),
  ([, said, [ours, former, ...told], theirs]): Relation =>
    whole([2, said, [ours && [...ours, null], former.map(one => [...one, null]), ...told], theirs])
)
const row: Field<Relation> = value =>
  Array.isArray(value) && value[0] === 1 ? ofAccounts(value) : whole(value)

const writeTimed = (place: TimedPlace) => [writeRelationPlace(place), place.madeMs]
function fields(r: Relation): unknown[] {
  const isOfKeys = [r.ours, ...r.former].some(place => place?.key)
  const keyOf = ({ key }: OwnPlace): unknown[] => (isOfKeys ? [key] : [])
  return [
    isOfKeys ? 2 : 1,
    [r.us, r.them, r.wrote, r.heard],
    [
      r.ours && [...writeTimed(r.ours), ...keyOf(r.ours)],
      r.former.map(place => [...writeTimed(place), place.untilMs, ...keyOf(place)]),
      r.toldMs,
      r.used
    ],
    [r.theirs && writeTimed(r.theirs), r.theirsMs, r.renew]
  ]
}

const rowBytesMax = 8_192

/** By the closet's tag of both aliases. */
export const relationTable = (state: State, log: Log): SealedTable<Relation> =>
  createSealedTable({
    ...{ state, log, name: 'relations', field: row, write: fields, maxBytes: rowBytesMax }
  })

/** For other devices of the person. */
export const encodeRelation = (relation: Relation): Uint8Array => encodeCbor(fields(relation))

/** @throws {MuttrError} `SYNC_INVALID` */
export const decodeRelation = (frame: Uint8Array): Relation =>
  decodeCbor(frame, 'a relation of another device', row, rowBytesMax, 'SYNC_INVALID')

/** Of two who have never written. */
export const firstRelation = (us: string, them: string): Relation => ({
  ...{ us, them, wrote: false, heard: false },
  ...{ ours: null, former: [], toldMs: null, used: false },
  ...{ theirs: null, theirsMs: 0, renew: false }
})
