import { MuttrError } from './errors.ts'
import type { Failure } from './ports.ts'

/**
 * Anything thrown, as one of our errors: an aborted signal becomes `CANCELLED`, what we did not foresee `INTERNAL`. For the places where an
 * error leaves the process: a door, an answer to a peer.
 */
export function asMuttrError(err: unknown): MuttrError {
  if (err instanceof MuttrError) return err
  if (err instanceof Error && err.name === 'AbortError')
    return new MuttrError('CANCELLED', 'cancelled', { cause: err })
  const message = err instanceof Error ? err.message : String(err)
  return new MuttrError('INTERNAL', message || 'an error without words', { cause: err })
}

/** What people and the local API are told about an error. */
export function failureOf(err: unknown): Failure {
  const { code, message, hint } = asMuttrError(err)
  return { code, message, hint }
}
