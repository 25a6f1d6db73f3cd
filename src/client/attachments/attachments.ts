import { MuttrError } from '../../base/errors.ts'
import type { Client } from '../client.ts'
import type { SentStore } from '../sent-store.ts'
import type { LetterFiles } from './letter-files.ts'
import type { Uploads } from './uploads.ts'

interface AttachmentsParts {
  uploads: Uploads
  letterFiles: LetterFiles
  sent: Pick<SentStore, 'find'>
}

const isUnderWay = (stage: string | undefined): boolean =>
  stage === 'draft' || stage === 'sealed' || stage === 'stored'

/** What a person does with files that go out. */
export const attachments = ({ uploads, letterFiles, sent }: AttachmentsParts) =>
  ({
    attach: (source, options) => uploads.attach(source, options),
    attachments: async () => uploads.list(),
    attachment: async id => uploads.get(id),
    pauseAttachment: id => uploads.pause(id),
    resumeAttachment: id => uploads.resume(id),
    async dropAttachment(id) {
      uploads.get(id)
      for (const letter of await letterFiles.lettersOf(id))
        if (isUnderWay((await sent.find(letter))?.stage))
          throw new MuttrError('ATTACHMENT_WAITING', 'a letter waits for this file', {
            hint: `Take the letter back first: muttr retract ${letter.slice(0, 8)}`
          })
      await uploads.drop(id)
    }
  }) satisfies Partial<Client>

/** A letter was taken back: so are its files, but for those that another letter has. */
export async function dropFilesOf(
  letter: string,
  { uploads, letterFiles, sent }: AttachmentsParts
): Promise<void> {
  for (const id of await letterFiles.filesOf(letter)) {
    const others = (await letterFiles.lettersOf(id)).filter(other => other !== letter)
    const rows = await Promise.all(others.map(other => sent.find(other)))
    if (rows.some(row => row !== undefined && row.withdrawing === null)) continue
    const stage = uploads.row(id)?.stage
    if (stage !== undefined && stage !== 'withdrawing') await uploads.drop(id)
  }
}
