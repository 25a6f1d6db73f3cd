/** The DNS. @see docs/protocol/finding.md#in-the-dns */
export interface Names {
  /**
   * Where a service is, the best place first. Empty only when the name servers say that there is none (NXDOMAIN, NODATA).
   * @throws {MuttrError} `PEER_TIMEOUT`, `PEER_UNREACHABLE` when they say nothing, or that they failed; `CANCELLED`
   */
  services(name: string, signal: AbortSignal): Promise<{ host: string; port: number }[]>
  /** A and AAAA; as {@link services}. */
  addresses(name: string, signal: AbortSignal): Promise<string[]>
  /** TXT records, the strings of each joined; as {@link services}. */
  texts(name: string, signal: AbortSignal): Promise<string[]>
}

/** What was found, and whether the zone's signatures prove it; of nothing, that there is nothing. */
export interface Signed<T> {
  readonly found: readonly T[]
  readonly isSigned: boolean
}

/** The DNS with DNSSEC. Each throws as {@link Names}, and `DNS_BOGUS` where the signatures do not hold. @see docs/protocol/finding.md#signed-names */
export interface SignedNames {
  services(name: string, signal: AbortSignal): Promise<Signed<{ host: string; port: number }>>
  texts(name: string, signal: AbortSignal): Promise<Signed<string>>
}

/** HTTPS, with certificates that the machine trusts. */
export interface Web {
  /**
   * One GET; no redirect is followed.
   * @returns undefined when there is surely nothing: 404, 410, nobody listens, no such name.
   * @throws {MuttrError} `PEER_TIMEOUT`, `PEER_UNREACHABLE` for any other answer and for none, `WIRE_TOO_LARGE`, `CANCELLED`
   */
  get(
    url: string,
    options: { maxBytes: number; signal: AbortSignal }
  ): Promise<Uint8Array | undefined>
}
