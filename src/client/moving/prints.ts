import type { Crypto } from '../../keys/crypto.ts'
import type { NamedContact } from '../contact-rows.ts'

/** Under which alias contacts stand, by the fingerprints of their keys; made when somebody asks. */
export interface Prints {
  aliasOf(fingerprint: string): Promise<string | undefined>
  /** A contact stands here now. */
  note(fingerprint: string, alias: string): void
  forget(): void
}

/** @param all contacts, with those of aliases that were left. */
export function createPrints(
  all: () => AsyncIterable<NamedContact>,
  { primaryFingerprint }: Pick<Crypto, 'primaryFingerprint'>
): Prints {
  let known: Map<string, string> | undefined
  return {
    async aliasOf(fingerprint) {
      if (!known) {
        const read = new Map<string, string>()
        for await (const { alias, row } of all())
          if (!row.moved) read.set(primaryFingerprint(row.certificate), alias)
        known ??= read
      }
      return known.get(fingerprint)
    },
    note: (fingerprint, alias) => void known?.set(fingerprint, alias),
    forget() {
      known = undefined
    }
  }
}
