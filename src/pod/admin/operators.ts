import { toHex } from '../../base/bytes.ts'
import { MuttrError } from '../../base/errors.ts'
import type { Random } from '../../base/ports.ts'
import type { Change } from '../../store/state.ts'
import type { Maker } from '../rows.ts'
import { tables } from '../rows.ts'
import type { Admin, AdminParts, OperatorView } from './admin.ts'
import type { OperatorRow } from './rows.ts'
import { epochChars, operatorRow } from './rows.ts'

/** Nobody has so many; and all of them are listed at once. */
const operatorsMax = 100

interface Deed {
  by: Maker
  action: string
  detail: string
}

export interface Operators extends Pick<Admin, 'add' | 'setRole' | 'remove' | 'reset'> {
  list(): Promise<OperatorView[]>
  /** Whom a link is for that names nobody. */
  usual(by: Maker): Promise<string>
  /** @param name as somebody types it. */
  get(name: string): Promise<{ name: string; row: OperatorRow } | undefined>
  /**
   * Notes a deed about an operator, and writes what it changes; asked for again when somebody else wrote meanwhile.
   * @param change null takes them out. @throws {MuttrError} `OPERATOR_UNKNOWN`, and what `decide` throws
   */
  change(
    deed: Deed,
    name: string,
    decide: (row: OperatorRow) => Promise<{ row: OperatorRow | null; more?: readonly Change[] }>
  ): Promise<OperatorView>
}

/** One way to write a name, so that no two look alike; also of what somebody is called on their machine. */
const folded = (name: string): string => name.trim().toLowerCase()
const isName = (name: string): boolean => /^[a-z0-9][a-z0-9._-]{0,31}$/.test(name)

export const drawEpoch = (random: Random): string => toHex(random.bytes(epochChars / 2))

export const viewOf = (name: string, row: OperatorRow): OperatorView => ({
  name,
  role: row.role,
  hasPassword: row.password !== null,
  hasCodes: row.codes !== null,
  createdMs: row.createdMs,
  loginMs: row.loginMs
})

export function createOperators({ state, audit, clock, random }: AdminParts): Operators {
  const unknown = (name: string): never => {
    throw new MuttrError('OPERATOR_UNKNOWN', `no operator ${name}`)
  }
  const rows = async () => {
    const all = await state.list(tables.operators, { limit: operatorsMax })
    return all.map(({ key, value }) => ({ name: key, row: operatorRow.decode(value) }))
  }
  async function get(given: string) {
    const name = folded(given)
    const value = isName(name) ? await state.get(tables.operators, name) : undefined
    return value && { name, row: operatorRow.decode(value) }
  }
  const put = (name: string, row: OperatorRow): Change => ({
    ...{ type: 'put', table: tables.operators, key: name },
    value: operatorRow.encode(row)
  })
  const change: Operators['change'] = (said, given, decide) =>
    audit.act(clock.now(), async () => {
      const { name, row } = (await get(given)) ?? unknown(given)
      const { row: after, more = [] } = await decide(row)
      const written: Change = after
        ? put(name, after)
        : { type: 'delete', table: tables.operators, key: name }
      const deed = { ...said, subject: name }
      return { changes: [written, ...more], deed, result: viewOf(name, after ?? row) }
    })
  /** @throws {MuttrError} `USAGE` when nobody else could let people in again */
  async function mustNotBeLast(row: OperatorRow): Promise<void> {
    const owners = (await rows()).filter(({ row }) => row.role === 'owner')
    if (row.role === 'owner' && owners.length === 1)
      throw new MuttrError('USAGE', 'one owner stays', {
        hint: 'Make somebody else an owner first.'
      })
  }

  const add: Operators['add'] = (by, given, role) =>
    audit.act(clock.now(), async () => {
      const name = folded(given)
      if (!isName(name))
        throw new MuttrError('USAGE', `'${given}' is no name for an operator`, {
          hint: 'It has 1 to 32 letters a to z, digits, and . _ - after the first.'
        })
      const all = await rows()
      if (all.some(one => one.name === name))
        throw new MuttrError('OPERATOR_EXISTS', `there is an operator ${name}`)
      if (all.length >= operatorsMax)
        throw new MuttrError('LIMIT_EXCEEDED', `more than ${operatorsMax} operators`)
      const row: OperatorRow = {
        ...{ role, epoch: drawEpoch(random), password: null, codes: null },
        ...{ createdMs: clock.now(), loginMs: null }
      }
      const deed = { by, action: 'operator.add', subject: name, detail: role }
      return { changes: [put(name, row)], deed, result: viewOf(name, row) }
    })

  return {
    get,
    add,
    async usual(by) {
      const own = await get(by.name)
      if (own) return own.name
      const owner = (await rows()).find(({ row }) => row.role === 'owner')
      if (owner) return owner.name
      const name = isName(folded(by.name)) ? by.name : 'operator'
      return (await add(by, name, 'owner')).name
    },
    change,
    list: async () => (await rows()).map(({ name, row }) => viewOf(name, row)),
    setRole: (by, name, role) =>
      change({ by, action: 'operator.role', detail: role }, name, async row => {
        if (role !== 'owner') await mustNotBeLast(row)
        return { row: { ...row, role } }
      }),
    remove: (by, name) =>
      change({ by, action: 'operator.remove', detail: '' }, name, async row => {
        await mustNotBeLast(row)
        return { row: null }
      }),
    reset: (by, name) =>
      change({ by, action: 'operator.reset', detail: '' }, name, async row => ({
        row: { ...row, epoch: drawEpoch(random), password: null, codes: null }
      }))
  }
}
