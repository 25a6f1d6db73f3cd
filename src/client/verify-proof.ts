import { equalBytes, toHex } from '../base/bytes.ts'
import { codeOf, MuttrError } from '../base/errors.ts'
import type { Millis, PeerId } from '../base/ports.ts'
import type { Certificate } from '../keys/certificate.ts'
import { readCertificate } from '../keys/certificate.ts'
import { verifyDevice } from '../keys/device.ts'
import { verifyDetached } from '../keys/sign.ts'
import type { BlobHeader } from '../wire/blob.ts'
import { blobKey, decodeBlobHeader } from '../wire/blob.ts'
import { peerOfKey } from '../wire/contact.ts'
import { releasedBytes, storedBytes } from '../wire/dht.ts'
import { announcedHashBytes } from '../wire/notice.ts'
import { podRecord, podRecordLabel } from '../wire/pod.ts'
import type { AnnouncedWord, AskedWord, PodPapers, Proof } from '../wire/proof.ts'
import { decodeProof } from '../wire/proof.ts'
import { encodeAcceptance, receiptLabel } from '../wire/receipt.ts'
import type { Tombstone } from '../wire/tombstone.ts'
import { readTombstone } from '../wire/tombstone.ts'
import type { SentState } from './client.ts'

/** A seed's signed word. */
export interface SignedBySeed {
  peer: PeerId
  atMs: Millis
}

/** A proof of which every signature holds. Fingerprints, ids and keys are lower-case hex. */
export interface VerifiedProof {
  letter: string
  /** To whom, as the sender says. */
  to: string
  fingerprint: string | null
  key: string | null
  expiryMs: Millis | null
  state: SentState
  stored: SignedBySeed[]
  announced: {
    pod: string
    peer: PeerId
    atMs: Millis
    /** SHA-256 of the sealed notice. */
    notice: string
    /** Of the certificate that says that the peer is this pod; null without one. */
    fingerprint: string | null
  } | null
  /** The recipient's signature. */
  receipt: { fingerprint: string; userIds: string[]; atMs: Millis } | null
  /** The preimages that were shown, and who signed to have been shown which. */
  released: {
    retract: boolean
    accept: boolean
    by: (SignedBySeed & { retract: boolean; accept: boolean })[]
  } | null
  /** The sender's own word. */
  asked: AskedWord | null
}

const invalid = (what: string, cause?: unknown): MuttrError =>
  new MuttrError('PROOF_INVALID', what, { cause })

/** Whatever is wrong with a part is wrong with the file; only what holds and is of our future says more about our clock. */
async function part<T>(what: string, check: () => Promise<T> | T): Promise<T> {
  try {
    return await check()
  } catch (cause) {
    if (codeOf(cause) === 'CLOCK_WRONG') throw cause
    throw invalid(`${what} does not hold`, cause)
  }
}

/**
 * Checks every signature and preimage of a proof, without a network and without knowing anybody. One that does not hold spoils all.
 * @param nowMs to tell whether the letter has expired, and that nothing is signed in the future.
 * @throws {MuttrError} `PROOF_INVALID`, `WIRE_TOO_LARGE`, `CLOCK_WRONG`, and nothing else.
 */
export async function verifyProof(file: Uint8Array, nowMs: Millis): Promise<VerifiedProof> {
  const proof = decodeProof(file)
  const blob = proof.header && (await part('the header', () => blobOf(proof.header!)))
  const said = {
    letter: toHex(proof.letter),
    to: proof.to,
    fingerprint: proof.fingerprint && toHex(proof.fingerprint)
  }
  if (!blob) return { ...said, ...nothing }
  const { key, header } = blob
  const stored = proof.copies.map(({ holder, atMs, signature }) => {
    if (!verifyDevice(holder, storedBytes(key, header.expiryMs, atMs), signature))
      throw invalid(`the word of the seed ${peerOfKey(holder)}`)
    return { peer: peerOfKey(holder), atMs }
  })
  const tombstone =
    proof.tombstone && (await part('the tombstone', () => tombstoneOf(proof.tombstone!, key)))
  const verified = {
    ...said,
    key: toHex(key),
    expiryMs: header.expiryMs,
    stored,
    announced: proof.announced && (await announcedOf(proof.announced, nowMs)),
    receipt: await receiptOf(proof, key, nowMs),
    released: releasedOf(proof, key, tombstone),
    asked: proof.asked
  }
  return { ...verified, state: stateOf(verified, nowMs) }
}

const nothing = {
  key: null,
  expiryMs: null,
  state: 'queued' as const,
  stored: [],
  announced: null,
  receipt: null,
  released: null,
  asked: null
}

const blobOf = (headerBytes: Uint8Array): { key: Uint8Array; header: BlobHeader } => ({
  key: blobKey(headerBytes),
  header: decodeBlobHeader(headerBytes)
})

function tombstoneOf(frame: Uint8Array, key: Uint8Array): Tombstone {
  const read = readTombstone(frame)
  if (!equalBytes(read.key, key)) throw new TypeError('a tombstone of another blob')
  return read
}

async function announcedOf(word: AnnouncedWord, nowMs: Millis) {
  const { pod, peer, notice, atMs, signature, papers } = word
  if (!verifyDevice(peer, announcedHashBytes(notice, atMs), signature))
    throw invalid(`the word of the pod ${pod}`)
  const certificate =
    papers && (await part(`what ${pod} says of itself`, () => podOf(papers, word, nowMs)))
  const fingerprint = certificate?.fingerprint ?? null
  return { pod, peer: peerOfKey(peer), atMs, notice: toHex(notice), fingerprint }
}

/** The pod's certificate says that the peer that signed is the pod of that name. */
async function podOf(
  { record, signature, certificate: bytes }: PodPapers,
  { pod, peer }: AnnouncedWord,
  nowMs: Millis
): Promise<Certificate> {
  const certificate = await readCertificate(bytes)
  await verifyDetached(certificate, podRecordLabel, record, signature, nowMs)
  const said = podRecord.decode(record)
  if (said.hostname !== pod || !said.peers.includes(peerOfKey(peer)))
    throw new TypeError('another pod')
  return certificate
}

async function receiptOf({ accepted, letter, fingerprint }: Proof, key: Uint8Array, nowMs: Millis) {
  if (!accepted) return null
  const { atMs, signature, certificate: bytes } = accepted
  return part('the receipt', async () => {
    const certificate = await readCertificate(bytes)
    if (certificate.fingerprint !== toHex(fingerprint!)) throw new TypeError('of somebody else')
    const signed = encodeAcceptance({ key, letter, atMs })
    await verifyDetached(certificate, receiptLabel, signed, signature, nowMs)
    return { fingerprint: certificate.fingerprint, userIds: [...certificate.userIds], atMs }
  })
}

function releasedOf(proof: Proof, key: Uint8Array, tombstone: Tombstone | null) {
  const by = proof.released.map(({ holder, retract, accept, atMs, signature }) => {
    const peer = peerOfKey(holder)
    if (!verifyDevice(holder, releasedBytes(key, { retract, accept }, atMs), signature))
      throw invalid(`the word of the seed ${peer} about the release`)
    return { peer, atMs, retract, accept }
  })
  if (!tombstone) {
    if (by.length > 0) throw invalid('seeds were shown a tombstone that is missing')
    return null
  }
  return { retract: tombstone.retract !== null, accept: tombstone.accept !== null, by }
}

function stateOf(
  { receipt, released, expiryMs, announced, stored }: Omit<VerifiedProof, 'state'>,
  nowMs: Millis
): SentState {
  if (receipt || released?.accept) return 'accepted'
  if (released?.retract && released.by.some(({ retract }) => retract)) return 'withdrawn'
  if (expiryMs! <= nowMs) return 'expired'
  if (announced) return 'announced'
  return stored.length > 0 ? 'stored' : 'queued'
}
