import { MuttrError } from '../../base/errors.ts'
import { limits } from '../../base/limits.ts'

/** @throws {MuttrError} `USAGE` */
export function within(value: number, max: number, what: string, min = 1): void {
  if (!Number.isSafeInteger(value) || value < min || value > max)
    throw new MuttrError('USAGE', `${what} is a whole number from ${min} to ${max}`)
}

/** @throws {MuttrError} `USAGE` */
export function noted(note: string): void {
  if (Buffer.byteLength(note) > limits.podNoteBytesMax || !note.isWellFormed())
    throw new MuttrError('USAGE', `a note of more than ${limits.podNoteBytesMax} bytes`)
}
