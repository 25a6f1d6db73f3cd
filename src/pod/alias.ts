import { MuttrError } from '../base/errors.ts'
import { limits } from '../base/limits.ts'

/** What comes before the `@`, folded to lower case. Source: docs/protocol/alias.md */
export type AliasName = string

export interface Alias {
  readonly name: AliasName
  readonly hostname: string
  /** `name@hostname`, as certified and shown. */
  readonly full: string
}

/** Kept for the pod itself: RFC 2142, what certificate authorities mail to, and what a person could be fooled by. */
const reserved: ReadonlySet<string> = new Set(
  `abuse admin administrator all anonymous everyone ftp help hostmaster info invite ipp localhost
   mailer-daemon marketing moderator muttr mx news no-reply noc nobody noreply null official operator owner pod
   postmaster press privacy registrar root sales security service ssladmin ssladministrator
   sslwebmaster staff support sysadmin system team undefined usenet uucp webmaster www`
    .split(/\s+/)
    .filter(word => word !== '')
)

const part = '[a-z0-9_+-]*'
const namePattern = new RegExp(`^[a-z0-9](?:${part}[a-z0-9])?(?:\\.[a-z0-9](?:${part}[a-z0-9])?)*$`)
const labelPattern = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/

/** Where a name ends so, resolvers take it for an IPv4 address (WHATWG URL, 3.5): 10.0.0.5, 0x7f.1. */
const numeric = /^(\d+|0x.*)$/

const refuse = (message: string): never => {
  throw new MuttrError('ALIAS_INVALID', message)
}

/**
 * Folds the part before the `@`: a subset of RFC 5321's dot-atom, 1 to 64 ASCII characters.
 * @throws {MuttrError} `ALIAS_INVALID`
 */
export function foldName(text: string): AliasName {
  if (text.length === 0) return refuse('an alias of no characters')
  if (text.length > limits.aliasCharsMax) return refuse('an alias of more than 64 characters')
  if (!/^[!-~]*$/.test(text)) return refuse('an alias with other than plain ASCII characters')
  const name = text.toLowerCase()
  return namePattern.test(name) ? name : refuse('an alias that breaks the rules')
}

/** Whether a name is of ASCII labels in small letters; an IP address is none. */
export function isHostname(text: string): boolean {
  const labels = text.split('.')
  const isWhole = text.length <= limits.hostnameCharsMax && labels.every(l => labelPattern.test(l))
  return isWhole && !numeric.test(labels.at(-1)!)
}

/** Whether a hostname is a strict subdomain of another. */
export const isBelow = (hostname: string, parent: string): boolean =>
  isHostname(hostname) && isHostname(parent) && hostname.endsWith(`.${parent}`)

/** Folds a hostname of ASCII labels; an IP address is none. @throws {MuttrError} `ALIAS_INVALID` */
export function foldHostname(text: string): string {
  const hostname = text.length <= limits.hostnameCharsMax ? text.toLowerCase() : ''
  return isHostname(hostname) ? hostname : refuse('not a hostname')
}

/** Reads `alice@pod.example`. @throws {MuttrError} `ALIAS_INVALID` */
export function readAlias(text: string): Alias {
  const at = text.lastIndexOf('@')
  if (at < 0) return refuse('an alias without its pod, as in alice@pod.example')
  const name = foldName(text.slice(0, at))
  const hostname = foldHostname(text.slice(at + 1))
  return { name, hostname, full: `${name}@${hostname}` }
}

/**
 * What two names share that a hurried reader takes for one another. Two aliases of one pod never have the same.
 * Looks are lossy on purpose: separators vanish, letters and digits of one shape become one letter.
 */
export function skeleton(name: AliasName): string {
  const shapes = name
    .replaceAll(/[._+-]/g, '')
    .replaceAll('0', 'o')
    .replaceAll(/[1i]/g, 'l')
    .replaceAll('5', 's')
  let last = shapes
  for (;;) {
    const next = last.replaceAll('rn', 'm').replaceAll('vv', 'w').replaceAll('cl', 'd')
    if (next === last) return next
    last = next
  }
}

const reservedLooks: ReadonlyMap<string, string> = new Map(
  [...reserved].map(name => [skeleton(name), name])
)

export const isReserved = (name: AliasName): boolean => reserved.has(name)
export const reservedNames: readonly string[] = [...reserved].sort()

/** What an operator has said about names. */
interface NamesSaid {
  /** Nobody gets these here either. */
  readonly reserved: readonly AliasName[]
  /** These may be taken here. */
  readonly allowed: readonly AliasName[]
}

/**
 * Refuses what the pod keeps for itself, and what could be taken for it.
 * @throws {MuttrError} `ALIAS_RESERVED`, `ALIAS_CONFUSABLE`
 */
export function checkReserved(
  name: AliasName,
  said: NamesSaid = { reserved: [], allowed: [] }
): void {
  if (said.allowed.includes(name)) return
  if (reserved.has(name) || said.reserved.includes(name))
    throw new MuttrError('ALIAS_RESERVED', `${name} is kept for the pod`)
  const look = skeleton(name)
  const looksLike = reservedLooks.get(look) ?? said.reserved.find(one => skeleton(one) === look)
  if (looksLike !== undefined)
    throw new MuttrError('ALIAS_CONFUSABLE', `${name} looks like ${looksLike}`)
}
