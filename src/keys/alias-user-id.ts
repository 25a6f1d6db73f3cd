/**
 * How an alias stands in a certificate: `alice <alice@pod.example>`. Trust signatures for a domain are written for addresses in angle
 * brackets, and GnuPG matches no others. Source: docs/protocol/keys.md#aliases-as-user-ids-and-the-pods-word
 */
export const aliasUserId = (alias: string): string =>
  `${alias.slice(0, alias.lastIndexOf('@'))} <${alias}>`

/**
 * Also the bare address, as certificates had it before and as GnuPG makes it; nothing else, for a name beside it would be certified too. A pod's
 * hostname stands bare alone.
 */
export const namesAlias = (userId: string, alias: string): boolean =>
  userId === alias || (alias.includes('@') && userId === aliasUserId(alias))
