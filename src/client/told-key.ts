import { readWords, wordsOf } from '../keys/mnemonic.ts'

/**
 * Whether what somebody told is of this key: its fingerprint in any spelling, or the twelve words.
 * @throws {MuttrError} `USAGE` for what is neither
 */
export function isOfKey(told: string, { fingerprint, words }: KeyToCompare): boolean {
  const digits = told.replaceAll(/[\s:]/g, '').toLowerCase()
  if (/^[0-9a-f]+$/.test(digits)) return digits === fingerprint
  return wordsOf(readWords(told)).join(' ') === words.join(' ')
}

interface KeyToCompare {
  readonly fingerprint: string
  readonly words: readonly string[]
}
