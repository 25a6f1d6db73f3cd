import { decodeCbor } from '../../src/wire/cbor.ts'

/**
 * Reads the part of CDDL (RFC 8610) that our pages use, and says whether a decoded value fits a rule: arrays, groups, maps (read, not
 * matched), choices, literals, ranges, occurrences, `.size`, `.regexp`, `.cbor` and `.and`. No generics, sockets, tags or floats.
 */
export type Type =
  | { kind: 'choice'; of: Type[] }
  | { kind: 'name'; name: string }
  | { kind: 'literal'; value: string | number }
  | { kind: 'range'; from: number; to: number }
  | { kind: 'array' | 'map' | 'group'; group: Group }
  | { kind: 'control'; base: Type; operator: string; argument: Type }
/** Choices (`//`) of sequences. */
type Group = Entry[][]
export interface Entry {
  key: string | null
  type: Type
  min: number
  max: number
}
export type Rules = ReadonlyMap<string, Type>

const prelude = new Set(['uint', 'int', 'bstr', 'tstr', 'bool', 'true', 'false', 'null', 'number'])
const tokenPattern =
  /[ \t\r\n]+|;[^\n]*|"(?:[^"\\]|\\.)*"|\.\.|\.[a-z]+|\/\/|\d+|[A-Za-z_](?:[\w-]*[\w])?|[=/[\](){},:*?+]/gy

function tokensOf(text: string): string[] {
  const tokens: string[] = []
  tokenPattern.lastIndex = 0
  while (tokenPattern.lastIndex < text.length) {
    const at = tokenPattern.lastIndex
    const match = tokenPattern.exec(text)
    if (!match) throw new SyntaxError(`CDDL: ${JSON.stringify(text.slice(at, at + 40))}`)
    if (!/^[\s;]/.test(match[0])) tokens.push(match[0])
  }
  return tokens
}

class Reader {
  readonly #tokens: string[]
  #at = 0
  constructor(text: string) {
    this.#tokens = tokensOf(text)
  }

  rules(): Map<string, Type> {
    const found = new Map<string, Type>()
    while (this.#at < this.#tokens.length) {
      const name = this.#next()
      this.#expect('=')
      if (found.has(name) || prelude.has(name)) throw new SyntaxError(`${name} is defined twice`)
      found.set(name, this.#type())
    }
    return found
  }

  #peek = (ahead = 0): string => this.#tokens[this.#at + ahead] ?? ''
  #next = (): string => this.#tokens[this.#at++] ?? ''
  #take = (token: string): boolean => this.#peek() === token && this.#at++ >= 0
  #expect(token: string): void {
    const found = this.#next()
    if (found !== token)
      throw new SyntaxError(`CDDL: ${token} wanted, "${found}" found before ${this.#peek()}`)
  }

  #type(): Type {
    const of = [this.#controlled()]
    while (this.#take('/')) of.push(this.#controlled())
    return of.length === 1 ? of[0]! : { kind: 'choice', of }
  }

  #controlled(): Type {
    const base = this.#single()
    if (this.#take('..')) {
      const to = this.#single()
      if (base.kind !== 'literal' || to.kind !== 'literal') throw new SyntaxError('CDDL: a range')
      return { kind: 'range', from: Number(base.value), to: Number(to.value) }
    }
    if (!/^\.[a-z]/.test(this.#peek())) return base
    return { kind: 'control', base, operator: this.#next(), argument: this.#single() }
  }

  #single(): Type {
    const token = this.#next()
    if (token === '[') return { kind: 'array', group: this.#group(']') }
    if (token === '{') return { kind: 'map', group: this.#group('}') }
    if (token === '(') {
      const group = this.#group(')')
      const [entry, ...more] = group[0]!
      const plain = group.length === 1 && more.length === 0 && entry?.key === null
      return plain && entry.min === 1 && entry.max === 1 ? entry.type : { kind: 'group', group }
    }
    if (/^\d/.test(token)) return { kind: 'literal', value: Number(token) }
    if (token.startsWith('"')) return { kind: 'literal', value: JSON.parse(token) as string }
    if (!/^\w/.test(token)) throw new SyntaxError(`CDDL: a type wanted, "${token}" found`)
    return { kind: 'name', name: token }
  }

  #group(end: string): Group {
    const choices: Group = [[]]
    while (!this.#take(end)) {
      if (this.#take('//')) choices.push([])
      else choices.at(-1)!.push(this.#entry())
      this.#take(',')
    }
    return choices
  }

  #entry(): Entry {
    const { min, max } = this.#occurrence()
    if (this.#peek(1) !== ':') return { key: null, type: this.#type(), min, max }
    const key = this.#next()
    this.#expect(':')
    return { key, type: this.#type(), min, max }
  }

  #occurrence(): { min: number; max: number } {
    if (this.#take('?')) return { min: 0, max: 1 }
    if (this.#take('+')) return { min: 1, max: Number.POSITIVE_INFINITY }
    if (this.#peek() !== '*' && this.#peek(1) !== '*') return { min: 1, max: 1 }
    const min = this.#peek() === '*' ? 0 : Number(this.#next())
    this.#expect('*')
    return { min, max: /^\d/.test(this.#peek()) ? Number(this.#next()) : Number.POSITIVE_INFINITY }
  }
}

/** @throws {SyntaxError} for what is no CDDL, is defined twice, or names what nothing defines. */
export function readCddl(text: string): Rules {
  const rules = new Reader(text).rules()
  const check = (type: Type): void => {
    if (type.kind === 'choice') type.of.forEach(check)
    else if (type.kind === 'control') [type.base, type.argument].forEach(check)
    else if ('group' in type) for (const entry of type.group.flat()) check(entry.type)
    else if (type.kind === 'name' && !rules.has(type.name) && !prelude.has(type.name))
      throw new SyntaxError(`CDDL: nothing defines ${type.name}`)
  }
  for (const type of rules.values()) check(type)
  return rules
}

const isUint = (value: unknown): value is number =>
  typeof value === 'number' && Number.isSafeInteger(value) && value >= 0

function fitsPrelude(name: string, value: unknown): boolean {
  if (name === 'uint') return isUint(value)
  if (name === 'int') return Number.isSafeInteger(value)
  if (name === 'bstr') return value instanceof Uint8Array
  if (name === 'tstr') return typeof value === 'string'
  if (name === 'bool') return typeof value === 'boolean'
  if (name === 'number') return typeof value === 'number'
  return value === (name === 'null' ? null : name === 'true')
}

/** What `.size` counts. */
const sizeOf = (value: unknown): number =>
  value instanceof Uint8Array ? value.byteLength : Buffer.byteLength(value as string)

function fitsControl(rules: Rules, t: Type & { kind: 'control' }, value: unknown): boolean {
  if (!fits(rules, t.base, value)) return false
  if (t.operator === '.size') {
    if (!isUint(value)) return fits(rules, t.argument, sizeOf(value))
    return t.argument.kind === 'literal' && value < 256 ** Number(t.argument.value)
  }
  if (t.operator === '.and') return fits(rules, t.argument, value)
  if (t.operator === '.regexp' && t.argument.kind === 'literal')
    return new RegExp(`^(?:${t.argument.value})$`, 'u').test(value as string)
  if (t.operator !== '.cbor') throw new SyntaxError(`CDDL: ${t.operator} is not known here`)
  try {
    const inner = decodeCbor(value as Uint8Array, 'CBOR', item => item, 2 ** 20)
    return fits(rules, t.argument, inner)
  } catch {
    return false
  }
}

/** All places up to which the entries can take the values from `at` on. */
function ends(rules: Rules, entries: readonly Entry[], values: unknown[], at: number): number[] {
  const [entry, ...rest] = entries
  if (!entry) return [at]
  const reached = new Set<number>()
  let front = [at]
  for (let times = 0; front.length > 0 && times <= entry.max; times++) {
    if (times >= entry.min)
      for (const from of front) for (const end of ends(rules, rest, values, from)) reached.add(end)
    front = front.flatMap(from => step(rules, entry.type, values, from).filter(to => to > from))
  }
  return [...reached]
}

function step(rules: Rules, type: Type, values: unknown[], at: number): number[] {
  const meant = type.kind === 'name' ? (rules.get(type.name) ?? type) : type
  if (meant.kind === 'group') return meant.group.flatMap(seq => ends(rules, seq, values, at))
  return at < values.length && fits(rules, type, values[at]) ? [at + 1] : []
}

/** Whether a decoded value has the form that a type asks for. */
export function fits(rules: Rules, type: Type, value: unknown): boolean {
  if (type.kind === 'choice') return type.of.some(one => fits(rules, one, value))
  if (type.kind === 'literal') return value === type.value
  if (type.kind === 'range')
    return Number.isSafeInteger(value) && Number(value) >= type.from && Number(value) <= type.to
  if (type.kind === 'control') return fitsControl(rules, type, value)
  if (type.kind === 'name') {
    const meant = rules.get(type.name)
    return meant ? fits(rules, meant, value) : fitsPrelude(type.name, value)
  }
  if (type.kind !== 'array') throw new SyntaxError(`CDDL: a ${type.kind} is not matched here`)
  return (
    Array.isArray(value) &&
    type.group.some(seq => ends(rules, seq, value, 0).includes(value.length))
  )
}

/** Whether bytes are canonical CBOR of a rule. */
export const fitsRule = (rules: Rules, name: string, frame: Uint8Array): boolean =>
  fits(
    rules,
    {
      kind: 'control',
      base: { kind: 'name', name: 'bstr' },
      operator: '.cbor',
      argument: { kind: 'name', name }
    },
    frame
  )
