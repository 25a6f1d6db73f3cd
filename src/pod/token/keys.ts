import type { Clock, Millis } from '../../base/ports.ts'
import type { Crypto } from '../../keys/crypto.ts'
import type { Person } from '../../keys/person.ts'
import type { TokenPair } from '../../keys/token.ts'
import type { State } from '../../store/state.ts'
import { bytes, literal, tuple } from '../../wire/cbor.ts'
import type { SignedTokenKeys, TokenKey } from '../../wire/token.ts'
import { tokenEpochAt, tokenKeyBytes, tokenKeys, tokenKeysLabel } from '../../wire/token.ts'
import type { Row } from '../rows.ts'
import { row, tables } from '../rows.ts'
import { dropBefore } from '../scan.ts'

/** The pod's own keys for tokens: one for each week, the same for everybody and in every process. */
export interface TokenKeyShelf {
  /** The key of an epoch, made when it is the present one and asked for first. */
  pair(epoch: number): Promise<TokenPair | undefined>
  /** Those whose tokens are good now. */
  list(nowMs: Millis): Promise<TokenKey[]>
  signed(nowMs: Millis): Promise<SignedTokenKeys>
  sweep(nowMs: Millis): Promise<void>
}

interface Parts {
  state: State
  clock: Clock
  crypto: Crypto
  person: Person
  hostname: string
}

const pairRow: Row<TokenPair> = row(
  'a key for tokens',
  tuple(literal(1), bytes(tokenKeyBytes), bytes(1, 2_048)),
  ([, key, secret]) => ({ key, secret }),
  p => [1, p.key, p.secret],
  3_072
)

export const epochKey = (epoch: number): string => String(epoch).padStart(8, '0')
const signedForMs: Millis = 3_600_000

export function createTokenKeys({ state, clock, crypto, person, hostname }: Parts): TokenKeyShelf {
  const pairs = new Map<number, Promise<TokenPair | undefined>>()
  let signed: { epoch: number; untilMs: Millis; made: Promise<SignedTokenKeys> } | undefined

  async function read(epoch: number): Promise<TokenPair | undefined> {
    const kept = await state.get(tables.tokenKeys, epochKey(epoch))
    if (kept) return pairRow.decode(kept)
    if (epoch !== tokenEpochAt(clock.now())) return undefined
    const value = pairRow.encode(await crypto.makeTokenKey())
    // Of two processes that make one at once the first has made it.
    await state.write([{ type: 'insert', table: tables.tokenKeys, key: epochKey(epoch), value }])
    return pairRow.decode((await state.get(tables.tokenKeys, epochKey(epoch)))!)
  }
  function pair(epoch: number): Promise<TokenPair | undefined> {
    const known = pairs.get(epoch)
    if (known) return known
    const reading = read(epoch)
    pairs.set(epoch, reading)
    const forget = () => void pairs.delete(epoch)
    reading.then(found => found ?? forget(), forget)
    return reading
  }
  async function list(nowMs: Millis): Promise<TokenKey[]> {
    const epochs = [tokenEpochAt(nowMs) - 1, tokenEpochAt(nowMs)]
    const found = await Promise.all(epochs.map(async epoch => ({ epoch, pair: await pair(epoch) })))
    return found.flatMap(one => (one.pair ? { epoch: one.epoch, key: one.pair.key } : []))
  }
  async function sign(nowMs: Millis): Promise<SignedTokenKeys> {
    const keys = await list(nowMs)
    const statement = tokenKeys.encode({ hostname, keys, issuedMs: Math.floor(nowMs) })
    const signature = await crypto.signDetached(person, tokenKeysLabel, statement, nowMs)
    return { statement, signature }
  }
  return {
    pair,
    list,
    async signed(nowMs) {
      const epoch = tokenEpochAt(nowMs)
      if (signed?.epoch !== epoch || signed.untilMs <= nowMs) {
        const made = sign(nowMs)
        const mine = { epoch, untilMs: nowMs + signedForMs, made }
        signed = mine
        made.catch(() => {
          if (signed === mine) signed = undefined
        })
      }
      return await signed.made
    },
    async sweep(nowMs) {
      const lt = epochKey(tokenEpochAt(nowMs) - 1)
      await dropBefore(state, tables.tokenKeys, lt)
      for (const epoch of pairs.keys()) if (epochKey(epoch) < lt) pairs.delete(epoch)
    }
  }
}
