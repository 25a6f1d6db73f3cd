import * as wire from '../../src/wire/token.ts'
import { describeFrames } from '../support/frame-vectors.ts'

describeFrames('the frames of tokens', 'token.json', {
  'signed-token-keys': wire.signedTokenKeys,
  'token-keys': wire.tokenKeys,
  tokens: wire.tokensRequest,
  'tokens-answer': wire.tokensAnswer,
  'token-submit': wire.tokenSubmit
})
