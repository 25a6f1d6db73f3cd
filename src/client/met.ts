import { codeOf } from '../base/errors.ts'
import type { Millis } from '../base/ports.ts'
import type { Certificate } from '../keys/certificate.ts'
import type { Known } from './contacts.ts'
import type { InboxParts } from './inbox-parts.ts'

type Parts = Pick<InboxParts, 'contacts' | 'log' | 'life'>

/** A contact's letter carried their certificate. */
export async function showed(
  { contacts, log }: Parts,
  known: Known,
  carried: Uint8Array
): Promise<void> {
  await contacts.showed(known, carried).catch(err => {
    log.info('the certificate in a letter is not taken', { code: codeOf(err) })
  })
}

/** Pins a stranger when the certificate of its pod is at hand and certified the key. */
export function meet(
  { contacts, log }: Parts,
  alias: string,
  certificate: Certificate,
  sentMs: Millis
): Promise<Known | undefined> {
  return contacts.met(alias, certificate, sentMs).catch(err => {
    log.debug('a sender is not pinned', { code: codeOf(err) })
    return undefined
  })
}

/** Asks the pod of somebody not pinned yet, and remembers that the person wrote to us. */
export async function getKnown(
  { contacts, life }: Parts,
  alias: string,
  { pin }: Certificate
): Promise<void> {
  const known = (await contacts.known(alias)) ?? (await contacts.lookup(alias, life))
  if (known.certificate.pin === pin) await contacts.knowsUs(alias)
}
