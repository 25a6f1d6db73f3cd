import { compareBytes } from '../base/bytes.ts'
import { MuttrError } from '../base/errors.ts'
import { limits } from '../base/limits.ts'
import type { Millis } from '../base/ports.ts'
import {
  array,
  bool,
  bytes,
  decodeCbor,
  encodeCbor,
  literal,
  mapped,
  nullable,
  text,
  tuple,
  uint
} from './cbor.ts'
import { fingerprintOctets } from './fingerprint.ts'
import { podRecordBytesMax } from './pod.ts'

/** Signed by a seed: it stored the blob. */
export interface StoredWord {
  /** The holder's Ed25519 peer key. 32 bytes. */
  readonly holder: Uint8Array
  readonly atMs: Millis
  readonly signature: Uint8Array
}

/** Signed by a seed: it keeps a tombstone, and was shown these preimages. */
export interface ReleasedWord extends StoredWord {
  readonly retract: boolean
  readonly accept: boolean
}

/** What a pod showed of itself: which peer key is its own, signed by its certificate. Source: docs/protocol/pod.md#who-a-pod-is */
export interface PodPapers {
  /** A pod record, as signed. */
  readonly record: Uint8Array
  readonly signature: Uint8Array
  readonly certificate: Uint8Array
}

/** Signed by a pod's peer key: it took a notice. */
export interface AnnouncedWord {
  readonly pod: string
  readonly peer: Uint8Array
  /** SHA-256 of the sealed notice. */
  readonly notice: Uint8Array
  readonly atMs: Millis
  readonly signature: Uint8Array
  readonly papers: PodPapers | null
}

/** Signed by the recipient: see ./receipt.ts. */
export interface AcceptedWord {
  readonly atMs: Millis
  readonly signature: Uint8Array
  readonly certificate: Uint8Array
}

/** Who of the nearest answered when the sender asked last, and who of them had a copy. The sender's own word. */
export interface AskedWord {
  readonly atMs: Millis
  readonly answered: number
  readonly wanted: number
  readonly holders: number
}

/** All evidence of one sent letter. Nothing in it is checked yet. Source: docs/protocol/proof.md */
export interface Proof {
  /** The letter's id. 32 bytes. */
  readonly letter: Uint8Array
  /** To whom, as the sender says. */
  readonly to: string
  /** Of the key it is sealed to, as the sender says. 20 or 32 bytes. */
  readonly fingerprint: Uint8Array | null
  /** Of the blob; null while the letter is not sealed: then there is no evidence either. */
  readonly header: Uint8Array | null
  readonly copies: readonly StoredWord[]
  readonly announced: AnnouncedWord | null
  readonly tombstone: Uint8Array | null
  readonly released: readonly ReleasedWord[]
  readonly accepted: AcceptedWord | null
  readonly asked: AskedWord | null
}

const wordsMax = 64
const key = bytes(32)
const signature = bytes(64)
const openPgpSignature = bytes(1, limits.signatureBytesMax)
const certificate = bytes(1, limits.certificateBytesMax)

/** Ascending by holder, none twice: so that one set of words has one encoding. */
const words =
  <T extends { readonly holder: Uint8Array }>(word: (value: unknown) => T) =>
  (value: unknown): T[] => {
    const list = array(word, wordsMax)(value)
    if (list.some((w, i) => i > 0 && compareBytes(list[i - 1]!.holder, w.holder) >= 0))
      throw new TypeError('holders out of order')
    return list
  }

const storedWord = mapped(
  tuple(key, uint(), signature),
  ([holder, atMs, s]): StoredWord => ({ holder, atMs, signature: s })
)
const releasedWord = mapped(
  tuple(key, bool, bool, uint(), signature),
  ([holder, retract, accept, atMs, s]): ReleasedWord => ({
    holder,
    retract,
    accept,
    atMs,
    signature: s
  })
)
const papers = mapped(
  tuple(bytes(1, podRecordBytesMax), openPgpSignature, certificate),
  ([record, s, c]): PodPapers => ({ record, signature: s, certificate: c })
)
const announcedWord = mapped(
  tuple(text(limits.hostnameCharsMax, 1), key, key, uint(), signature, nullable(papers)),
  ([pod, peer, notice, atMs, s, p]): AnnouncedWord => ({
    pod,
    peer,
    notice,
    atMs,
    signature: s,
    papers: p
  })
)
const acceptedWord = mapped(
  tuple(uint(), openPgpSignature, certificate),
  ([atMs, s, c]): AcceptedWord => ({ atMs, signature: s, certificate: c })
)
const askedWord = mapped(
  tuple(uint(), uint(255), uint(255), uint(255)),
  ([atMs, answered, wanted, holders]): AskedWord => ({ atMs, answered, wanted, holders })
)

const proof = mapped(
  tuple(
    literal('muttr proof 1'),
    key,
    text(limits.fullAliasCharsMax, 3),
    nullable(fingerprintOctets),
    nullable(bytes(1, limits.blobHeaderBytesMax)),
    words(storedWord),
    nullable(announcedWord),
    nullable(bytes(1, limits.tombstoneBytesMax)),
    words(releasedWord),
    nullable(acceptedWord),
    nullable(askedWord)
  ),
  (f): Proof => ({
    letter: f[1],
    to: f[2],
    fingerprint: f[3],
    header: f[4],
    copies: f[5],
    announced: f[6],
    tombstone: f[7],
    released: f[8],
    accepted: f[9],
    asked: f[10]
  })
)

const byHolder = <T extends { readonly holder: Uint8Array }>(list: readonly T[]): T[] =>
  list.toSorted((a, b) => compareBytes(a.holder, b.holder)).slice(0, wordsMax)

/** One encoding for one set of evidence. */
export const encodeProof = (p: Proof): Uint8Array =>
  encodeCbor([
    'muttr proof 1',
    p.letter,
    p.to,
    p.fingerprint,
    p.header,
    byHolder(p.copies).map(w => [w.holder, w.atMs, w.signature]),
    p.announced && announcedFields(p.announced),
    p.tombstone,
    byHolder(p.released).map(w => [w.holder, w.retract, w.accept, w.atMs, w.signature]),
    p.accepted && [p.accepted.atMs, p.accepted.signature, p.accepted.certificate],
    p.asked && [p.asked.atMs, p.asked.answered, p.asked.wanted, p.asked.holders]
  ])

const announcedFields = (a: AnnouncedWord): unknown[] => [
  a.pod,
  a.peer,
  a.notice,
  a.atMs,
  a.signature,
  a.papers && [a.papers.record, a.papers.signature, a.papers.certificate]
]

/** @throws {MuttrError} `PROOF_INVALID` or `WIRE_TOO_LARGE`, and nothing else. */
export function decodeProof(file: Uint8Array): Proof {
  const p = decodeCbor(file, 'a proof of a letter', proof, limits.proofBytesMax, 'PROOF_INVALID')
  const anything = p.copies.length > 0 || p.released.length > 0 || p.tombstone || p.accepted
  if (p.header === null && (anything || p.announced || p.asked))
    throw new MuttrError('PROOF_INVALID', 'evidence of a letter that was never sealed')
  if (p.accepted && p.fingerprint === null)
    throw new MuttrError('PROOF_INVALID', 'a receipt of nobody')
  return p
}
