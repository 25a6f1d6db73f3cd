import { toHex } from '../base/bytes.ts'
import type { Millis } from '../base/ports.ts'
import type { Letter } from '../wire/letter.ts'
import type { FreshLetter } from './inbox-store.ts'
import { othersOf } from './mailbox/others.ts'
import { snippetOf } from './mailbox/plain-text.ts'

/** What is known of a letter beside what it says. */
export interface Arrival {
  /** The signed bytes. */
  readonly frame: Uint8Array
  /** The own alias that it was written to. */
  readonly to: string
  /** Of its blob. */
  readonly key: Uint8Array
  readonly sizeBytes: number
  readonly expiryMs: Millis
  readonly receivedMs: Millis
  readonly isContact: boolean
}

/** A letter that was opened and checked, as it is kept. @param own our fingerprint, hex */
export function freshLetter(letter: Letter, arrival: Arrival, own: string): FreshLetter {
  const { id, thread, parent, sender, subject, mimeType, sentMs, flags } = letter
  const { frame, to, key, sizeBytes, expiryMs, receivedMs, isContact } = arrival
  const row = {
    ...{ id: toHex(id), thread: toHex(thread), parent: parent && toHex(parent) },
    ...{ fromAlias: sender.alias, fromFingerprint: toHex(sender.fingerprint), to },
    ...{ subject, mimeType, sentMs, receivedMs, expiryMs, sizeBytes, key: toHex(key) },
    corrects: flags.corrects && toHex(flags.corrects),
    retracts: flags.retracts && toHex(flags.retracts),
    receiptRequested: flags.receiptRequested,
    attachments: letter.attachments.length
  }
  const snippet = snippetOf(mimeType, Buffer.from(letter.body).toString('utf8'))
  return { row, frame, others: othersOf(letter, own), snippet, isContact }
}
