import { X509Certificate } from 'node:crypto'
import { createSecureContext } from 'node:tls'
import { MuttrError } from '../base/errors.ts'
import type { Failure, Millis } from '../base/ports.ts'

/** A certificate with its chain, and its key; both PEM. */
export interface Pair {
  readonly certificate: string
  readonly key: string
}

export interface PairFacts {
  readonly fromMs: Millis
  readonly untilMs: Millis
  /** The certificate says that it is for all the names. */
  readonly fits: boolean
}

/** How the certificate of the door stands. */
interface CertificateState {
  readonly untilMs: Millis | null
  /** Why there is none, or none newer. */
  readonly problem: Failure | null
}

/** Looks after the certificate of the door: hands each new one to `use`. */
export interface Keeper extends AsyncDisposable {
  readonly state: CertificateState
}

/** @throws {MuttrError} `CERTIFICATE_INVALID` when it is not PEM, or the key is another's. */
export function factsOf({ certificate, key }: Pair, names: readonly string[]): PairFacts {
  try {
    createSecureContext({ cert: certificate, key })
    const read = new X509Certificate(certificate)
    return {
      fromMs: Date.parse(read.validFrom),
      untilMs: Date.parse(read.validTo),
      fits: names.every(name => read.checkHost(name) !== undefined)
    }
  } catch (cause) {
    throw new MuttrError('CERTIFICATE_INVALID', (cause as Error).message, { cause })
  }
}
