import { z } from 'zod'
import { MuttrError } from '../base/errors.ts'

/** The first thing wrong, as `pod.hostname: not a lower-case hostname`; for a field that is unknown the hint names the nearest known one. */
export function problemOf(
  code: 'CONFIG_INVALID' | 'NETWORK_INVALID',
  file: string,
  error: z.ZodError,
  schema: z.ZodType
): MuttrError {
  const [issue] = error.issues
  if (issue?.code !== 'unrecognized_keys') {
    const what = issue ? `${issue.path.join('.') || 'the file'}: ${issue.message}` : 'not valid'
    return new MuttrError(code, `${file}: ${what}`)
  }
  const [key = ''] = issue.keys
  const named = [...issue.path, key].join('.')
  const near = nearest(key, fieldsAt(schema, issue.path))
  const hint =
    near === undefined ? {} : { hint: `Did you mean ${[...issue.path, near].join('.')}?` }
  return new MuttrError(code, `${file}: unknown field ${named}`, hint)
}

/** Of JSON Schema, what is looked at here. */
interface Schema {
  properties?: Record<string, Schema>
  items?: Schema
}

function fieldsAt(schema: z.ZodType, path: readonly PropertyKey[]): string[] {
  let at: Schema | undefined = z.toJSONSchema(schema, { io: 'input' }) as Schema
  for (const step of path)
    at = typeof step === 'number' ? at?.items : at?.properties?.[String(step)]
  return Object.keys(at?.properties ?? {})
}

const tooFar = (wanted: string) => Math.max(2, Math.floor(wanted.length / 3))

function nearest(wanted: string, known: readonly string[]): string | undefined {
  const far = known.map(name => [distance(wanted.toLowerCase(), name.toLowerCase()), name] as const)
  const [best] = far.sort(([a], [b]) => a - b)
  return best && best[0] <= tooFar(wanted) ? best[1] : undefined
}

/** Letters put in, left out or mistaken (Levenshtein). */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) {
      const changed = row[j - 1]! + Number(a[i - 1] !== b[j - 1])
      next.push(Math.min(row[j]! + 1, next[j - 1]! + 1, changed))
    }
    row = next
  }
  return row[b.length]!
}
