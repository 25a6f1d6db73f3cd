import { codeOf, MuttrError } from '../../base/errors.ts'
import { limits } from '../../base/limits.ts'
import type { Millis, PeerId, Random } from '../../base/ports.ts'
import { answerNonceBytes } from '../../keys/blind.ts'
import type { Crypto } from '../../keys/crypto.ts'
import type { BlindAnswer } from '../../wire/blind.ts'
import { blindAnswer, decodeBlindRequest, encodeBlindAnswer } from '../../wire/blind.ts'
import { createSeen } from './seen.ts'

/** Through whom a request came: all that is known of who asks. */
export interface Through {
  readonly peer: PeerId
  /** A pod's hostname, where it has shown that it is one; else its network, or the peer where networks are not counted. */
  readonly relay: string
  readonly isPod: boolean
  readonly nowMs: Millis
  readonly signal: AbortSignal
}

/** What may be asked blindly, by its name within the seal. Asked twice, it is done once. */
export type BlindMethods = Record<
  string,
  (payload: Uint8Array, through: Through) => Promise<Uint8Array>
>

/** A pod as the one that is asked: it knows what, and not who. Source: docs/protocol/blind.md */
export interface BlindTarget {
  /** @returns a `blindAnswer` of src/wire/blind.ts. @throws {MuttrError} `BLIND_INVALID` */
  open(sealed: Uint8Array, through: Through): Promise<Uint8Array>
}

interface Parts {
  hpkeSecret: Uint8Array
  crypto: Pick<Crypto, 'openRequest'>
  random: Random
  methods: BlindMethods
}

/** A request is good for so long before and after its time, so what was seen is kept for twice that. */
const seen = { max: 100_000, keptMs: 2 * limits.clockSkewMs }

export function createBlindTarget({ hpkeSecret, crypto, random, methods }: Parts): BlindTarget {
  const window = createSeen(seen)
  return {
    async open(sealed, through) {
      const opened = await crypto.openRequest(hpkeSecret, sealed)
      const { atMs, size, method, payload } = decodeBlindRequest(opened.plaintext)
      window.take(opened.enc, through.nowMs)
      const answer = await answered(async () => {
        if (Math.abs(atMs - through.nowMs) > limits.clockSkewMs)
          throw new MuttrError('CLOCK_WRONG', 'a request of another time')
        const known = Object.hasOwn(methods, method) ? methods[method] : undefined
        if (!known) throw new MuttrError('METHOD_UNKNOWN', 'nothing that is asked blindly')
        return await known(payload, through)
      })
      const plaintext = encodeBlindAnswer(answer, size)
      const nonce = random.bytes(answerNonceBytes)
      return blindAnswer.encode({ sealed: opened.answer(plaintext, nonce) })
    }
  }
}

/** A refusal is sealed as what was asked for is: the relay cannot tell them apart. */
async function answered(work: () => Promise<Uint8Array>): Promise<BlindAnswer> {
  try {
    return { payload: await work() }
  } catch (err) {
    return { code: codeOf(err) ?? 'INTERNAL' }
  }
}
