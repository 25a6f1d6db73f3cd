import { equalBytes, toHex } from '../base/bytes.ts'
import { codeOf, MuttrError } from '../base/errors.ts'
import type { Millis } from '../base/ports.ts'
import type { Certificate } from '../keys/certificate.ts'
import type { Crypto } from '../keys/crypto.ts'
import { openPgp } from '../keys/crypto.ts'
import { refuseFuture } from '../keys/future.ts'
import type { Person } from '../keys/person.ts'
import { ownKey } from '../keys/person.ts'
import type { Opened } from '../keys/seal.ts'
import { readAlias } from '../pod/alias.ts'
import type { AddressOffer, RelationPlace } from '../wire/address.ts'
import { decodeOffer, isOffer } from '../wire/address.ts'
import type { Letter } from '../wire/letter.ts'
import { decodeLetter } from '../wire/letter.ts'
import type { Slip } from '../wire/notice.ts'
import { decodeSlip } from '../wire/notice.ts'
import { openRelationSlip } from './addresses/sealed-slip.ts'
import type { NoticeRow } from './inbox-rows.ts'

const forged = (what: string, cause?: unknown) => new MuttrError('LETTER_FORGED', what, { cause })

/** Proves that somebody signed it. @throws {MuttrError} `LETTER_FORGED` */
async function signedBy(opened: Opened, certificate: Certificate, what: string): Promise<void> {
  try {
    await opened.verify(certificate)
  } catch (cause) {
    if (codeOf(cause) !== 'SIGNATURE_INVALID') throw cause
    throw forged(`${what} is not signed by its sender`, cause)
  }
}

/** A slip that belongs to its notice; who signed it is checked by `signedBy`. */
export interface OpenedSlip extends Slip {
  /** It is no letter's: its sender says where ours are announced from now on. */
  readonly offer?: AddressOffer
  /** On an address that its reader made, by which the sender is known: that this is the key of the letter. @throws {MuttrError} `LETTER_FORGED` */
  signedBy(certificate: Certificate): Promise<void>
}

interface Opening {
  reader: Person
  nowMs: Millis
  crypto?: Crypto
  /** Whose letters come to an address of ours; nobody's unless told. */
  at?: (address: Uint8Array) => { relation: { them: string }; place: RelationPlace } | undefined
}

/**
 * Opens what came with a notice, before anything is fetched.
 * @throws {MuttrError} `SEAL_REFUSED`, `NOTICE_INVALID` also for an alias in another than its folded form, `LETTER_FORGED` when it was
 *   made for another blob.
 */
export async function openSlip(
  notice: Pick<NoticeRow, 'slip' | 'key' | 'address'>,
  { reader, nowMs, crypto = openPgp, at = () => undefined }: Opening
): Promise<OpenedSlip> {
  const { slip: sealed, key, address } = notice
  const made = address ? at(address) : undefined
  if (made) return ofRelation(openRelationSlip(notice, made.place), made.relation)
  const opened = await crypto.open(sealed, { reader, nowMs })
  const offer = isOffer(opened.plaintext) ? decodeOffer(opened.plaintext) : undefined
  const slip = offer ? { ...offer, letter: key } : decodeSlip(opened.plaintext)
  if (!equalBytes(slip.key, key)) throw forged('the slip belongs to another notice')
  if (!isFolded(slip.alias)) throw new MuttrError('NOTICE_INVALID', 'the slip names no alias')
  const { fingerprint, alias, letter } = slip
  return {
    ...{ fingerprint, alias, letter, key },
    ...(offer && { offer }),
    signedBy: certificate => signedBy(opened, certificate, 'the slip')
  }
}

/** Nobody but the correspondent could seal it: that says as much as a signature. */
function ofRelation(slip: Slip, { them }: { them: string }): OpenedSlip {
  if (slip.alias !== them) throw forged('the slip names another than whose address it came to')
  return {
    ...slip,
    async signedBy({ fingerprint }) {
      if (fingerprint !== slip.fingerprint) throw forged('the slip names another key')
    }
  }
}

/** `Alice@one.test`, or one with an invisible character in it, would look like the pinned alice and be nobody we know. */
function isFolded(alias: string): boolean {
  try {
    return readAlias(alias).full === alias
  } catch {
    return false
  }
}

/** @throws {MuttrError} `LETTER_FORGED` for one that was written when its sender had left the key that signed it */
export function mustBeBefore({ letter }: OpenedLetter, { untilMs }: { untilMs: Millis }): void {
  if (letter.sentMs > untilMs)
    throw forged('the letter is signed by a key that its sender had left')
}

/** A letter that says the same as its slip and was written to us; who signed it is checked by `signedBy`. */
export interface OpenedLetter {
  readonly letter: Letter
  /** The signed bytes. */
  readonly frame: Uint8Array
  /** The alias under which we are its reader. */
  readonly to: string
  /** The fingerprint of our key that it was written to: ours now, or one before. */
  readonly readBy: string
  /** @throws {MuttrError} `LETTER_FORGED` */
  signedBy(certificate: Certificate): Promise<void>
}

/**
 * Opens a letter and makes the reader's checks, which OpenPGP alone does not: whoever gets a signed letter can seal it again to
 * somebody else. Source: docs/protocol/letter.md#what-a-reader-checks
 * @throws {MuttrError} `SEAL_REFUSED`, `LETTER_INVALID`, `LETTER_FORGED`, `CLOCK_WRONG`
 */
export async function openLetter(
  sealed: Uint8Array,
  slip: Slip,
  { reader, nowMs, crypto = openPgp }: { reader: Person; nowMs: Millis; crypto?: Crypto }
): Promise<OpenedLetter> {
  const opened = await crypto.open(sealed, { reader, nowMs })
  const frame = opened.plaintext
  const letter = decodeLetter(frame)
  const mine = letter.recipients.find(({ fingerprint }) => ownKey(reader, toHex(fingerprint)))
  if (!mine) throw forged('the letter was written to another reader')
  if (toHex(letter.sender.fingerprint) !== slip.fingerprint || letter.sender.alias !== slip.alias)
    throw forged('the slip names another sender than the letter')
  if (!equalBytes(letter.id, slip.letter)) throw forged('the slip names another letter')
  refuseFuture('the letter', letter.sentMs, nowMs)
  return {
    letter,
    frame,
    to: mine.alias,
    readBy: toHex(mine.fingerprint),
    signedBy: certificate => signedBy(opened, certificate, 'the letter')
  }
}
