import { toHex } from '../base/bytes.ts'
import { errorCodes } from '../base/errors.ts'
import type { SentAttachment, SentLetter, SentState } from './client.ts'
import type { Handed } from './passing.ts'
import type { SentRow } from './sent-rows.ts'
import type { SentSecret } from './sent-secrets.ts'

const hexOf = (id: Uint8Array | null | undefined): string | null => (id ? toHex(id) : null)

/** A sent letter as people see it; without its text when that is damaged. */
export async function showSent(
  row: SentRow,
  secret: SentSecret | undefined,
  more: {
    files: (letter: string) => Promise<SentAttachment[]>
    /** What an own pod was given of it. */
    handed: Handed | undefined
  }
): Promise<SentLetter> {
  const attachments = secret?.attachments ? await more.files(row.id).catch(() => []) : []
  const { id, from, to, fingerprint, sentMs, expiryMs, sizeBytes, key, wanted, waiting } = row
  const { withdrawing, announced, receipt } = row
  return {
    thread: hexOf(secret?.conversation ?? secret?.thread) ?? id,
    ...{ id, from, to, fingerprint, sentMs, expiryMs, sizeBytes, key, wanted },
    subject: secret?.subject ?? '',
    state: stateOf(row),
    copies: row.copies.map(({ holder, storedMs }) => ({ holder, storedMs })),
    announced: announced && { pod: announced.pod, atMs: announced.atMs },
    handed: more.handed ? { pod: more.handed.pod, atMs: more.handed.atMs } : null,
    waiting: waiting && { ...waiting, hint: errorCodes[waiting.code][1] },
    asked: row.asked && { ...row.asked },
    receiptRequested: secret?.flags.receiptRequested ?? false,
    accepted:
      row.stage === 'accepted'
        ? { receipt: receipt && { atMs: receipt.atMs, fingerprint: fingerprint! } }
        : null,
    withdrawing: withdrawing && {
      sinceMs: withdrawing.sinceMs,
      asked: withdrawing.asked,
      took: withdrawing.words.length
    },
    corrects: hexOf(secret?.flags.corrects),
    retracts: hexOf(secret?.flags.retracts),
    correctedBy: row.correctedBy,
    forgetAsked: row.forgetAsked,
    attachments
  }
}

const stateOf = ({ stage }: SentRow): SentState =>
  stage === 'draft' || stage === 'sealed' ? 'queued' : stage
