import { codeOf } from '../base/errors.ts'
import type { Log } from '../base/ports.ts'
import type { LetterSummary } from './client.ts'
import type { Contacts } from './contacts.ts'
import type { Listed } from './inbox-store.ts'

/** A letter as the list shows it, with what is known of its sender now. */
export async function showReceived(
  { contacts, log }: { contacts: Contacts; log: Log },
  { row, mark }: Listed
): Promise<LetterSummary> {
  const { fromAlias, fromFingerprint, conversation, others: _o, snippet: _s, ...rest } = row
  const { attachments: _, ...said } = rest
  const known = await contacts.known(fromAlias).catch(err => {
    log.warn('a contact is damaged', { code: codeOf(err) })
    return undefined
  })
  const contact = known && (await contacts.show(known))
  const same = contact?.fingerprint === fromFingerprint
  const from = {
    alias: fromAlias,
    fingerprint: fromFingerprint,
    verified: same && contact.verified,
    certifiedByPod: same && contact.certifiedByPod
  }
  return { ...said, ...mark, thread: conversation, from }
}
