import { entropyToMnemonic, validateMnemonic } from '@scure/bip39'
import { wordlist } from '@scure/bip39/wordlists/english.js'
import { fromHex, sha256, utf8 } from '../base/bytes.ts'
import { MuttrError } from '../base/errors.ts'

const label = utf8('muttr verification 1\0')
const wordCount = 12

/**
 * Twelve words that two people read to each other: the same on both sides exactly when each has the other's key. 128 bits of SHA-256 over
 * the label and both pins, the lower first, in the English words of BIP 39 with its checksum. Source: docs/protocol/keys.md#comparing-keys
 * @param pins SHA-256 of a primary key packet, 64 hex characters each; in any order
 */
export function verificationWords(...pins: [ours: string, theirs: string]): string[] {
  const [low, high] = pins.toSorted().map(pin => fromHex(pin, 32))
  if (!low || !high) throw new TypeError('a pin is 64 hex characters')
  return entropyToMnemonic(sha256(label, low, high).slice(0, 16), wordlist).split(' ')
}

/**
 * Words as somebody typed them: any case, any spaces.
 * @throws {MuttrError} `USAGE` for what are not twelve such words that belong together: mistyped, not of another key
 */
export function readWords(typed: string): string[] {
  const words = typed.normalize('NFKD').toLowerCase().trim().split(/\s+/)
  if (words.length !== wordCount || !validateMnemonic(words.join(' '), wordlist))
    throw new MuttrError('USAGE', 'these are not the twelve words, or one is mistyped', {
      hint: 'Both see the same words when they ask for them: read them to each other again.'
    })
  return words
}
