import type { ErrorCode } from '../../base/errors.ts'
import { isErrorCode } from '../../base/errors.ts'
import type { Field } from '../../wire/cbor.ts'
import { mapped, nullable, text, tuple } from '../../wire/cbor.ts'

/** What holds up a file, as it stands in its row. */
export type Problem = { code: ErrorCode; message: string } | null

const messageBytesMax = 400

const code: Field<ErrorCode> = value => {
  if (!isErrorCode(value)) throw new TypeError('an error code')
  return value
}

export const problemField: Field<Problem> = nullable(
  mapped(tuple(code, text(messageBytesMax)), ([of, message]) => ({ code: of, message }))
)

export const problemRow = (problem: Problem): unknown =>
  problem && [problem.code, problem.message.toWellFormed().slice(0, messageBytesMax / 4)]
