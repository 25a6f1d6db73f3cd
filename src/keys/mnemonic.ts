import { entropyToMnemonic, mnemonicToEntropy, validateMnemonic } from '@scure/bip39'
import { wordlist } from '@scure/bip39/wordlists/english.js'
import { MuttrError } from '../base/errors.ts'

const wordCount = 12

/** 16 bytes as twelve English words of BIP 39, with a checksum of 4 bits. */
export const wordsOf = (entropy: Uint8Array): string[] =>
  entropyToMnemonic(entropy, wordlist).split(' ')

/**
 * Words as somebody typed them: any case, any spaces.
 * @returns the 16 bytes. @throws {MuttrError} `USAGE` for what are not twelve such words that belong together: mistyped, or cut short
 */
export function readWords(typed: string): Uint8Array {
  const words = typed.normalize('NFKD').toLowerCase().trim().split(/\s+/)
  if (words.length !== wordCount || !validateMnemonic(words.join(' '), wordlist))
    throw new MuttrError('USAGE', 'these are not twelve words that belong together', {
      hint: 'One is mistyped or missing: read them again.'
    })
  return mnemonicToEntropy(words.join(' '), wordlist)
}
