import { concatBytes, equalBytes } from '../../base/bytes.ts'
import { MuttrError } from '../../base/errors.ts'
import type { Clock, Random } from '../../base/ports.ts'
import type { Certificate } from '../../keys/certificate.ts'
import type { Crypto } from '../../keys/crypto.ts'
import type { SignedTokenKeys } from '../../wire/token.ts'
import {
  challengeDigest,
  tokenEpochAt,
  tokenInput,
  tokenKeys,
  tokenKeysLabel
} from '../../wire/token.ts'
import type { PodTokens } from './pod-tokens.ts'

interface Parts {
  clock: Clock
  random: Random
  crypto: Crypto
  /** A link on which an own pod knows us, and its certificate as it is pinned. */
  issuer(
    hostname: string,
    signal: AbortSignal
  ): Promise<{
    tokens: PodTokens
    certificate: Certificate
  }>
  /** What another pod says that an own one shows of its keys. Asked blindly: neither knows that it is we who ask. */
  shownTo(other: string, issuer: string, signal: AbortSignal): Promise<SignedTokenKeys>
}

/** Tokens of own pods that are still to be spent, each good at one other pod. Source: docs/protocol/token.md */
export interface Tokens {
  /**
   * One that `issuer` signed without seeing it, for `target`.
   * @throws {MuttrError} `TOKEN_KEY_FALSE` when the target is shown another key than we; `TOKEN_INVALID`, `LIMIT_EXCEEDED`, `POD_UNREACHABLE`, …
   */
  take(issuer: string, target: string, signal: AbortSignal): Promise<Uint8Array>
}

/** Asked for at once, so that the pod does not see by the request how many letters go. */
const stockOf = 8
const pairsMax = 256

interface Stock {
  readonly epoch: number
  readonly tokens: Uint8Array[]
}

export function createTokens(parts: Parts): Tokens {
  const { clock, random, crypto } = parts
  const stocks = new Map<string, Promise<Stock>>()

  /** The key of this epoch, as the pod signed it. */
  async function read(issuer: string, certificate: Certificate, shown: SignedTokenKeys) {
    const { statement, signature } = shown
    await crypto.verifyDetached(certificate, tokenKeysLabel, statement, signature, clock.now())
    const { hostname, keys } = tokenKeys.decode(statement)
    const epoch = tokenEpochAt(clock.now())
    const key = keys.find(one => one.epoch === epoch)?.key
    if (hostname !== issuer || !key)
      throw new MuttrError('TOKEN_INVALID', `${issuer} shows no key for tokens of this week`)
    return { epoch, key }
  }
  async function fill(issuer: string, target: string, signal: AbortSignal): Promise<Stock> {
    const { tokens, certificate } = await parts.issuer(issuer, signal)
    const { epoch, key } = await read(issuer, certificate, await tokens.keys())
    const others = await read(issuer, certificate, await parts.shownTo(target, issuer, signal))
    if (others.epoch === epoch && !equalBytes(others.key, key))
      throw new MuttrError('TOKEN_KEY_FALSE', `${issuer} shows us another key than ${target}`)
    const challenge = challengeDigest(issuer, target)
    const inputs = Array.from({ length: stockOf }, () =>
      tokenInput(random.bytes(32), challenge, key)
    )
    const hidden = await Promise.all(inputs.map(input => crypto.blind(key, input)))
    const signed = await tokens.sign(
      epoch,
      hidden.map(({ blinded }) => blinded)
    )
    if (signed.length !== hidden.length)
      throw new MuttrError('TOKEN_INVALID', `${issuer} signed another number of tokens`)
    const made = hidden.map(async ({ finish }, i) =>
      concatBytes(inputs[i]!, await finish(signed[i]!))
    )
    return { epoch, tokens: await Promise.all(made) }
  }

  return {
    async take(issuer, target, signal) {
      const pair = `${issuer} ${target}`
      for (;;) {
        const asked = stocks.get(pair)
        const stock = await asked
        const token = stock?.epoch === tokenEpochAt(clock.now()) ? stock.tokens.pop() : undefined
        if (token) return token
        // Who came meanwhile may have begun to fetch some.
        if (stocks.get(pair) !== asked) continue
        const filling = fill(issuer, target, signal)
        stocks.delete(pair)
        stocks.set(pair, filling)
        filling.catch(() => stocks.get(pair) === filling && stocks.delete(pair))
        const [oldest] = stocks.keys()
        if (stocks.size > pairsMax && oldest !== undefined) stocks.delete(oldest)
        await filling
      }
    }
  }
}
