import { MuttrError } from '../../base/errors.ts'
import { labelCharsMax, labelsMax } from './conversation-rows.ts'

const refuse = (what: string): never => {
  throw new MuttrError('USAGE', what, {
    hint: `A label is one line of at most ${labelCharsMax} characters; a conversation has at most ${labelsMax}.`
  })
}

/** One line without spaces at its ends, composed, so that what looks the same is the same. @throws {MuttrError} `USAGE` */
function readLabel(text: string): string {
  const label = text.normalize('NFC').trim()
  const isLine = label.isWellFormed() && !/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u.test(label)
  if (label === '' || label.length > labelCharsMax || !isLine) refuse('not a label')
  return label
}

/** @throws {MuttrError} `USAGE` */
export function withLabels(
  before: readonly string[],
  { add = [], remove = [] }: { add?: string[]; remove?: string[] }
): string[] {
  const labels = new Set(before)
  for (const label of remove) labels.delete(label.normalize('NFC').trim())
  for (const label of add) labels.add(readLabel(label))
  if (labels.size > labelsMax) refuse(`more than ${labelsMax} labels`)
  return [...labels].sort()
}
