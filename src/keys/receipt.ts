import { equalBytes } from '../base/bytes.ts'
import { MuttrError } from '../base/errors.ts'
import { limits } from '../base/limits.ts'
import type { Millis } from '../base/ports.ts'
import type { Acceptance } from '../wire/receipt.ts'
import { decodeAcceptance, encodeAcceptance, receiptLabel } from '../wire/receipt.ts'
import type { Certificate } from './certificate.ts'
import type { Crypto } from './crypto.ts'
import { openPgp } from './crypto.ts'
import type { Person } from './person.ts'
import { labelled } from './sign.ts'

/**
 * A receipt for the sender alone: signed by the recipient, padded and sealed to exactly {@link limits.receiptBytesMax}.
 * Source: docs/protocol/proof.md#receipts
 * @throws {MuttrError} `LETTER_TOO_LARGE` for keys whose signature does not fit (RSA), `KEY_INVALID`
 */
export const sealReceipt = (
  acceptance: Acceptance,
  { from, to, nowMs }: { from: Person; to: Certificate; nowMs: Millis },
  crypto: Crypto = openPgp
): Promise<Uint8Array> =>
  crypto.seal(labelled(receiptLabel, encodeAcceptance(acceptance)), {
    from,
    to,
    sizes: [limits.receiptBytesMax],
    nowMs,
    brief: true
  })

/** A receipt that was opened. Not to be trusted before {@link verify} has resolved. */
export interface OpenedReceipt extends Acceptance {
  /** The recipient's, detached: whoever has the certificate can check it with `verifyDetached`. */
  readonly signature: Uint8Array
  /** @throws {MuttrError} `SIGNATURE_INVALID` */
  verify(recipient: Certificate): Promise<void>
}

const prefix = labelled(receiptLabel, new Uint8Array())

/** @throws {MuttrError} `SEAL_REFUSED`, `SIGNATURE_INVALID` for what is no receipt, and nothing else. */
export async function openReceipt(
  sealed: Uint8Array,
  { reader, nowMs }: { reader: Person; nowMs: Millis },
  crypto: Crypto = openPgp
): Promise<OpenedReceipt> {
  const opened = await crypto.open(sealed, { reader, nowMs })
  const { plaintext } = opened
  if (!equalBytes(plaintext.subarray(0, prefix.byteLength), prefix))
    throw new MuttrError('SIGNATURE_INVALID', 'something else than a receipt is signed')
  const acceptance = readAcceptance(plaintext.slice(prefix.byteLength))
  return { ...acceptance, signature: opened.signature(), verify: opened.verify }
}

function readAcceptance(frame: Uint8Array): Acceptance {
  try {
    return decodeAcceptance(frame)
  } catch (cause) {
    throw new MuttrError('SIGNATURE_INVALID', 'not a receipt', { cause })
  }
}
