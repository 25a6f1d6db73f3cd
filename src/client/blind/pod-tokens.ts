import { nothing } from '../../wire/pod.ts'
import { podMethods } from '../../wire/pod-methods.ts'
import type { SignedTokenKeys } from '../../wire/token.ts'
import { signedTokenKeys, tokensAnswer, tokensRequest } from '../../wire/token.ts'

/** Tokens of an own pod. Source: docs/protocol/token.md */
export interface PodTokens {
  /** What it shows of its keys; nothing of it is checked. */
  keys(): Promise<SignedTokenKeys>
  /** Has tokens signed unseen. Needs an identified link. @throws `TOKEN_INVALID`, `LIMIT_EXCEEDED`, `ALIAS_MISSING`, `ACCOUNT_SUSPENDED` */
  sign(epoch: number, blinded: readonly Uint8Array[]): Promise<readonly Uint8Array[]>
}

export const podTokens = (
  ask: (method: string, payload: Uint8Array) => Promise<Uint8Array>
): PodTokens => ({
  keys: async () => signedTokenKeys.decode(await ask(podMethods.tokenKeys, nothing.encode())),
  sign: async (epoch, blinded) =>
    tokensAnswer.decode(await ask(podMethods.tokens, tokensRequest.encode({ epoch, blinded })))
      .signatures
})
