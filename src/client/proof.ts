import { keyOfPeer } from '../wire/contact.ts'
import type { AcceptedWord, AnnouncedWord, ReleasedWord, StoredWord } from '../wire/proof.ts'
import { encodeProof } from '../wire/proof.ts'
import type { Pods } from './pods.ts'
import type { SentRow } from './sent-rows.ts'
import type { SentStore } from './sent-shape.ts'

interface ProofParts {
  store: Pick<SentStore, 'certificate'>
  pods: Pick<Pods, 'papersOf'>
}

const bytesOf = (hex: string): Uint8Array => new Uint8Array(Buffer.from(hex, 'hex'))

/**
 * All evidence there is of a sent letter, as one file. It holds neither text nor secret: the `retract` preimage only when the letter was
 * asked back, the `accept` preimage only when the network showed it. Source: docs/protocol/proof.md
 */
export async function makeProof(parts: ProofParts, row: SentRow): Promise<Uint8Array> {
  const { header, asked } = row
  const announced = header && (await announcedWord(parts, row))
  const accepted = header && (await acceptedWord(parts, row))
  return encodeProof({
    letter: bytesOf(row.id),
    to: row.to,
    fingerprint: row.fingerprint === null ? null : bytesOf(row.fingerprint),
    header,
    copies: header ? row.copies.flatMap(storedWord) : [],
    announced,
    tombstone: header && row.tombstone,
    released: header ? (row.withdrawing?.words ?? []).flatMap(releasedWord) : [],
    accepted,
    asked: header && asked
  })
}

/** Peers of other key types sign nothing. */
function storedWord({ holder, storedMs, signature }: SentRow['copies'][number]): StoredWord[] {
  const key = keyOfPeer(holder)
  return key ? [{ holder: key, atMs: storedMs, signature }] : []
}

function releasedWord(word: NonNullable<SentRow['withdrawing']>['words'][number]): ReleasedWord[] {
  const holder = keyOfPeer(word.holder)
  return holder ? [{ ...word, holder }] : []
}

async function announcedWord(
  { pods }: ProofParts,
  { announced }: SentRow
): Promise<AnnouncedWord | null> {
  const peer = announced && keyOfPeer(announced.peer)
  if (!announced || !peer || announced.signature.byteLength !== 64) return null
  const papers = (await pods.papersOf(announced.pod, announced.peer)) ?? null
  const { pod, notice, atMs, signature } = announced
  return { pod, peer, notice, atMs, signature, papers }
}

async function acceptedWord(
  { store }: ProofParts,
  { receipt, fingerprint }: SentRow
): Promise<AcceptedWord | null> {
  const certificate = receipt && fingerprint && (await store.certificate(fingerprint))
  return receipt && certificate ? { ...receipt, certificate } : null
}
