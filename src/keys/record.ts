import type { PublicKeyPacket, SignaturePacket, Subkey } from 'openpgp'
import * as openpgp from 'openpgp'
import { MuttrError } from '../base/errors.ts'
import { limits } from '../base/limits.ts'
import type { Millis } from '../base/ports.ts'
import type { RecordAuthor, VerifyRecord } from '../wire/record.ts'
import { isFast, keyInvalid } from './certificate.ts'
import { isHashTaken, isSignedBy, readKeyPackets, settings } from './openpgp.ts'
import { tags, walkPackets } from './packets.ts'
import type { Person } from './person.ts'
import { secretOf, signingDate } from './person.ts'

const { signature: types, keyFlags } = openpgp.enums

/**
 * The person as the author of a DHT record: the primary key and, when a subkey signs, that one with its binding signature.
 * What else a certificate says stays out of it. Source: docs/protocol/record.md#author
 * @throws {MuttrError} `KEY_INVALID` when the key has expired, or is too large for a record.
 */
export async function recordAuthorOf(person: Person, nowMs: Millis): Promise<RecordAuthor> {
  const secret = secretOf(person)
  const key = secret.toPublic()
  const { date, signing } = await signingKey(person, nowMs)
  const packets = new openpgp.PacketList<openpgp.AnyPacket>()
  packets.push(key.keyPacket)
  const subkey = key.subkeys.find(({ keyPacket }) => keyPacket.hasSameFingerprintAs(signing))
  if (subkey) packets.push(subkey.keyPacket as openpgp.AnyPacket, bindingOf(subkey, date))
  const bytes = packets.write()
  if (bytes.byteLength > limits.recordAuthorBytesMax)
    throw new MuttrError('KEY_INVALID', 'the key is too large to stand in a record')
  return { scheme: 1, bytes }
}

/** Signs what `recordSignedBytes` gives, with the key that {@link recordAuthorOf} shows at the same time. @throws as that */
export async function signRecord(
  person: Person,
  signed: Uint8Array,
  nowMs: Millis
): Promise<Uint8Array> {
  try {
    const { date, signing } = await signingKey(person, nowMs)
    return await openpgp.sign({
      message: await openpgp.createMessage({ binary: signed, date }),
      signingKeys: secretOf(person),
      signingKeyIDs: signing.getKeyID(),
      detached: true,
      format: 'binary',
      date,
      config: settings
    })
  } catch (cause) {
    throw keyInvalid(cause)
  }
}

async function signingKey(person: Person, nowMs: Millis) {
  const date = signingDate(person, nowMs)
  try {
    const found = await secretOf(person).getSigningKey(undefined, date, undefined, settings)
    return { date, signing: found.keyPacket as openpgp.SecretKeyPacket }
  } catch (cause) {
    throw keyInvalid(cause)
  }
}

function bindingOf({ bindingSignatures }: Subkey, date: Date): SignaturePacket {
  const newest = bindingSignatures
    .filter(({ created, embeddedSignature }) => created! <= date && embeddedSignature)
    .sort((a, b) => a.created!.getTime() - b.created!.getTime())
    .at(-1)
  if (!newest) throw new MuttrError('KEY_INVALID', 'a signing subkey without its binding')
  return newest
}

/**
 * Checks a scheme 1 author's signature over a record. Whether its key was revoked or has expired does not stand in a record: who
 * acts on it has the certificate. At most three signatures of fast algorithms are verified, whatever the bytes.
 */
export const verifyRecord: VerifyRecord = async ({ author, signed, signature, nowMs }) => {
  const date = new Date(nowMs + limits.clockSkewMs)
  const signer = await signerOf(author, date)
  try {
    await checkSignature(signer, { signed, signature, date })
  } catch (cause) {
    throw new MuttrError('SIGNATURE_INVALID', 'not signed by its author', { cause })
  }
}

/** @returns the key that signs for the author. @throws {MuttrError} `KEY_INVALID` */
async function signerOf(author: Uint8Array, date: Date): Promise<PublicKeyPacket> {
  try {
    if (author.byteLength > limits.recordAuthorBytesMax) throw new Error('its size')
    const kinds = walkPackets(author, 3).map(({ tag }) => tag)
    const alone = `${kinds}` === `${tags.publicKey}`
    if (!alone && `${kinds}` !== `${[tags.publicKey, tags.publicSubkey, tags.signature]}`)
      throw new Error('not a primary key, alone or with a signing subkey and its binding')
    const list = await readKeyPackets(author)
    if (list.length !== kinds.length) throw new Error('packets of an unknown version')
    const [primary, subkey, binding] = list
    const key = usable(primary)
    if (alone) return key
    const sub = usable(subkey)
    if (!(binding instanceof openpgp.SignaturePacket)) throw new Error('no binding')
    await checkBinding(key, sub, binding, date)
    return sub
  } catch (cause) {
    throw keyInvalid(cause)
  }
}

function usable(packet: unknown): PublicKeyPacket {
  // A subkey packet is a key packet of another type.
  if (!(packet instanceof openpgp.PublicKeyPacket)) throw new Error('a packet not understood')
  if (!isFast({ keyPacket: packet })) throw new Error('an algorithm not taken')
  return packet
}

/** The primary key took the subkey for signing, the subkey says so too (or anybody could adopt it), and its time is not over. */
async function checkBinding(
  primary: PublicKeyPacket,
  subkey: PublicKeyPacket,
  binding: SignaturePacket,
  date: Date
): Promise<void> {
  const data = { key: primary, bind: subkey }
  const { embeddedSignature: back, keyExpirationTime, keyNeverExpires } = binding
  const signs = ((binding.keyFlags?.[0] ?? 0) & keyFlags.signData) !== 0
  const isOver =
    keyNeverExpires === false &&
    subkey.created.getTime() + (keyExpirationTime ?? 0) * 1_000 <= date.getTime()
  const holds =
    signs &&
    !isOver &&
    back &&
    (await isSignedBy({ keyPacket: primary }, binding, types.subkeyBinding, data, date)) &&
    (await isSignedBy({ keyPacket: subkey }, back, types.keyBinding, data, date))
  if (!holds) throw new Error('not a signing subkey of the primary key')
}

/** One binary signature; a text signature would let line endings change. */
async function checkSignature(
  keyPacket: PublicKeyPacket,
  { signed, signature, date }: { signed: Uint8Array; signature: Uint8Array; date: Date }
): Promise<void> {
  if (signature.byteLength > limits.recordSignatureBytesMax) throw new Error('its size')
  const [only] = walkPackets(signature, 1)
  if (only?.tag !== tags.signature) throw new Error('not a signature')
  const read = await openpgp.readSignature({ binarySignature: signature, config: settings })
  const [packet] = read.packets
  if (packet?.signatureType !== types.binary) throw new Error('not a binary signature')
  if (!isHashTaken(packet)) throw new Error('a hash not taken')
  const message = await openpgp.createMessage({ binary: signed, format: 'binary' })
  const data = message.packets.findPacket(openpgp.enums.packet.literalData)!
  if (!(await isSignedBy({ keyPacket }, packet, types.binary, data, date)))
    throw new Error('another key, or other bytes')
}
