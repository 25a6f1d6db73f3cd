import { MuttrError } from '../base/errors.ts'
import { limits } from '../base/limits.ts'
import type { Change, State } from '../store/state.ts'
import { array, literal, text, tuple } from '../wire/cbor.ts'
import { formerNamesMax, podRecord } from '../wire/pod.ts'
import type { AliasName } from './alias.ts'
import { foldName, readAlias } from './alias.ts'
import type { Row } from './rows.ts'
import { row, signedRow, tables } from './rows.ts'

/** What a pod is called, and was. Source: docs/protocol/pod-moving.md */
export interface PodNames {
  readonly hostname: string
  /** Newest first; it still answers for these. */
  readonly former: readonly string[]
}

/** An alias of this pod, and the hostname under which it is meant. */
export interface AskedAlias {
  readonly name: AliasName
  readonly at: string
}

/** The pod's hostnames, and under which of them each alias is certified. */
export interface Hostnames extends PodNames {
  /** Whether it is the pod's, or was. */
  has(hostname: string): boolean
  /** `alice` or `alice@pod.example`. @throws {MuttrError} `ALIAS_INVALID`, `ALIAS_UNKNOWN` for one of another pod */
  read(asked: string): AskedAlias
  /** Under which hostnames an alias is certified; that of now where nothing else is known. At least one. */
  of(name: AliasName): Promise<readonly string[]>
  /** From now on it is certified under these. */
  put(name: AliasName, hostnames: readonly string[]): Change
}

const hostname = text(limits.hostnameCharsMax, 1)
const nameMax = formerNamesMax + 1

/** Under which hostnames an alias is certified. */
export const placesRow: Row<readonly string[]> = row(
  'the hostnames of an alias',
  tuple(literal(1), array(hostname, nameMax, 1)),
  ([, hostnames]) => hostnames,
  hostnames => [1, [...hostnames]],
  nameMax * (limits.hostnameCharsMax + 3) + 16
)

/** What the operator wants the pod's next record to say. */
export const wantedNames: Row<PodNames> = row(
  'the names that a pod is to have',
  tuple(literal(1), hostname, array(hostname, formerNamesMax)),
  ([, hostname, former]) => ({ hostname, former }),
  names => [1, names.hostname, [...names.former]],
  nameMax * (limits.hostnameCharsMax + 3) + 16
)

/** What the pod's record says of its names; undefined before the first. */
export async function recordedNames(state: State): Promise<PodNames | undefined> {
  const kept = await state.get(tables.pod, 'record')
  return kept && podRecord.decode(signedRow.decode(kept).frame)
}

export function hostnamesOf(state: State, { hostname, former }: PodNames): Hostnames {
  const has = (other: string): boolean => other === hostname || former.includes(other)
  return {
    hostname,
    former,
    has,
    read(asked) {
      if (!asked.includes('@')) return { name: foldName(asked), at: hostname }
      const { name, hostname: at } = readAlias(asked)
      if (has(at)) return { name, at }
      throw new MuttrError('ALIAS_UNKNOWN', `${asked} is not of ${hostname}`)
    },
    async of(name) {
      const kept = await state.get(tables.places, name)
      const known = kept ? placesRow.decode(kept).filter(has) : []
      return known.length > 0 ? known : [hostname]
    },
    put(name, hostnames) {
      const isUsual = hostnames.every(one => one === hostname)
      const at = { table: tables.places, key: name }
      return isUsual
        ? { type: 'delete', ...at }
        : { type: 'put', ...at, value: placesRow.encode(hostnames) }
    }
  }
}
