import { MuttrError } from '../../base/errors.ts'
import type { Millis } from '../../base/ports.ts'
import type { Crypto } from '../../keys/crypto.ts'
import type { State } from '../../store/state.ts'
import { tokenEpochAt, tokensAtOnceMax } from '../../wire/token.ts'
import type { AccountId } from '../rows.ts'
import { tables } from '../rows.ts'
import { dropBefore } from '../scan.ts'
import type { TokenKeyShelf } from './keys.ts'

/** Signs tokens for accounts without seeing them: so many a day, whoever they will be spent at. */
export interface TokenIssuer {
  /** @throws {MuttrError} `TOKEN_INVALID` for another epoch, `LIMIT_EXCEEDED` */
  sign(
    account: AccountId,
    asked: { epoch: number; blinded: readonly Uint8Array[] },
    nowMs: Millis
  ): Promise<Uint8Array[]>
  sweep(nowMs: Millis): Promise<void>
}

interface Parts {
  state: State
  keys: Pick<TokenKeyShelf, 'pair'>
  crypto: Pick<Crypto, 'signBlinded'>
  /** Of an account. */
  perDayMax: number
}

const dayMs = 24 * 3_600_000
const dayKey = (nowMs: Millis): string => String(Math.floor(nowMs / dayMs)).padStart(8, '0')
const attemptsMax = 4

export function createTokenIssuer({ state, keys, crypto, perDayMax }: Parts): TokenIssuer {
  /** One row for each request, inserted: so that processes together give no more than they may. */
  async function count(account: AccountId, nowMs: Millis): Promise<void> {
    const prefix = `${dayKey(nowMs)}/${account}/`
    for (let attempt = 0; attempt < attemptsMax; attempt++) {
      const used = await state.list(tables.tokensGiven, { gte: prefix, lt: `${prefix}~` })
      if ((used.length + 1) * tokensAtOnceMax > perDayMax) break
      const key = `${prefix}${String(used.length).padStart(6, '0')}`
      const value = new Uint8Array()
      const { ok } = await state.write([{ type: 'insert', table: tables.tokensGiven, key, value }])
      if (ok) return
    }
    throw new MuttrError('LIMIT_EXCEEDED', 'no more tokens today')
  }
  return {
    async sign(account, { epoch, blinded }, nowMs) {
      const pair = epoch === tokenEpochAt(nowMs) ? await keys.pair(epoch) : undefined
      if (!pair) throw new MuttrError('TOKEN_INVALID', 'tokens are made in their own week alone')
      await count(account, nowMs)
      return blinded.map(one => crypto.signBlinded(pair.secret, one))
    },
    async sweep(nowMs) {
      await dropBefore(state, tables.tokensGiven, dayKey(nowMs))
    }
  }
}
