import { once } from 'node:events'
import { Agent, get } from 'node:https'
import { MuttrError } from '../base/errors.ts'
import type { Pair } from './certificate.ts'

interface AcmeParts {
  /** Of the authority (RFC 8555, 7.1.1). */
  directory: string
  email: string | undefined
  /** The certificate of a private authority's own door, PEM. */
  trust: string | undefined
  /** The first name is the certificate's, all are alternatives. */
  names: readonly string[]
  /** Our key at the authority, PEM; made once. */
  accountKey(make: () => Promise<string>): Promise<string>
  /** Shown at `http://NAME/.well-known/acme-challenge/TOKEN` while an order runs. */
  challenges: Map<string, string>
}

const requestMs = 30_000

/** Orders a certificate, proved over HTTP (RFC 8555, 8.3). @throws {MuttrError} `ORDER_FAILED` */
export async function orderCertificate(parts: AcmeParts): Promise<Pair> {
  const { directory, email, trust, names, challenges } = parts
  const { default: acme } = await import('acme-client')
  // The caller tries again, and says meanwhile why there is none.
  const patience = {
    timeout: requestMs,
    acmeSettings: { retryMaxAttempts: 0, retryDefaultDelay: 0 }
  }
  Object.assign(acme.axios.defaults, patience)
  if (trust !== undefined) acme.axios.defaults.httpsAgent = new Agent({ ca: trust })
  const makeKey = async () => (await acme.crypto.createPrivateEcdsaKey()).toString()
  try {
    const client = new acme.Client({
      directoryUrl: directory,
      accountKey: await parts.accountKey(makeKey)
    })
    const [commonName] = names
    const [key, csr] = await acme.crypto.createCsr(
      { ...(commonName !== undefined && { commonName }), altNames: [...names] },
      await makeKey()
    )
    const certificate = await client.auto({
      csr,
      ...(email !== undefined && { email }),
      termsOfServiceAgreed: true,
      // The authority looks from outside; what we see from inside says nothing.
      skipChallengeVerification: true,
      challengePriority: ['http-01'],
      challengeCreateFn: async (_, { token }, authorization) =>
        void challenges.set(token, authorization),
      challengeRemoveFn: async (_, { token }) => void challenges.delete(token)
    })
    return { certificate: certificate.toString(), key: key.toString() }
  } catch (cause) {
    if (cause instanceof MuttrError) throw cause
    // Of an authority that does not answer, acme-client 5.4 says only that it stumbled over the missing answer.
    const why = cause instanceof TypeError ? await whySilent(directory, trust) : messageOf(cause)
    throw new MuttrError('ORDER_FAILED', `${directory} gave no certificate: ${why.slice(0, 500)}`, {
      cause
    })
  }
}

const messageOf = (err: unknown): string => (err instanceof Error ? err.message : String(err))

/** What keeps this machine from an authority: no such name, nobody there, another certificate. */
async function whySilent(directory: string, trust: string | undefined): Promise<string> {
  const asked = get(directory, { ...(trust !== undefined && { ca: trust }), timeout: requestMs })
  try {
    asked.once('timeout', () => asked.destroy(new Error('it does not answer')))
    const [{ statusCode }] = await once(asked, 'response')
    return `it answers ${statusCode}`
  } catch (err) {
    return messageOf(err)
  } finally {
    asked.destroy()
  }
}
