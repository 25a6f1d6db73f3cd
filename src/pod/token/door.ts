import { equalBytes, sha256, toHex } from '../../base/bytes.ts'
import { MuttrError } from '../../base/errors.ts'
import type { Clock, Millis } from '../../base/ports.ts'
import type { Crypto } from '../../keys/crypto.ts'
import type { State } from '../../store/state.ts'
import { nothing } from '../../wire/pod.ts'
import { podMethods } from '../../wire/pod-methods.ts'
import type { SignedTokenKeys, TokenKey } from '../../wire/token.ts'
import {
  challengeDigest,
  readToken,
  signedTokenKeys,
  tokenEpochAt,
  tokenKeys,
  tokenKeysLabel
} from '../../wire/token.ts'
import type { Federation } from '../federation/federation.ts'
import { reached } from '../greet.ts'
import type { Hostnames } from '../hostnames.ts'
import type { PodLimits } from '../limits.ts'
import { tables } from '../rows.ts'
import { dropBefore, rowsOf } from '../scan.ts'
import type { TokenKeyShelf } from './keys.ts'
import { epochKey } from './keys.ts'

interface Parts {
  state: State
  clock: Clock
  crypto: Crypto
  /** Of this pod, with those that it had before: tokens are good for it under any. */
  names: Pick<Hostnames, 'hostname' | 'former' | 'has'>
  federation: Pick<Federation, 'peers' | 'lines'>
  own: Pick<TokenKeyShelf, 'list' | 'signed'>
  limits: Pick<PodLimits, 'tokensKeptMax' | 'tokensKeptPerPodMax'>
}

/** Takes tokens of pods, each once. Source: docs/protocol/token.md#spending */
export interface TokenDoor extends Disposable {
  /**
   * Takes a token for one thing, as for a notice; again for the same thing it is the same.
   * @param before asked before the signature is checked; `signed` after that, before the token is spent.
   * @throws {MuttrError} `TOKEN_INVALID`, `TOKEN_SPENT`, `FEDERATION_REFUSED`, `LIMIT_EXCEEDED`, `POD_UNREACHABLE`, …
   */
  take(
    spent: { token: Uint8Array; issuer: string; thing: Uint8Array },
    o: { nowMs: Millis; before(): void; signed(): void }
  ): Promise<void>
  /** What a pod shows everybody of its keys; its own included. @throws as {@link take} */
  keysOf(hostname: string): Promise<SignedTokenKeys>
  sweep(nowMs: Millis): Promise<void>
  /** Counts what is remembered: other processes have added to it and taken from it. */
  recount(): Promise<void>
}

const askTimeoutMs: Millis = 15_000
/** A pod is not asked again sooner, whatever tokens are shown. */
const askEveryMs: Millis = 60_000
const issuersMax = 1_000

interface Issuer {
  readonly signed: SignedTokenKeys
  readonly keys: readonly TokenKey[]
}

const invalid = (what: string): MuttrError => new MuttrError('TOKEN_INVALID', what)

export async function openTokenDoor(parts: Parts): Promise<TokenDoor> {
  const { state, clock, crypto, names, federation, own, limits } = parts
  const { peers, lines } = federation
  const issuers = new Map<string, { askedMs: Millis; asking: Promise<Issuer> }>()
  const life = new AbortController()
  /** Tokens that are remembered as spent: in all, and of each issuer. */
  let kept = await countKept()

  async function countKept(): Promise<{ all: number; of: Map<string, number> }> {
    const found = { all: 0, of: new Map<string, number>() }
    for await (const { key } of rowsOf(state, tables.tokensSpent)) count(found, key)
    return found
  }
  function count(counts: { all: number; of: Map<string, number> }, key: string): void {
    const issuer = key.split('/')[1]!
    counts.all += 1
    counts.of.set(issuer, (counts.of.get(issuer) ?? 0) + 1)
  }
  /** Of one epoch a pod has one key: the first that was seen, in whichever process. */
  async function onlyOne(issuer: string, { epoch, key }: TokenKey): Promise<void> {
    const row = `${epochKey(epoch)}/${issuer}`
    await state.write([{ type: 'insert', table: tables.tokenKeysSeen, key: row, value: key }])
    const first = await state.get(tables.tokenKeysSeen, row)
    if (!first || !equalBytes(first, key))
      throw new MuttrError('TOKEN_KEY_FALSE', `${issuer} has shown another key for tokens`)
  }
  async function fetch(issuer: string): Promise<Issuer> {
    const { signal } = life
    using line = await lines.take(issuer, signal)
    const options = { timeoutMs: askTimeoutMs, signal }
    const asked = line.session.request(podMethods.tokenKeys, nothing.encode(), options)
    const signed = signedTokenKeys.decode(await reached(issuer, asked))
    const papers = await peers.papers(issuer)
    if (!papers) throw new MuttrError('POD_UNKNOWN', `${issuer} was never met`)
    const certificate = await crypto.readCertificate(papers.certificate)
    const { statement, signature } = signed
    await crypto.verifyDetached(certificate, tokenKeysLabel, statement, signature, clock.now())
    const said = tokenKeys.decode(statement)
    if (said.hostname !== issuer) throw invalid('keys for tokens of another pod')
    const nowEpoch = tokenEpochAt(clock.now())
    for (const one of said.keys) {
      if (Math.abs(one.epoch - nowEpoch) > 1) throw invalid('keys of another time')
      crypto.checkTokenKey(one.key)
      await onlyOne(issuer, one)
    }
    return { signed, keys: said.keys }
  }
  /** @param wanted what must be among its keys: else it is asked anew, now and then. */
  async function issuerOf(hostname: string, wanted: (issuer: Issuer) => boolean): Promise<Issuer> {
    if (names.has(hostname)) {
      const [signed, keys] = [await own.signed(clock.now()), await own.list(clock.now())]
      return { signed, keys }
    }
    peers.check(hostname)
    const known = issuers.get(hostname)
    const isRecent = known !== undefined && known.askedMs + askEveryMs > clock.now()
    // Whoever cannot be asked is not asked again at once, either.
    if (isRecent) return await known.asking
    const found = await known?.asking.catch(() => undefined)
    if (found && wanted(found)) return found
    const asking = fetch(hostname)
    asking.catch(() => undefined)
    issuers.delete(hostname)
    issuers.set(hostname, { askedMs: clock.now(), asking })
    const [oldest] = issuers.keys()
    if (issuers.size > issuersMax && oldest !== undefined) issuers.delete(oldest)
    return await asking
  }
  async function spend(
    { issuer, epoch, nonce }: { issuer: string; epoch: number; nonce: Uint8Array },
    thing: Uint8Array
  ): Promise<void> {
    const key = `${epochKey(epoch)}/${issuer}/${toHex(nonce)}`
    const value = sha256(thing)
    const before = await state.get(tables.tokensSpent, key)
    if (!before) {
      const isFull = kept.all >= limits.tokensKeptMax
      if (isFull || (kept.of.get(issuer) ?? 0) >= limits.tokensKeptPerPodMax)
        throw new MuttrError('LIMIT_EXCEEDED', 'no more tokens are taken until older ones end')
      const { ok } = await state.write([{ type: 'insert', table: tables.tokensSpent, key, value }])
      if (ok) {
        count(kept, key)
        return
      }
    }
    const first = before ?? (await state.get(tables.tokensSpent, key))
    if (!first || !equalBytes(first, value))
      throw new MuttrError('TOKEN_SPENT', 'the token was spent before')
  }

  return {
    async take({ token, issuer, thing }, { nowMs, before, signed }) {
      const read = readToken(token)
      const isFor = (self: string): boolean =>
        read !== undefined && equalBytes(read.challenge, challengeDigest(issuer, self))
      if (!read || ![names.hostname, ...names.former].some(isFor))
        throw invalid('a token of another kind, or for another pod')
      const isIt = ({ key }: TokenKey) => equalBytes(sha256(key), read.keyId)
      const { keys } = await issuerOf(issuer, known => known.keys.some(isIt))
      const found = keys.find(isIt)
      const age = found && tokenEpochAt(nowMs) - found.epoch
      if (!found || age === undefined || age > 1)
        throw invalid('a token of no key that is good now')
      before()
      if (!crypto.verifyToken(found.key, read.input, read.signature))
        throw invalid('a token that its pod did not sign')
      signed()
      await spend({ issuer, epoch: found.epoch, nonce: read.nonce }, thing)
    },
    async keysOf(hostname) {
      const isNow = ({ keys }: Issuer) =>
        keys.some(({ epoch }) => epoch === tokenEpochAt(clock.now()))
      return (await issuerOf(hostname, isNow)).signed
    },
    async recount() {
      kept = await countKept()
    },
    async sweep(nowMs) {
      const lt = epochKey(tokenEpochAt(nowMs) - 1)
      if ((await dropBefore(state, tables.tokensSpent, lt)) > 0) kept = await countKept()
      await dropBefore(state, tables.tokenKeysSeen, lt)
    },
    [Symbol.dispose]: () => life.abort()
  }
}
