import type { z } from 'zod'

/**
 * The first thing wrong in what somebody wrote, as a sentence: `network.loss: 1.5 is above 1`.
 * @param value what was parsed.
 */
export function firstProblem(error: z.ZodError, value: unknown): string {
  const issue = innermost(error.issues[0]!)
  const where = issue.path.join('.')
  const found = at(value, issue.path)
  if (issue.code === 'unrecognized_keys')
    return `there is no field ${[...issue.path, issue.keys[0]].join('.')}`
  if (found === undefined && where !== '') return `${where} is missing`
  return `${where || 'the file'}: ${reason(issue, found)}`
}

/** Where a value may have one of several shapes: what is wrong in the one that it fits best. */
function innermost(issue: z.core.$ZodIssue): z.core.$ZodIssue {
  if (issue.code !== 'invalid_union') return issue
  const isOther = (inner: z.core.$ZodIssue) => inner.code === 'invalid_type' && !inner.path.length
  const fitting = issue.errors.filter(issues => !issues.some(isOther))
  const [best] = fitting.toSorted((a, b) => a.length - b.length)
  const inner = best && innermost(best[0]!)
  return inner ? { ...inner, path: [...issue.path, ...inner.path] } : issue
}

function reason(issue: z.core.$ZodIssue, found: unknown): string {
  const shown = show(found)
  switch (issue.code) {
    case 'too_small':
      if (issue.origin === 'string' || issue.origin === 'array') return 'there must be something'
      return `${shown} is ${issue.inclusive ? 'below' : 'not above'} ${issue.minimum}`
    case 'too_big':
      return issue.origin === 'string' || issue.origin === 'array'
        ? `there is room for ${issue.maximum}`
        : `${shown} is above ${issue.maximum}`
    case 'invalid_type':
      return `${shown} is not ${names[issue.expected] ?? issue.expected}`
    case 'invalid_value':
      return `${shown} is none of ${issue.values.map(show).join(', ')}`
    case 'invalid_union':
      return `${shown} says none of the types there are`
    default:
      return issue.message
  }
}

const names: Partial<Record<string, string>> = {
  number: 'a number',
  int: 'a whole number',
  string: 'a text',
  boolean: 'true or false',
  object: 'a group of fields',
  array: 'a list'
}

const shownCharsMax = 60

function show(value: unknown): string {
  const text = typeof value === 'number' ? String(value) : (JSON.stringify(value) ?? String(value))
  return text.length > shownCharsMax ? `${text.slice(0, shownCharsMax)}…` : text
}

function at(value: unknown, path: readonly PropertyKey[]): unknown {
  let inner = value
  for (const key of path) {
    if (typeof inner !== 'object' || inner === null || !Object.hasOwn(inner, key)) return undefined
    inner = (inner as Record<PropertyKey, unknown>)[key]
  }
  return inner
}
