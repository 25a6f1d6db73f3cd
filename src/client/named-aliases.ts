import type { Certificate } from '../keys/certificate.ts'
import { readAlias } from '../pod/alias.ts'

/** User IDs that are aliases, bare or in brackets as in `Alice <alice@pod.example>`. */
export function aliasesOf(certificate: Certificate): string[] {
  const found = new Set<string>()
  for (const userId of certificate.userIds) {
    const text = /<([^<>]+)>\s*$/.exec(userId)?.[1] ?? userId
    try {
      found.add(readAlias(text.trim()).full)
    } catch {
      // A User ID need not be an alias.
    }
  }
  return [...found]
}
