import { MuttrError } from '../../base/errors.ts'
import type { Content, Row } from '../state.ts'
import { stateFormat } from '../state-rows.ts'

/** Brings a state from one version of its rows to the next. */
interface Step {
  /** For people: what changes. */
  readonly what: string
  /** What a row says in the version after. Rows are neither added nor dropped, so that what arrived can be counted. */
  value(row: Row & { table: string }): Uint8Array
}

/** What the rows of a state mean. Version 1 is the first, and each step leads to the next. */
export interface Schema {
  readonly kind: 'pod'
  readonly steps: readonly Step[]
}

export const versionNow = ({ steps }: Schema): number => steps.length + 1

/** What a database says that it is. Source: docs/protocol/store.md#versions */
export const formatOf = ({ kind }: Schema, version: number): string =>
  version === 1 ? stateFormat : `muttr ${kind} state ${version}`

/** @param format of a database; undefined for one that says nothing yet. @returns undefined for one of another kind */
export function versionOf({ kind }: Schema, format: string): number | undefined {
  if (format === stateFormat) return 1
  const [, found, version] = /^muttr ([a-z]+) state (\d{1,6})$/.exec(format) ?? []
  return found === kind ? Number(version) : undefined
}

/** Of a version before, as the rows are now. */
export function upgraded({ steps }: Schema, from: number): (content: Content) => Content {
  const own = steps.slice(from - 1)
  return content => {
    if (!('table' in content)) return content
    const row = { ...content }
    for (const step of own) row.value = step.value(row)
    return row
  }
}

/** @param version of a state that is not of this program's. */
export function refusedVersion(schema: Schema, version: number, where: string): MuttrError {
  const now = versionNow(schema)
  const what = `${where} is of version ${version}, and this program's is ${now}`
  return version > now ? new MuttrError('STATE_NEWER', what) : new MuttrError('STATE_OLD', what)
}
