import { MuttrError } from '../../base/errors.ts'
import type { Millis } from '../../base/ports.ts'
import { nothing } from '../../wire/pod.ts'
import { podMethods } from '../../wire/pod-methods.ts'
import { signedTokenKeys, tokensAnswer, tokensRequest } from '../../wire/token.ts'
import type { Gates } from '../gates.ts'
import type { AccountId } from '../rows.ts'
import type { Answers } from '../session.ts'
import type { Tokens } from './tokens.ts'

interface Parts {
  /** Undefined where a pod has nothing to do with others. */
  tokens: Tokens | undefined
  gates: Gates
  /** @throws {MuttrError} `IDENTIFY_FIRST` */
  self(nowMs: Millis): { account: AccountId }
  isKnown(account: AccountId): Promise<boolean>
  /** @throws {MuttrError} `ACCOUNT_SUSPENDED` */
  mayAsk(account: AccountId, nowMs: Millis): Promise<void>
}

/** What a pod shows of its keys for tokens, and the tokens that it gives. Source: docs/protocol/token.md */
export function tokenAnswers({ tokens, gates, self, isKnown, mayAsk }: Parts): Answers {
  if (!tokens) return {}
  return {
    async [podMethods.tokenKeys](payload, nowMs) {
      nothing.decode(payload)
      return signedTokenKeys.encode(await tokens.keys.signed(nowMs))
    },
    async [podMethods.tokens](payload, nowMs) {
      const { account } = self(nowMs)
      const asked = tokensRequest.decode(payload)
      if (!(await isKnown(account)))
        throw new MuttrError('ALIAS_MISSING', 'tokens are for people of this pod')
      await mayAsk(account, nowMs)
      gates.tokens(nowMs)
      return tokensAnswer.encode({ signatures: await tokens.issuer.sign(account, asked, nowMs) })
    }
  }
}
