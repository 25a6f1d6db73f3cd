import type { PublicKey, SessionKey } from 'openpgp'
import * as openpgp from 'openpgp'
import { concatBytes, toHex } from '../base/bytes.ts'
import { MuttrError } from '../base/errors.ts'
import type { Millis } from '../base/ports.ts'
import type { Certificate } from './certificate.ts'
import { keyInvalid, keyOf } from './certificate.ts'
import { deflateBytesMin, paddedDeflate } from './deflate.ts'
import type { SignedBody } from './envelope.ts'
import { checkEnvelope, sealRefused, settingsForOpening, signedBody } from './envelope.ts'
import { checkedAt, refuseFuture } from './future.ts'
import { allPackets, dice, encryptedBody, settings } from './openpgp.ts'
import { packet, packetHeaderBytes, tags } from './packets.ts'
import type { Person } from './person.ts'
import { secretOf, signingDate } from './person.ts'
import { soleSignature } from './sign.ts'

/**
 * Signs, pads and encrypts to one hidden recipient: binary OpenPGP that names nobody. Between ourselves SEIPDv2 with AES-256-GCM;
 * to a key that does not announce it (GnuPG's), SEIPDv1. Source: docs/protocol/sealing.md
 * @param sizes the result is exactly the smallest of these that fits, in bytes.
 * @param brief leaves out the 70 random bytes by which openpgp.js makes every signature differ: for what holds random bytes itself and is signed once.
 * @throws {MuttrError} `LETTER_TOO_LARGE` when it fits none; `KEY_INVALID` when `to` is expired or revoked.
 */
export async function seal(
  plaintext: Uint8Array,
  {
    from,
    to,
    sizes,
    nowMs,
    brief = false
  }: {
    from: Person
    to: Certificate
    sizes: readonly number[]
    nowMs: Millis
    brief?: boolean
  }
): Promise<Uint8Array> {
  if (plaintext.byteLength > Math.max(...sizes)) throw tooLarge(plaintext)
  const signed = await signedMessage(plaintext, { from, nowMs, brief })
  const { session, sessionPacket } = await sessionFor(
    await keyOf(to),
    checkedAt(to.createdMs, nowMs)
  )
  const pad = session.aeadAlgorithm ? padVersion2 : padVersion1
  const overhead = sessionPacket.byteLength + packetHeaderBytes + pad.overheadBytes
  const size = [...sizes]
    .sort((a, b) => a - b)
    .find(s => s >= overhead + pad.bytesMin(signed.byteLength))
  if (size === undefined) throw tooLarge(plaintext)
  const inner = await pad.to(signed, size - overhead)
  const sealed = concatBytes(
    sessionPacket,
    packet(tags.encrypted, await encryptedBody(inner, session))
  )
  if (sealed.byteLength !== size)
    throw new TypeError(`sealed ${sealed.byteLength} bytes, not ${size}`)
  return sealed
}

const tooLarge = (plaintext: Uint8Array): MuttrError =>
  new MuttrError('LETTER_TOO_LARGE', `${plaintext.byteLength} bytes do not fit when sealed`)

async function signedMessage(
  plaintext: Uint8Array,
  { from, nowMs, brief }: { from: Person; nowMs: Millis; brief: boolean }
): Promise<Uint8Array> {
  try {
    const date = signingDate(from, nowMs)
    const message = await openpgp.createMessage({ binary: plaintext, date })
    return await openpgp.sign({
      message,
      signingKeys: secretOf(from),
      format: 'binary',
      date,
      config: brief ? { ...settings, nonDeterministicSignaturesViaNotation: false } : settings
    })
  } catch (cause) {
    throw keyInvalid(cause)
  }
}

async function sessionFor(
  key: PublicKey,
  date: Date
): Promise<{ session: SessionKey; sessionPacket: Uint8Array }> {
  try {
    // A key made just now, on a machine whose clock is ahead of ours, is still a key.
    const common = { encryptionKeys: key, date, config: settings }
    const session = await openpgp.generateSessionKey(common)
    const sessionPacket = await openpgp.encryptSessionKey({
      ...common,
      ...session,
      wildcard: true,
      format: 'binary'
    })
    return { session, sessionPacket }
  } catch (cause) {
    throw keyInvalid(cause)
  }
}

/** How a signed message is brought to an exact length before it is encrypted, and what encryption then adds. */
interface Padding {
  readonly overheadBytes: number
  bytesMin(signed: number): number
  to(signed: Uint8Array, length: number): Promise<Uint8Array>
}

/** A Padding packet after the message (RFC 9580, 5.14 and 10.3). Header and salt 36, one chunk's tag and the last tag 16 each. */
const padVersion2: Padding = {
  overheadBytes: 36 + 2 * 16,
  bytesMin: signed => signed + 2,
  async to(signed, length) {
    const spare = length - signed.byteLength
    if (spare - 2 >= 192)
      return concatBytes(signed, packet(tags.padding, await dice(spare - packetHeaderBytes)))
    return concatBytes(signed, Uint8Array.of(0xc0 | tags.padding, spare - 2), await dice(spare - 2))
  }
}

/**
 * Version 1 allows no Padding packet (Sequoia 0.27 refuses one), so the message goes into a Compressed Data packet whose deflate stream is
 * filled with empty blocks. Version 1, random prefix of 18, modification detection code of 22.
 */
const padVersion1: Padding = {
  overheadBytes: 1 + 18 + 22,
  bytesMin: signed => packetHeaderBytes + 1 + deflateBytesMin(signed),
  async to(signed, length) {
    const deflated = paddedDeflate(signed, length - packetHeaderBytes - 1)
    return packet(
      tags.compressed,
      concatBytes(Uint8Array.of(openpgp.enums.compression.zip), deflated)
    )
  }
}

export interface Opened {
  /** Not to be trusted before {@link verify} has resolved. */
  readonly plaintext: Uint8Array
  /** Fingerprint (hex) of the key that signed, as the signature claims: the primary key, or a signing subkey of an imported one. */
  readonly issuer: string | null
  /** The signature by itself: detached, over {@link plaintext} (RFC 9580, 5.2). */
  signature(): Uint8Array
  /** @throws {MuttrError} `SIGNATURE_INVALID`, and nothing else. */
  verify(sender: Certificate): Promise<void>
}

/**
 * Opens what was sealed to the reader, trying every subkey, expired ones too. A stranger's bytes: all limits are checked before
 * decryption, and an unsigned or twice signed message is refused. Who signed is for {@link Opened.verify}.
 * @throws {MuttrError} `SEAL_REFUSED`, and nothing else.
 */
export async function open(
  sealed: Uint8Array,
  { reader, nowMs }: { reader: Person; nowMs: Millis }
): Promise<Opened> {
  checkEnvelope(sealed)
  // A clock that is behind must not keep the reader from what was sealed to a key that is younger than it says.
  const body = await decrypted(sealed, reader, checkedAt(reader.certificate.createdMs, nowMs))
  const { issuerFingerprint, created } = body.signature
  const madeMs = created?.getTime() ?? 0
  return {
    plaintext: body.plaintext,
    issuer: issuerFingerprint ? toHex(issuerFingerprint) : null,
    signature: () => packet(tags.signature, writtenPacket(body.signature)),
    async verify(sender) {
      try {
        const date = checkedAt(madeMs, nowMs)
        await soleSignature(await body.message.verify([await keyOf(sender)], date, settings))
      } catch (cause) {
        throw new MuttrError('SIGNATURE_INVALID', 'not signed by this sender', { cause })
      }
      refuseFuture('what was signed', madeMs, nowMs)
    }
  }
}

/** A letter may have been sealed before the reader took the key of now. */
const secretsOf = (reader: Person) => [reader, ...reader.former].map(secretOf)

const writtenPacket = (signature: { write(): Uint8Array }): Uint8Array => signature.write()

async function decrypted(sealed: Uint8Array, reader: Person, date: Date): Promise<SignedBody> {
  try {
    const config = settingsForOpening()
    const message = await openpgp.readMessage({ binaryMessage: sealed, config: settings })
    const inside = await message.decrypt(secretsOf(reader), undefined, undefined, date, config)
    return signedBody(await allPackets(inside.packets))
  } catch (cause) {
    if (cause instanceof MuttrError) throw cause
    throw sealRefused('not sealed to this reader, or damaged', cause)
  }
}
