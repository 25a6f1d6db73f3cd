import { MuttrError } from '../../base/errors.ts'
import { limits } from '../../base/limits.ts'
import type { Millis } from '../../base/ports.ts'
import { isMimeType } from '../../wire/letter.ts'

/** What can be said of a file before a byte of it is read. @throws {MuttrError} `ATTACHMENT_INVALID` */
export function checkOptions({
  type,
  lifeMs,
  sizeBytes
}: {
  type: string
  lifeMs: Millis
  sizeBytes: number | undefined
}): void {
  const refuse = (what: string, hint: string): never => {
    throw new MuttrError('ATTACHMENT_INVALID', what, { hint })
  }
  if (!isMimeType(type)) refuse('the MIME type', 'A type is written as in image/png.')
  if (!(lifeMs > 0 && lifeMs <= limits.blobLifeMsMax))
    refuse('a file of such a life', 'The network keeps a file for at most 100 days.')
  if (sizeBytes !== undefined && !(sizeBytes >= 0 && sizeBytes <= limits.attachmentBytesMax))
    refuse('a file of such a size', 'A file holds at most 1 TiB.')
}
