import { MuttrError } from '../base/errors.ts'
import type { Failure } from '../base/ports.ts'

/** What people are told of anything that was thrown. */
export const failureOf = (err: unknown): Failure => {
  const known = err instanceof MuttrError ? err : new MuttrError('INTERNAL', `${err}`)
  return { code: known.code, message: known.message, hint: known.hint }
}
