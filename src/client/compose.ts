import { fromHex, sha256, utf8 } from '../base/bytes.ts'
import { codeOf, MuttrError } from '../base/errors.ts'
import { limits } from '../base/limits.ts'
import type { Millis, Random } from '../base/ports.ts'
import type { Certificate } from '../keys/certificate.ts'
import type { Crypto } from '../keys/crypto.ts'
import { openPgp } from '../keys/crypto.ts'
import type { Person } from '../keys/person.ts'
import { foldHostname, readAlias } from '../pod/alias.ts'
import type { Blob } from '../wire/blob.ts'
import { expiryAt, makeBlob } from '../wire/blob.ts'
import type { Letter, Party } from '../wire/letter.ts'
import { encodeLetter, isMimeType } from '../wire/letter.ts'
import { encodeNotice, encodeSlip, noticeInfo } from '../wire/notice.ts'
import type { Draft } from './client.ts'

/** A draft that was looked over: what can be said of it before any key is known. */
export interface CheckedDraft {
  /** Folded. */
  to: string
  subject: string
  body: Uint8Array
  mimeType: string
  expiryMs: Millis
  /** A hostname, folded. */
  via: string | null
}

/** @throws {MuttrError} `ALIAS_INVALID`, `LETTER_TOO_LARGE`, `LETTER_INVALID` */
export function checkDraft(draft: Draft, nowMs: Millis): CheckedDraft {
  const refuse = (what: string, hint: string): never => {
    throw new MuttrError('LETTER_INVALID', what, { hint })
  }
  const to = readAlias(draft.to).full
  const body = utf8(draft.body)
  if (body.byteLength > limits.letterBodyBytesMax)
    throw new MuttrError('LETTER_TOO_LARGE', `a body of ${body.byteLength} bytes`)
  const subject = draft.subject ?? ''
  if (Buffer.byteLength(subject) > limits.letterSubjectBytesMax || /\p{Cc}/u.test(subject))
    refuse('the subject', 'A subject is one line of at most 998 bytes.')
  if (!subject.isWellFormed() || !draft.body.isWellFormed())
    refuse('text that is not Unicode', 'The text holds half of a surrogate pair.')
  const lifeMs = draft.lifeMs ?? limits.blobLifeMsDefault
  if (!(lifeMs > 0 && lifeMs <= limits.blobLifeMsMax))
    refuse('a letter of such a life', 'The network keeps a letter for at most 100 days.')
  const mimeType = draft.mimeType ?? 'text/plain'
  if (!isMimeType(mimeType)) refuse('the MIME type', 'A type is written as in text/plain.')
  return {
    to,
    subject,
    body,
    mimeType,
    expiryMs: expiryAt(nowMs + lifeMs),
    via: draft.via === undefined ? null : foldHostname(draft.via)
  }
}

/** What the sender alone keeps of a letter, to withdraw it or to see it accepted. 32 bytes each. */
export interface Secrets {
  readonly retract: Uint8Array
  readonly accept: Uint8Array
}

export const makeSecrets = (random: Random): Secrets => ({
  retract: random.bytes(32),
  accept: random.bytes(32)
})

/** @throws {MuttrError} `KEY_INVALID` when `fingerprint` is none. */
export function party({ fingerprint, alias }: { fingerprint: string; alias: string }): Party {
  const bytes = fromHex(fingerprint, fingerprint.length / 2)
  if (!bytes) throw new MuttrError('KEY_INVALID', 'a fingerprint that is not hex')
  return { fingerprint: bytes, alias }
}

export const noFlags: Letter['flags'] = {
  retracts: null,
  corrects: null,
  receiptRequested: false,
  escrowDisclosed: false
}

/**
 * Signs, pads and seals a letter to one reader, and makes the blob that the network keeps.
 * @throws {MuttrError} `LETTER_TOO_LARGE`, `LETTER_INVALID`, `KEY_INVALID`
 */
export async function sealLetter({
  letter,
  secrets,
  from,
  to,
  expiryMs,
  nowMs,
  crypto = openPgp
}: {
  letter: Letter
  secrets: Secrets
  from: Person
  to: Certificate
  expiryMs: Millis
  nowMs: Millis
  crypto?: Crypto
}): Promise<Blob> {
  const sizes = limits.sealedSizes
  const sealed = await crypto.seal(encodeLetter(letter), { from, to, sizes, nowMs })
  return makeBlob(sealed, {
    expiryMs,
    retract: sha256(secrets.retract),
    accept: sha256(secrets.accept)
  })
}

/** Seals to the reader who sends: checked by the reader before it fetches anything. @throws as {@link sealLetter} */
export const sealSlip = ({
  from,
  alias,
  to,
  letter,
  key,
  nowMs,
  crypto = openPgp
}: {
  from: Person
  alias: string
  to: Certificate
  letter: Uint8Array
  key: Uint8Array
  nowMs: Millis
  crypto?: Crypto
}): Promise<Uint8Array> =>
  crypto
    .seal(encodeSlip({ fingerprint: from.certificate.fingerprint, alias, letter, key }), {
      from,
      to,
      sizes: [limits.slipBytes],
      nowMs,
      brief: true
    })
    .catch(err => {
      if (codeOf(err) !== 'LETTER_TOO_LARGE') throw err
      throw new MuttrError(
        'LETTER_TOO_LARGE',
        'two RSA keys as large as these leave no room in a notice',
        {
          cause: err,
          hint: 'One of the two needs an Ed25519 key, as `muttr init` makes; see docs/protocol/notice.md.'
        }
      )
    })

/** Seals to the pod of the reader where the letter lies and for which address. */
export const sealNotice = (
  notice: Parameters<typeof encodeNotice>[0],
  hpkeKey: Uint8Array,
  crypto: Crypto = openPgp
): Promise<Uint8Array> => crypto.hpkeSeal(hpkeKey, noticeInfo, encodeNotice(notice))
