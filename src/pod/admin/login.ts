import { MuttrError } from '../../base/errors.ts'
import type { Change } from '../../store/state.ts'
import type { Rate } from '../limits.ts'
import { createRates } from '../rates.ts'
import type { Maker } from '../rows.ts'
import type { Admin, AdminParts, From, OperatorView, Session } from './admin.ts'
import { secretFrom, stepOf, textOf, uriOf } from './codes.ts'
import type { Operators } from './operators.ts'
import { drawEpoch } from './operators.ts'
import type { Passwords } from './password.ts'
import type { OperatorRow } from './rows.ts'
import type { Tickets } from './tickets.ts'

interface Parts extends AdminParts {
  operators: Operators
  tickets: Tickets
  passwords: Passwords
}

/** Attempts to log in. One network cannot try much; a name cannot be tried from everywhere; a link needs none of it. */
const attempts = {
  perSubnet: { burst: 20, everyMs: 30_000 },
  perName: { burst: 30, everyMs: 60_000 },
  inAll: { burst: 200, everyMs: 3_000 },
  /** What one operator changes about their own login: each change is an entry of the audit log, which keeps so many. */
  own: { burst: 20, everyMs: 60_000 }
} satisfies Record<string, Rate>

type Login = Pick<
  Admin,
  'login' | 'enter' | 'setPassword' | 'proposeCodes' | 'beginCodes' | 'endCodes'
>

const refuse = (what: string): never => {
  throw new MuttrError('LOGIN_REFUSED', what)
}
const over = 'the session is over'
const self = (name: string): Maker => ({ kind: 'operator', name })

export function createLogin(parts: Parts): Login {
  const { clock, random, hostname, operators, tickets, passwords } = parts
  const perSubnet = createRates('logins from your network', attempts.perSubnet)
  const perName = createRates('logins with this name', attempts.perName)
  const inAll = createRates('logins', attempts.inAll)
  const own = createRates('changes of your login', attempts.own)

  function count({ subnet }: Pick<From, 'subnet'>, name: string): void {
    const nowMs = clock.now()
    if (subnet !== undefined) perSubnet.take(subnet, nowMs)
    perName.take(name.slice(0, 64).trim().toLowerCase(), nowMs)
    inAll.take('all', nowMs)
  }
  interface Proved {
    name: string
    epoch: string
  }
  /** @throws {MuttrError} `LOGIN_REFUSED` */
  async function sessionOf(
    token: string
  ): Promise<Proved & { session: Session; row: OperatorRow }> {
    const session = (await tickets.session(token)) ?? refuse(over)
    const { name } = session.operator
    const { row } = (await operators.get(name)) ?? refuse(over)
    return { session, name, row, epoch: row.epoch }
  }
  /** Whoever came by a link has what a password would prove. @throws {MuttrError} `LOGIN_REFUSED` */
  async function prove(token: string, password: string): Promise<Proved> {
    const { session, name, row, epoch } = await sessionOf(token)
    if (session.by === 'link') return { name, epoch }
    count({ subnet: undefined }, name)
    const isRight = await passwords.isRight(password, row.password)
    return isRight ? { name, epoch } : refuse('the password is wrong')
  }
  /** A deed of somebody about themselves, which a reset meanwhile has made void. @throws {MuttrError} `LOGIN_REFUSED`, `LIMIT_EXCEEDED` */
  async function changeOwn(
    { name, epoch }: Proved,
    { action, detail }: { action: string; detail: string },
    after: (row: OperatorRow) => { row: OperatorRow; more?: readonly Change[] }
  ): Promise<OperatorView> {
    own.take(name, clock.now())
    return await operators.change({ by: self(name), action, detail }, name, async row =>
      row.epoch === epoch ? after(row) : refuse(over)
    )
  }

  return {
    async login({ name, password, code }, from) {
      count(from, name)
      const wrong = 'name, password or code is wrong'
      const before = await operators.get(name)
      // The same work for names that are nobody's, and for those without a password.
      const isRight = await passwords.isRight(password, before?.row.password)
      if (!before || !isRight) return refuse(wrong)
      const nowMs = clock.now()
      let opened: ReturnType<Tickets['open']> | undefined
      const deed = { by: self(before.name), action: 'operator.login', detail: 'password' }
      await operators.change(deed, before.name, async row => {
        // Reset or changed meanwhile: what was compared is void.
        if (row.epoch !== before.row.epoch) return refuse(wrong)
        const step = row.codes && (stepOf(row.codes.secret, code, { ...row.codes, nowMs }) ?? null)
        if (row.codes && step === null) return refuse(wrong)
        const codes = row.codes && { ...row.codes, lastStep: step! }
        const after: OperatorRow = { ...row, codes, loginMs: nowMs }
        opened = tickets.open(before.name, after, 'password', from)
        return { row: after, more: opened.changes }
      })
      return { token: opened!.token, session: opened!.session }
    },
    // Nobody guesses a token, and whoever floods the passwords keeps nobody out who has one.
    async enter(token, from) {
      const wrong = 'the link was used, is too old, or is none'
      const link = (await tickets.readLink(token)) ?? refuse(wrong)
      let opened: ReturnType<Tickets['open']> | undefined
      const deed = { by: self(link.operator), action: 'operator.login', detail: 'link' }
      await operators.change(deed, link.operator, async row => {
        const now = (await tickets.readLink(token)) ?? refuse(wrong)
        if (now.epoch !== row.epoch) return refuse(wrong)
        const after = { ...row, loginMs: clock.now() }
        opened = tickets.open(link.operator, after, 'link', from)
        return { row: after, more: [now.taken, ...opened.changes] }
      })
      return { token: opened!.token, session: opened!.session }
    },
    async setPassword(token, { old, password }, from) {
      const proved = await prove(token, old)
      const kept = await passwords.make(password)
      let opened: ReturnType<Tickets['open']> | undefined
      await changeOwn(proved, { action: 'operator.password', detail: '' }, row => {
        const after = { ...row, epoch: drawEpoch(random), password: kept }
        opened = tickets.open(proved.name, after, 'password', from)
        return { row: after, more: [...tickets.endOf(token), ...opened.changes] }
      })
      return { token: opened!.token, session: opened!.session }
    },
    proposeCodes(operator) {
      const secret = random.bytes(20)
      return { secret: textOf(secret), uri: uriOf(secret, `${operator} at ${hostname}`) }
    },
    async beginCodes(token, { secret: text, code }) {
      const session = await sessionOf(token)
      const secret = secretFrom(text) ?? refuse('that is no secret of codes')
      const nowMs = clock.now()
      const lastStep = stepOf(secret, code, { lastStep: 0, nowMs }) ?? refuse('the code is wrong')
      return await changeOwn(session, { action: 'operator.codes', detail: 'on' }, row =>
        // Others would make a code good again that was used.
        row.codes
          ? refuse('codes are asked for already: end them first')
          : { row: { ...row, codes: { secret, lastStep } } }
      )
    },
    async endCodes(token, { password }) {
      const proved = await prove(token, password)
      return await changeOwn(proved, { action: 'operator.codes', detail: 'off' }, row => ({
        row: { ...row, codes: null }
      }))
    }
  }
}
