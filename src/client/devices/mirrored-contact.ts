import { MuttrError } from '../../base/errors.ts'
import type { Certificate } from '../../keys/certificate.ts'
import type { Crypto } from '../../keys/crypto.ts'
import type { ContactRow, MovedTo } from '../contact-rows.ts'
import type { Known } from '../contacts.ts'

/**
 * A contact as another device of the person knows them, beside what is known here: where their pod is each device asks itself, and
 * whether they know our key follows from letters to any of them. @param isNews it was said after the last word about them.
 * @throws {MuttrError} `SYNC_INVALID`
 */
export async function mirroredContact(
  row: ContactRow,
  before: Known | undefined,
  isNews: boolean,
  crypto: Pick<Crypto, 'readCertificate'>
): Promise<{ certificate: Certificate; row: ContactRow }> {
  const certificate = await crypto.readCertificate(row.certificate).catch(cause => {
    throw new MuttrError('SYNC_INVALID', 'the key of a contact cannot be read', { cause })
  })
  if (!before) return { certificate, row }
  const { route } = before.row
  if (before.certificate.pin !== certificate.pin)
    return hasPin({ certificate, row }, before, isNews)
      ? { certificate, row: { ...row, route } }
      : before
  // Of one key the newest is known: a revocation stays, whoever speaks last; so does that its words were compared.
  const known = isNewer(before.certificate, certificate) ? before.certificate : certificate
  const { knowsUs, verified } = before.row
  const said = isNews ? row : before.row
  return {
    certificate: known,
    row: {
      ...said,
      ...{ route, certificate: known.bytes },
      knowsUs: knowsUs || row.knowsUs,
      verified: verified || row.verified,
      moved: lastMove(before.row, row)
    }
  }
}

/** Where they went from an alias: who has not heard of it says nothing of it. They may have come back since. */
function lastMove(...rows: readonly [ContactRow, ContactRow]): MovedTo | null {
  const [one, other] = rows.map(({ moved }) => moved)
  const last = (one?.sequence ?? 0) > (other?.sequence ?? 0) ? one : other
  const isBack = rows.some(({ from }) => (from?.sequence ?? 0) > (last?.sequence ?? 0))
  return isBack ? null : (last ?? null)
}

type Pinned = Pick<Known, 'certificate' | 'row'>

/** Whether a key took the place of another that does not lead to it. */
export const isOtherKey = (
  { certificate, row }: Pinned,
  { certificate: { pin } }: Pinned
): boolean => certificate.pin !== pin && !row.followed?.pins.includes(pin)

/**
 * Which of two keys counts: one that came after the other, or that the person, or the old key, put in its place later. That a pod was
 * asked since, by a device that had not heard of it, changes nothing.
 */
function hasPin(said: Pinned, before: Pinned, isNews: boolean): boolean {
  const hasLeft = (one: Pinned, other: Pinned) =>
    one.row.followed?.pins.includes(other.certificate.pin) ?? false
  if (hasLeft(said, before) !== hasLeft(before, said)) return hasLeft(said, before)
  const [saidMs, beforeMs] = [said.row.pinnedMs, before.row.pinnedMs]
  return saidMs === beforeMs ? isNews : saidMs > beforeMs
}

function isNewer(a: Certificate, b: Certificate): boolean {
  if (a.revoked !== b.revoked) return a.revoked
  return (a.subkeys[0]?.createdMs ?? 0) > (b.subkeys[0]?.createdMs ?? 0)
}
