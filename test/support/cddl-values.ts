import fc from 'fast-check'
import { encodeCbor } from '../../src/wire/cbor.ts'
import type { Entry, Rules, Type } from './cddl.ts'

/** Values that a CDDL type describes, and values that are almost such: to compare a schema with the decoder that it describes. */

const edges = (from: number, to: number): fc.Arbitrary<number> =>
  fc.oneof(
    fc.constantFrom(from, Math.min(from + 1, to), to),
    fc.integer({ min: from, max: Math.min(to, from + 1_000) })
  )

function boundsOf(type: Type): readonly [from: number, to: number] {
  if (type.kind === 'range') return [type.from, type.to]
  if (type.kind === 'literal') return [Number(type.value), Number(type.value)]
  throw new SyntaxError(`CDDL: no size is ${type.kind}`)
}

function ofControl(rules: Rules, t: Type & { kind: 'control' }): fc.Arbitrary<unknown> {
  if (t.operator === '.cbor')
    return ofType(rules, t.argument).map(value => encodeCbor(value) as unknown)
  if (t.operator === '.regexp' && t.argument.kind === 'literal')
    return fc.stringMatching(new RegExp(`^(?:${t.argument.value})$`))
  if (t.operator !== '.size' || t.base.kind !== 'name')
    throw new SyntaxError(`CDDL: no values of ${t.operator}`)
  const [from, to] = boundsOf(t.argument)
  if (t.base.name === 'uint') return edges(0, 256 ** from - 1)
  const size = edges(from, to)
  if (t.base.name === 'tstr') return size.map(n => 'x'.repeat(n))
  return fc.tuple(size, fc.nat(255)).map(([n, fill]) => new Uint8Array(n).fill(fill))
}

function ofName(rules: Rules, name: string): fc.Arbitrary<unknown> {
  const meant = rules.get(name)
  if (meant) return ofType(rules, meant)
  if (name === 'uint') return edges(0, Number.MAX_SAFE_INTEGER)
  if (name === 'bool') return fc.boolean()
  if (name === 'tstr') return fc.string({ maxLength: 20 })
  if (name === 'bstr') return fc.uint8Array({ maxLength: 40 })
  return fc.constant(name === 'null' ? null : name === 'true')
}

const ofEntry = (rules: Rules, { type, min, max }: Entry): fc.Arbitrary<unknown[]> => {
  const meant = type.kind === 'name' ? (rules.get(type.name) ?? type) : type
  const once =
    meant.kind === 'group' ? ofGroup(rules, meant.group) : ofType(rules, type).map(v => [v])
  return fc
    .array(once, { minLength: min, maxLength: Math.min(max, min + 3) })
    .map(all => all.flat())
}

const ofGroup = (rules: Rules, group: Entry[][]): fc.Arbitrary<unknown[]> =>
  fc.oneof(
    ...group.map(entries =>
      fc.tuple(...entries.map(entry => ofEntry(rules, entry))).map(all => all.flat())
    )
  )

export function ofType(rules: Rules, type: Type): fc.Arbitrary<unknown> {
  if (type.kind === 'choice') return fc.oneof(...type.of.map(one => ofType(rules, one)))
  if (type.kind === 'name') return ofName(rules, type.name)
  if (type.kind === 'literal') return fc.constant(type.value)
  if (type.kind === 'range') return edges(type.from, type.to)
  if (type.kind === 'control') return ofControl(rules, type)
  if (type.kind !== 'array') throw new SyntaxError(`CDDL: no values of a ${type.kind}`)
  return ofGroup(rules, type.group)
}

/** Things next to a value: one more, one less, another type. */
function near(value: unknown): unknown[] {
  if (value instanceof Uint8Array)
    return [value.slice(1), new Uint8Array([...value, 0]), new Uint8Array(0), 'text']
  if (typeof value === 'string') return [value.slice(1), `${value}x`, '', new Uint8Array(3)]
  if (typeof value === 'number') return [value + 1, Math.max(0, value - 1), 0, `${value}`]
  if (Array.isArray(value))
    return [value.slice(1), [...value, 0], [...value, ...value.slice(-1)], []]
  return [0, true, false, null]
}

/** The value with one thing in it changed, `pick` says which and how. */
export function spoil(value: unknown, pick: number): unknown {
  if (Array.isArray(value) && value.length > 0 && pick % 8 > 0) {
    const at = Math.floor(pick / 8) % value.length
    const inner = Math.floor(pick / 8 / value.length)
    return value.with(at, spoil(value[at], inner))
  }
  const options = [...near(value), null]
  return options[Math.floor(pick / 8) % options.length]
}
