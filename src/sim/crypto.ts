import { concatBytes, equalBytes, sha256, toHex, utf8 } from '../base/bytes.ts'
import { MuttrError } from '../base/errors.ts'
import { limits } from '../base/limits.ts'
import type { Millis } from '../base/ports.ts'
import { aliasUserId } from '../keys/alias-user-id.ts'
import type { Certificate } from '../keys/certificate.ts'
import type { Crypto } from '../keys/crypto.ts'
import { refuseFuture } from '../keys/future.ts'
import type { Person } from '../keys/person.ts'
import type { Opened } from '../keys/seal.ts'
import { tokenKeyBytes } from '../wire/token.ts'

/**
 * What each call costs where OpenPGP and HPKE are real: CPU time in milliseconds on one core of 2026, letters of 1.5 KiB. Measured with
 * openpgp.js 6 and @hpke/core on Node 24; source: docs/decisions/033-people-in-worlds.md
 */
const cryptoCostMs: Readonly<Record<keyof Crypto, Millis>> = {
  readCertificate: 1.6,
  primaryFingerprint: 0.005,
  certify: 0.55,
  checkCertification: 0.01,
  addAlias: 0.7,
  withCertificate: 0.25,
  seal: 1.5,
  // With the check of who signed it, which follows nearly always.
  open: 1.8,
  signDetached: 0.4,
  verifyDetached: 0.36,
  offersIn: 0.02,
  hpkeSeal: 0.7,
  hpkeOpen: 0.47,
  sealRequest: 1.2,
  openRequest: 0.9,
  makeTokenKey: 37,
  checkTokenKey: 0.04,
  signBlinded: 0.74,
  verifyToken: 0.1,
  // With the check of what was signed.
  blind: 31
}

/** Bytes of a certificate of `makePerson`, and what each alias and each pod's word adds. */
const certificateBytes = { bare: 538, alias: 247, word: 237 }
/** What `seal` adds to a plaintext; without the salt of `brief`. */
const sealBytes = { usual: 381, brief: 311 }
const signatureBytes = 189
const hpkeBytes = { key: 32, tag: 16 }
const tokenSignatureBytes = 256

/** A pod's word about a User ID. */
interface Word {
  readonly alias: string
  /** Fingerprint. */
  readonly by: string
  readonly madeMs: Millis
  readonly untilMs: Millis
}

interface Body {
  /** Hex; stands for the public key. */
  readonly key: string
  readonly createdMs: Millis
  readonly userIds: readonly string[]
  readonly words: readonly Word[]
}

const bodies = new WeakMap<Certificate, Body>()
const digest = (label: string, ...parts: readonly Uint8Array[]): Uint8Array =>
  sha256(utf8(`muttr sim ${label}`), ...parts)
const number = (n: number): Uint8Array => utf8(`${n};`)

/** Keys and what is done with them, and how often it was done. */
export interface StandInCrypto extends Crypto {
  readonly calls: ReadonlyMap<keyof Crypto, number>
  /** What all of it would have cost. */
  readonly costMs: Millis
  /** @param key 32 bytes. */
  makePerson(o: { name: string; key: Uint8Array; nowMs: Millis }): Person
  /** @param seed 32 bytes. */
  makeHpkeKey(seed: Uint8Array): { publicKey: Uint8Array; secret: Uint8Array }
}

/**
 * Stands in for OpenPGP and HPKE: the same sizes, the same refusals, the same answers among those who keep to the rules, at a fiftieth of
 * the time, and nothing random in it. Who is not the reader gets `SEAL_REFUSED`, other bytes than were signed `SIGNATURE_INVALID`. It hides
 * nothing and anybody could forge it, so it says nothing about forgers. Keys are neither revoked nor do they expire, have no subkeys, and nobody succeeds them.
 */
export function standInCrypto(): StandInCrypto {
  const calls = new Map<keyof Crypto, number>()
  const counted = Object.fromEntries(
    Object.entries(standIn).map(([name, run]) => [
      name,
      (...args: never[]) => {
        calls.set(name as keyof Crypto, (calls.get(name as keyof Crypto) ?? 0) + 1)
        return (run as (...args: never[]) => unknown)(...args)
      }
    ])
  ) as unknown as Crypto
  return {
    ...counted,
    calls,
    get costMs() {
      let ms = 0
      for (const [name, count] of calls) ms += count * cryptoCostMs[name]
      return ms
    },
    makePerson: ({ name, key, nowMs }) =>
      personOf({ key: toHex(key), createdMs: nowMs, userIds: [name], words: [] }),
    makeHpkeKey: seed => ({ secret: seed, publicKey: digest('hpke', seed) })
  }
}

const personOf = (body: Body): Person =>
  Object.freeze({ certificate: certificateOf(body), former: [] })

function certificateOf(body: Body): Certificate {
  const key = Buffer.from(body.key, 'hex')
  const { createdMs, userIds } = body
  const frame = frameOf(body)
  const certificate: Certificate = Object.freeze({
    fingerprint: toHex(digest('fingerprint', key).subarray(0, 20)),
    pin: toHex(digest('pin', key)),
    userIds,
    bytes: frame,
    createdMs,
    expiresMs: null,
    revoked: false,
    subkeys: []
  })
  bodies.set(certificate, body)
  return certificate
}

/** A digest, the length of the JSON, the JSON, and zeros up to the size of a real one. */
function frameOf(body: Body): Uint8Array {
  const json = utf8(JSON.stringify(body))
  const { bare, alias, word } = certificateBytes
  const usual = bare + (body.userIds.length - 1) * alias + body.words.length * word
  const frame = Buffer.alloc(Math.max(usual, 36 + json.byteLength))
  frame.set(digest('certificate', json))
  frame.writeUInt32BE(json.byteLength, 32)
  frame.set(json, 36)
  return new Uint8Array(frame)
}

function readBody(bytes: Uint8Array): Body {
  const frame = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const end = frame.byteLength >= 36 ? 36 + frame.readUInt32BE(32) : 0
  const json = frame.subarray(36, end)
  if (end > frame.byteLength || !equalBytes(frame.subarray(0, 32), digest('certificate', json)))
    throw new MuttrError('KEY_INVALID', 'not a stand-in for a certificate')
  return JSON.parse(json.toString('utf8'))
}

const bodyOf = (certificate: Certificate): Body =>
  bodies.get(certificate) ?? readBody(certificate.bytes)

/** As `signingDate` of src/keys/person.ts. */
function signedAt({ certificate }: Person, nowMs: Millis): Millis {
  refuseFuture('your own key', certificate.createdMs, nowMs)
  return Math.max(nowMs, certificate.createdMs)
}

function signature(
  fingerprint: string,
  madeMs: Millis,
  bytes: Uint8Array,
  offers: readonly string[] = []
): Uint8Array {
  const frame = Buffer.alloc(signatureBytes)
  const said = offers.join(' ')
  frame.write(fingerprint, 'hex')
  frame.writeDoubleBE(madeMs, 20)
  frame.set(digest('signature', utf8(fingerprint), number(madeMs), bytes, utf8(said)), 28)
  frame.write(said, offersAt, 'latin1')
  return new Uint8Array(frame)
}

/** Where a signature says what its signer offers, up to a zero. */
const offersAt = 60
function offersOf(shown: Uint8Array): string[] {
  const [said = ''] = Buffer.from(shown.subarray(offersAt)).toString('latin1').split('\0')
  return said === '' ? [] : said.split(' ')
}

const labelled = (label: string, bytes: Uint8Array): Uint8Array =>
  concatBytes(utf8(label), new Uint8Array(1), bytes)

const invalid = (what: string): MuttrError => new MuttrError('SIGNATURE_INVALID', what)
const refused = (what: string): MuttrError => new MuttrError('SEAL_REFUSED', what)

/** Digest 32, reader 20, sender 20, when it was signed 8, length 4; then the plaintext, and zeros up to the size. */
const sealedHead = 84

const standIn: Crypto = {
  async readCertificate(bytes) {
    if (bytes.byteLength > limits.certificateBytesMax)
      throw new MuttrError('KEY_INVALID', 'its size')
    return certificateOf(readBody(bytes))
  },

  primaryFingerprint: bytes => certificateOf(readBody(bytes)).fingerprint,

  async certify(pod, { certificate, alias, nowMs, lifeMs }) {
    const body = bodyOf(certificate)
    const by = pod.certificate.fingerprint
    if (by === certificate.fingerprint || !body.userIds.includes(aliasUserId(alias)))
      throw new MuttrError('KEY_INVALID', `the key does not name itself ${alias}`)
    const others = body.words.filter(word => word.by !== by || word.alias !== alias)
    const word = { alias, by, madeMs: signedAt(pod, nowMs), untilMs: nowMs + lifeMs }
    return certificateOf({ ...body, words: [...others, word] })
  },

  async checkCertification(certificate, { alias, by, nowMs }) {
    const word = bodyOf(certificate).words.find(
      word => word.by === by.fingerprint && word.alias === alias
    )
    if (!word || word.untilMs <= nowMs) throw invalid(`not certified as ${alias}`)
    refuseFuture(`the certification of ${alias}`, word.madeMs, nowMs)
    return { untilMs: word.untilMs }
  },

  async addAlias(person, alias) {
    const body = bodyOf(person.certificate)
    const userId = aliasUserId(alias)
    if (body.userIds.includes(userId)) return person
    return personOf({ ...body, userIds: [...body.userIds, userId] })
  },

  async withCertificate(person, certified, by) {
    if (certified.fingerprint !== person.certificate.fingerprint)
      throw new MuttrError('KEY_INVALID', 'the certificate is of another key')
    const body = bodyOf(person.certificate)
    const words = new Map(body.words.map(word => [`${word.by} ${word.alias}`, word]))
    for (const word of bodyOf(certified).words)
      if (!by || word.by === by.fingerprint) words.set(`${word.by} ${word.alias}`, word)
    return personOf({ ...body, words: [...words.values()] })
  },

  async seal(plaintext, { from, to, sizes, nowMs, brief = false }) {
    const whole = plaintext.byteLength + (brief ? sealBytes.brief : sealBytes.usual)
    const size = [...sizes].sort((a, b) => a - b).find(size => size >= whole)
    if (size === undefined)
      throw new MuttrError('LETTER_TOO_LARGE', `${plaintext.byteLength} bytes do not fit`)
    const sealed = Buffer.alloc(size)
    sealed.write(to.fingerprint, 32, 'hex')
    sealed.write(from.certificate.fingerprint, 52, 'hex')
    sealed.writeDoubleBE(signedAt(from, nowMs), 72)
    sealed.writeUInt32BE(plaintext.byteLength, 80)
    sealed.set(plaintext, sealedHead)
    sealed.set(digest('sealed', sealed.subarray(32)))
    return new Uint8Array(sealed)
  },

  async open(bytes, { reader, nowMs }) {
    const sealed = Buffer.from(bytes)
    if (bytes.byteLength > limits.blobBytesMax || bytes.byteLength < sealedHead)
      throw refused('its size')
    if (!equalBytes(sealed.subarray(0, 32), digest('sealed', sealed.subarray(32))))
      throw refused('damaged')
    if (sealed.toString('hex', 32, 52) !== reader.certificate.fingerprint)
      throw refused('not sealed to this reader')
    const issuer = sealed.toString('hex', 52, 72)
    const madeMs = sealed.readDoubleBE(72)
    const end = sealedHead + sealed.readUInt32BE(80)
    const plaintext = new Uint8Array(sealed.subarray(sealedHead, end))
    return {
      plaintext,
      issuer,
      signature: () => signature(issuer, madeMs, plaintext),
      async verify(sender) {
        if (sender.fingerprint !== issuer) throw invalid('not signed by this sender')
        refuseFuture('what was signed', madeMs, nowMs)
      }
    } satisfies Opened
  },

  async signDetached(person, label, bytes, nowMs, offers) {
    const { fingerprint } = person.certificate
    return signature(fingerprint, signedAt(person, nowMs), labelled(label, bytes), offers)
  },

  offersIn: async shown => offersOf(shown),

  async verifyDetached({ fingerprint }, label, bytes, shown, nowMs) {
    const madeMs = shown.byteLength === signatureBytes ? Buffer.from(shown).readDoubleBE(20) : 0
    if (!equalBytes(shown, signature(fingerprint, madeMs, labelled(label, bytes), offersOf(shown))))
      throw invalid('not signed by the key, or not these bytes')
    refuseFuture('what was signed', madeMs, nowMs)
  },

  async hpkeSeal(publicKey, info, plaintext) {
    const head = digest('hpke sealed', publicKey, utf8(info), plaintext)
    return concatBytes(head, plaintext, digest('tag', head).subarray(0, hpkeBytes.tag))
  },

  async hpkeOpen(secret, info, sealed) {
    const { key, tag } = hpkeBytes
    const plaintext = sealed.slice(key, Math.max(key, sealed.byteLength - tag))
    const again = await standIn.hpkeSeal(digest('hpke', secret), info, plaintext)
    if (!equalBytes(again, sealed))
      throw new MuttrError('NOTICE_INVALID', 'not sealed to this key, or damaged')
    return plaintext
  },

  async sealRequest(publicKey, plaintext) {
    const enc = digest('blind', publicKey, plaintext)
    const tag = digest('tag', enc).subarray(0, hpkeBytes.tag)
    return {
      sealed: concatBytes(enc, plaintext, tag),
      open(answer) {
        const [nonce, end] = [answer.subarray(0, hpkeBytes.key), answer.byteLength - hpkeBytes.tag]
        const plain = answer.slice(hpkeBytes.key, end)
        if (!equalBytes(answer.subarray(end), answerTag(enc, nonce, plain)))
          throw new MuttrError('BLIND_INVALID', 'not the answer to this request, or damaged')
        return plain
      }
    }
  },

  async openRequest(secret, sealed) {
    const { key, tag } = hpkeBytes
    const plaintext = sealed.slice(key, Math.max(key, sealed.byteLength - tag))
    const again = await standIn.sealRequest(digest('hpke', secret), plaintext)
    if (!equalBytes(again.sealed, sealed))
      throw new MuttrError('BLIND_INVALID', 'not sealed to this pod, or damaged')
    const enc = sealed.slice(0, key)
    return {
      ...{ plaintext, enc },
      answer: (given, nonce) => concatBytes(nonce, given, answerTag(enc, nonce, given))
    }
  },

  // One for all pods: a token names who signed it, and for whom.
  makeTokenKey: async () => ({
    key: stretched(tokenKeyBytes, 'key for tokens'),
    secret: digest('secret for tokens')
  }),

  checkTokenKey(key) {
    if (key.byteLength !== tokenKeyBytes)
      throw new MuttrError('TOKEN_INVALID', 'not a key for tokens')
  },

  signBlinded: (_, blinded) => stretched(tokenSignatureBytes, 'signed', blinded),

  verifyToken: (key, input, signature) => equalBytes(signature, tokenSignature(key, input)),

  async blind(key, input) {
    const blinded = stretched(tokenSignatureBytes, 'blinded', input)
    return {
      blinded,
      async finish(signed) {
        if (!equalBytes(signed, stretched(tokenSignatureBytes, 'signed', blinded)))
          throw new MuttrError('TOKEN_INVALID', 'the pod did not sign the token')
        return tokenSignature(key, input)
      }
    }
  }
}

const answerTag = (enc: Uint8Array, nonce: Uint8Array, plaintext: Uint8Array): Uint8Array =>
  digest('blind answer', enc, nonce, plaintext).subarray(0, hpkeBytes.tag)

const tokenSignature = (key: Uint8Array, input: Uint8Array): Uint8Array =>
  stretched(tokenSignatureBytes, 'token', key, input)

function stretched(length: number, ...of: Parameters<typeof digest>): Uint8Array {
  const once = digest(...of)
  return Uint8Array.from({ length }, (_, i) => once[i % once.byteLength]!)
}
