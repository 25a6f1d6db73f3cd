import { MuttrError } from '../../base/errors.ts'
import { limits } from '../../base/limits.ts'
import type { Millis } from '../../base/ports.ts'
import type { Change, State } from '../../store/state.ts'
import { literal, nullable, oneOf, text, tuple, uint } from '../../wire/cbor.ts'
import type { Application } from '../../wire/pod-standing.ts'
import type { PodLimits } from '../limits.ts'
import { podTimes } from '../limits.ts'
import { newsOf } from '../news.ts'
import type { AccountId, Row } from '../rows.ts'
import { row, tables } from '../rows.ts'
import { rowsOf } from '../scan.ts'
import { ring } from './bell.ts'

/** Somebody asks for an alias at a pod whose operators approve of each. */
export interface ApplicationRow extends Application {
  readonly fingerprint: string
  /** What the applicant says of themselves. */
  readonly note: string
  /** Of the peer that asked, an IPv4 /24 or IPv6 /48; null where it is local. */
  readonly network: string | null
  readonly atMs: Millis
}

export interface ApplicationView extends Omit<ApplicationRow, 'name'> {
  readonly account: AccountId
  readonly alias: string
}

export const applicationRow: Row<ApplicationRow> = row(
  'an application',
  tuple(
    literal(1),
    text(limits.aliasCharsMax, 1),
    oneOf('waiting', 'approved', 'refused'),
    text(limits.podNoteBytesMax),
    uint(),
    text(64, 40),
    text(limits.podNoteBytesMax),
    nullable(text(64, 1)),
    uint()
  ),
  ([, name, state, reason, untilMs, fingerprint, note, network, atMs]) => ({
    ...{ name, state, reason, untilMs, fingerprint, note, network, atMs }
  }),
  a => [1, a.name, a.state, a.reason, a.untilMs, a.fingerprint, a.note, a.network, a.atMs],
  4_096
)

/** The queue of those who wait for an operator: one of an account, one of a network, so many in all. */
export interface Applications {
  of(account: AccountId, nowMs: Millis): Promise<Application | null>
  /**
   * The changes that use up an approval, to be written with the registration. Without one the account is put into the queue.
   * @throws {MuttrError} `REGISTRATION_WAITS`, `REGISTRATION_REFUSED`; `LIMIT_EXCEEDED` where no more wait
   */
  use(account: AccountId, asked: Asked, nowMs: Millis): Promise<Change[]>
  /** @throws {MuttrError} `APPLICATION_UNKNOWN` */
  decide(
    account: AccountId,
    decision: Pick<ApplicationRow, 'state' | 'reason'>,
    nowMs: Millis
  ): Promise<{ changes: Change[]; application: ApplicationRow }>
  /** @param who the alias that is asked for, or the beginning of an account's id. @throws {MuttrError} `APPLICATION_UNKNOWN` */
  find(who: string, nowMs: Millis): Promise<AccountId>
  /** Those who wait first, longest first. */
  list(nowMs: Millis): Promise<[AccountId, ApplicationRow][]>
  sweep(nowMs: Millis): Promise<number>
}

type Asked = Pick<ApplicationRow, 'name' | 'fingerprint' | 'note' | 'network'>

export function createApplications(
  state: State,
  { applicationsMax }: Pick<PodLimits, 'applicationsMax'>
): Applications {
  const get = async (account: AccountId): Promise<ApplicationRow | undefined> => {
    const value = await state.get(tables.applications, account)
    return value && applicationRow.decode(value)
  }
  const live = async (account: AccountId, nowMs: Millis) => {
    const found = await get(account)
    return found && found.untilMs > nowMs ? found : undefined
  }
  const put = (
    account: AccountId,
    application: ApplicationRow,
    type: 'put' | 'insert'
  ): Change => ({
    ...{ type, table: tables.applications, key: account },
    value: applicationRow.encode(application)
  })
  const drop = (account: AccountId, { network }: ApplicationRow): Change[] => [
    { type: 'delete', table: tables.applications, key: account },
    ...(network === null ? [] : [leave(network)])
  ]
  const leave = (network: string): Change => ({
    type: 'delete',
    table: tables.applicantNetworks,
    key: network
  })

  async function apply(account: AccountId, asked: Asked, nowMs: Millis): Promise<never> {
    if (
      (await state.list(tables.applications, { limit: applicationsMax })).length >= applicationsMax
    )
      throw new MuttrError('LIMIT_EXCEEDED', 'too many wait for an operator already')
    const untilMs = nowMs + podTimes.applicationWaitsMs
    const past = await get(account)
    const application = { ...asked, state: 'waiting' as const, reason: '', untilMs, atMs: nowMs }
    const { network } = asked
    const value = new Uint8Array(Buffer.from(account, 'hex'))
    const { ok } = await state.write([
      ...(past ? drop(account, past) : []),
      put(account, application, 'insert'),
      ring,
      ...(network === null
        ? []
        : ([{ type: 'insert', table: tables.applicantNetworks, key: network, value }] as const))
    ])
    if (!ok)
      throw new MuttrError(
        'LIMIT_EXCEEDED',
        'somebody of your network waits for an operator already'
      )
    throw waits(asked.name)
  }

  return {
    async of(account, nowMs) {
      const found = await live(account, nowMs)
      return found
        ? { name: found.name, state: found.state, reason: found.reason, untilMs: found.untilMs }
        : null
    },
    async use(account, asked, nowMs) {
      const known = await live(account, nowMs)
      const isPast = known?.state === 'approved' && known.name !== asked.name
      // Somebody else may have taken what was approved of.
      if (!known || isPast) return await apply(account, asked, nowMs)
      if (known.state === 'refused')
        throw new MuttrError(
          'REGISTRATION_REFUSED',
          `the operator has refused ${known.name}${known.reason === '' ? '' : `: ${known.reason}`}`
        )
      if (known.name !== asked.name)
        throw new MuttrError(
          'REGISTRATION_REFUSED',
          `${known.name} was asked for before, and one alias is asked for at a time`
        )
      if (known.state === 'approved') return drop(account, known)
      throw waits(known.name)
    },
    async decide(account, { state: decided, reason }, nowMs) {
      const known = await live(account, nowMs)
      if (!known) throw new MuttrError('APPLICATION_UNKNOWN', 'nobody asks for that')
      const untilMs = nowMs + podTimes.applicationDecidedMs
      const application = { ...known, state: decided, reason, untilMs, network: null }
      return {
        application,
        changes: [
          ...(known.network === null ? [] : [leave(known.network)]),
          put(account, application, 'put'),
          newsOf({ what: 'standing', account })
        ]
      }
    },
    async find(who, nowMs) {
      const [name] = who.toLowerCase().split('@')
      const isId = /^[0-9a-f]{8,64}$/.test(who)
      const found = (await this.list(nowMs)).filter(
        ([account, row]) => row.name === name || (isId && account.startsWith(who))
      )
      if (found.length !== 1)
        throw new MuttrError('APPLICATION_UNKNOWN', `no one application ${who}`)
      return found[0]![0]
    },
    async list(nowMs) {
      const all: [AccountId, ApplicationRow][] = []
      for await (const { key, value } of rowsOf(state, tables.applications)) {
        const application = applicationRow.decode(value)
        if (application.untilMs > nowMs) all.push([key, application])
      }
      const rank = ({ state, atMs }: ApplicationRow) => (state === 'waiting' ? atMs : Infinity)
      return all.sort(([, a], [, b]) => (rank(a) === rank(b) ? b.atMs - a.atMs : rank(a) - rank(b)))
    },
    async sweep(nowMs) {
      let over = 0
      for await (const { key, value } of rowsOf(state, tables.applications)) {
        const application = applicationRow.decode(value)
        if (application.untilMs > nowMs) continue
        await state.write(drop(key, application))
        over += 1
      }
      return over
    }
  }
}

const waits = (name: string): MuttrError =>
  new MuttrError('REGISTRATION_WAITS', `${name} waits for the operator of the pod`)
