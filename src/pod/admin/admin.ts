import type { Clock, Millis, Random } from '../../base/ports.ts'
import type { State } from '../../store/state.ts'
import type { Audit } from '../office/audit.ts'
import type { Maker } from '../rows.ts'
import { createLogin } from './login.ts'
import { createOperators } from './operators.ts'
import { createPasswords } from './password.ts'
import type { Role } from './rows.ts'
import { createTickets } from './tickets.ts'

/** Who may use the admin page. */
export interface OperatorView {
  readonly name: string
  readonly role: Role
  readonly hasPassword: boolean
  /** One-time codes are asked for. */
  readonly hasCodes: boolean
  readonly createdMs: Millis
  /** Null before the first login. */
  readonly loginMs: Millis | null
}

/** Lets its bearer in once, as this operator, without a password. */
export interface LoginLink {
  readonly operator: string
  readonly token: string
  readonly untilMs: Millis
}

/** Where somebody comes from. */
export interface From {
  /** As requests are counted; undefined for loopback and private ranges. */
  readonly subnet: string | undefined
  /** What the browser says it is. */
  readonly agent: string
}

/** A session, for who holds its token. */
export interface Session {
  /** The first digits of its token's hash. */
  readonly id: string
  readonly operator: OperatorView
  readonly madeMs: Millis
  readonly untilMs: Millis
  /** Whoever came in by a link may set a new password without the old one. */
  readonly by: 'link' | 'password'
}

export interface SessionView extends Omit<Session, 'operator'> {
  readonly seenMs: Millis
  readonly from: string
}

export interface Opened {
  /** To be kept by the browser, and by nobody else. */
  readonly token: string
  readonly session: Session
}

/** Operators and their logins, kept in the pod's state: alike at all its processes. Source: docs/protocol/pod.md#operators */
export interface Admin {
  /** By name. */
  operators(): Promise<OperatorView[]>
  /** @throws {MuttrError} `OPERATOR_EXISTS`, `USAGE` for a name that is none, `LIMIT_EXCEEDED` */
  add(by: Maker, name: string, role: Role): Promise<OperatorView>
  /** @throws {MuttrError} `OPERATOR_UNKNOWN`; `USAGE` for the last owner */
  setRole(by: Maker, name: string, role: Role): Promise<OperatorView>
  /** @throws as {@link setRole} */
  remove(by: Maker, name: string): Promise<OperatorView>
  /** Takes password, codes, sessions and links away; a link lets in again. @throws {MuttrError} `OPERATOR_UNKNOWN` */
  reset(by: Maker, name: string): Promise<OperatorView>
  /**
   * @param name unless told, whoever asks, where they are an operator, else an owner; the first one is made of whoever asks.
   * @throws {MuttrError} `OPERATOR_UNKNOWN`
   */
  link(by: Maker, name?: string): Promise<LoginLink>

  /** @throws {MuttrError} `LOGIN_REFUSED`, alike whatever of it was wrong; `LIMIT_EXCEEDED` */
  login(given: { name: string; password: string; code: string }, from: From): Promise<Opened>
  /** With the token of a link. @throws {MuttrError} `LOGIN_REFUSED` */
  enter(token: string, from: From): Promise<Opened>
  /** @returns undefined for a token that lets nobody in any more. */
  session(token: string): Promise<Session | undefined>
  /** Of one operator, those used last first. */
  sessions(operator: string): Promise<SessionView[]>
  /** @param id as listed. @throws {MuttrError} `SESSION_UNKNOWN` */
  endSession(operator: string, id: string): Promise<void>
  /** Ends all sessions of the operator; the one that asks goes on under a new token. @throws {MuttrError} `LOGIN_REFUSED` for a wrong old one, `USAGE` */
  setPassword(token: string, given: { old: string; password: string }, from: From): Promise<Opened>
  /** A new secret for one-time codes, which nothing knows of until {@link beginCodes}. */
  proposeCodes(operator: string): { secret: string; uri: string }
  /** @param code of that secret, to see that it arrived. @throws {MuttrError} `LOGIN_REFUSED` */
  beginCodes(token: string, given: { secret: string; code: string }): Promise<OperatorView>
  /** @throws {MuttrError} `LOGIN_REFUSED` for a wrong password */
  endCodes(token: string, given: { password: string }): Promise<OperatorView>
  /** Drops sessions and links that are over. */
  sweep(nowMs: Millis): Promise<void>
}

export interface AdminParts {
  state: State
  audit: Audit
  clock: Clock
  random: Random
  /** Of the pod: what programs for one-time codes show. */
  hostname: string
}

export function createAdmin(parts: AdminParts): Admin {
  const operators = createOperators(parts)
  const tickets = createTickets({ ...parts, operators })
  const passwords = createPasswords(parts.random)
  const { add, setRole, remove, reset } = operators
  return {
    ...{ add, setRole, remove, reset },
    operators: operators.list,
    link: async (by, name) => tickets.link(by, name ?? (await operators.usual(by))),
    session: tickets.session,
    sessions: tickets.sessions,
    endSession: tickets.endSession,
    sweep: tickets.sweep,
    ...createLogin({ ...parts, operators, tickets, passwords })
  }
}
