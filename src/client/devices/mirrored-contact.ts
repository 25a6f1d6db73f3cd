import { MuttrError } from '../../base/errors.ts'
import type { Certificate } from '../../keys/certificate.ts'
import type { Crypto } from '../../keys/crypto.ts'
import type { ContactRow } from '../contact-rows.ts'
import type { Known } from '../contacts.ts'

/**
 * A contact as another device of the person knows them, beside what is known here: where their pod is each device asks itself, and
 * whether they know our key follows from letters to any of them. @throws {MuttrError} `SYNC_INVALID`
 */
export async function mirroredContact(
  row: ContactRow,
  before: Known | undefined,
  crypto: Pick<Crypto, 'readCertificate'>
): Promise<{ certificate: Certificate; row: ContactRow }> {
  const certificate = await crypto.readCertificate(row.certificate).catch(cause => {
    throw new MuttrError('SYNC_INVALID', 'the key of a contact cannot be read', { cause })
  })
  if (!before) return { certificate, row }
  const { route } = before.row
  if (before.certificate.pin !== certificate.pin) return { certificate, row: { ...row, route } }
  // Of one key the newest is known: a revocation stays, whoever speaks last.
  const known = isNewer(before.certificate, certificate) ? before.certificate : certificate
  const knowsUs = row.knowsUs || before.row.knowsUs
  return { certificate: known, row: { ...row, route, knowsUs, certificate: known.bytes } }
}

function isNewer(a: Certificate, b: Certificate): boolean {
  if (a.revoked !== b.revoked) return a.revoked
  return (a.subkeys[0]?.createdMs ?? 0) > (b.subkeys[0]?.createdMs ?? 0)
}
