import type { Clock, Millis } from '../../base/ports.ts'
import type { Crypto } from '../../keys/crypto.ts'
import type { Person } from '../../keys/person.ts'
import type { State } from '../../store/state.ts'
import type { Federation } from '../federation/federation.ts'
import type { Hostnames } from '../hostnames.ts'
import type { PodLimits } from '../limits.ts'
import type { TokenDoor } from './door.ts'
import { openTokenDoor } from './door.ts'
import type { TokenIssuer } from './issuer.ts'
import { createTokenIssuer } from './issuer.ts'
import type { TokenKeyShelf } from './keys.ts'
import { createTokenKeys } from './keys.ts'

/** Tokens that a pod gives its people, and those of other pods that it takes. Source: docs/protocol/token.md */
export interface Tokens extends Disposable {
  readonly keys: TokenKeyShelf
  readonly issuer: TokenIssuer
  readonly door: TokenDoor
  sweep(nowMs: Millis): Promise<void>
}

export async function openTokens(parts: {
  state: State
  clock: Clock
  crypto: Crypto
  person: Person
  hostname: string
  names: Hostnames
  federation: Federation
  limits: PodLimits
}): Promise<Tokens> {
  const { state, crypto, limits } = parts
  const keys = createTokenKeys(parts)
  const issuer = createTokenIssuer({
    ...{ state, keys, crypto, perDayMax: limits.tokensPerAccountPerDayMax }
  })
  const door = await openTokenDoor({ ...parts, own: keys })
  return {
    ...{ keys, issuer, door },
    async sweep(nowMs) {
      for (const one of [keys, issuer, door]) await one.sweep(nowMs)
    },
    [Symbol.dispose]: () => door[Symbol.dispose]()
  }
}
