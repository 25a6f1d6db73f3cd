import { MuttrError } from '../../base/errors.ts'
import type { Millis } from '../../base/ports.ts'
import { decodeLetter } from '../../wire/letter.ts'
import type { NetworkBackups } from '../backup/network.ts'
import type { Client } from '../client.ts'
import type { Contacts } from '../contacts.ts'
import type { InboxStore } from '../inbox-store.ts'
import type { Self } from '../self.ts'
import type { SentStore } from '../sent-shape.ts'
import type { Ahead } from './ahead.ts'
import type { ChunkWatch } from './chunk-watch.ts'
import type { Downloads, LetterWithFiles } from './downloads.ts'
import type { LetterFiles } from './letter-files.ts'
import type { Uploads } from './uploads.ts'

interface LetterParts {
  received: Pick<InboxStore, 'find'>
  self: Self
}

interface AttachmentsParts extends DropParts, LetterParts {
  downloads: Downloads
  /** Files of its own lie among the others. */
  networkBackups: Pick<NetworkBackups, 'has'>
}

interface DropParts {
  uploads: Uploads
  letterFiles: LetterFiles
  sent: Pick<SentStore, 'find'>
}

const isUnderWay = (stage: string | undefined): boolean =>
  stage === 'draft' || stage === 'sealed' || stage === 'stored'

/** @param beginning of a received letter's id. @throws {MuttrError} `LETTER_UNKNOWN`, `VAULT_LOCKED` */
async function withFiles(
  beginning: string,
  { received, self }: LetterParts
): Promise<LetterWithFiles> {
  const { row, frame } = await received.find(beginning, self.closet())
  return { ...row, manifests: row.imported ? [] : decodeLetter(frame).attachments }
}

interface AskAheadParts extends LetterParts {
  downloads: Downloads
  contacts: Pick<Contacts, 'known'>
  /** Of one file; 0 for none. */
  maxBytes: number
}

/** Has files of contacts fetched ahead, those that are small enough, as their letter comes. */
export async function askAhead(id: string, parts: AskAheadParts): Promise<void> {
  const { downloads, contacts, maxBytes } = parts
  if (maxBytes === 0) return
  const letter = await withFiles(id, parts)
  const known = await contacts.known(letter.fromAlias)
  if (known?.certificate.fingerprint !== letter.fromFingerprint) return
  for (const { index, state, sizeBytes } of downloads.show(letter))
    if (state === 'remote' && sizeBytes <= maxBytes) await downloads.fetchAhead(letter, index)
}

/** What a person does with files, out and in. */
export function attachments(parts: AttachmentsParts) {
  const { uploads, downloads, letterFiles, sent, networkBackups } = parts
  const letter = (beginning: string) => withFiles(beginning, parts)
  const ofPerson = (id: string): string => {
    if (!networkBackups.has(id)) return id
    throw new MuttrError('ATTACHMENT_UNKNOWN', 'this is no file of a letter')
  }
  return {
    attach: (source, options) => uploads.attach(source, options),
    attachments: async () => [
      ...uploads.list().filter(({ id }) => !networkBackups.has(id)),
      ...downloads.list()
    ],
    attachment: async id => uploads.get(ofPerson(id)),
    pauseAttachment: async id => uploads.pause(ofPerson(id)),
    resumeAttachment: async id => uploads.resume(ofPerson(id)),
    async dropAttachment(id) {
      uploads.get(ofPerson(id))
      for (const letter of await letterFiles.lettersOf(id))
        if (isUnderWay((await sent.find(letter))?.stage))
          throw new MuttrError('ATTACHMENT_WAITING', 'a letter waits for this file', {
            hint: `Take the letter back first: muttr retract ${letter.slice(0, 8)}`
          })
      await uploads.drop(id)
    },
    fetchAttachment: async (id, index) => downloads.fetch(await letter(id), index),
    fetchAhead: async (id, index) => downloads.fetchAhead(await letter(id), index),
    pauseFetch: async (id, index) => downloads.pause(await letter(id), index),
    forgetAttachment: async (id, index) => downloads.forget(await letter(id), index),
    openAttachment: async (id, index) => downloads.open(await letter(id), index)
  } satisfies Partial<Client>
}

/** A letter was taken back: so are its files, but for those that another letter has. */
export async function dropFilesOf(
  letter: string,
  { uploads, letterFiles, sent }: DropParts
): Promise<void> {
  for (const id of await letterFiles.filesOf(letter)) {
    const others = (await letterFiles.lettersOf(id)).filter(other => other !== letter)
    const rows = await Promise.all(others.map(other => sent.find(other)))
    if (rows.some(row => row !== undefined && row.withdrawing === null)) continue
    const stage = uploads.row(id)?.stage
    if (stage !== undefined && stage !== 'withdrawing') await uploads.drop(id)
  }
}

interface Together {
  uploads: Uploads
  downloads: Downloads
  chunkWatch: ChunkWatch
  ahead: Ahead
  networkBackups: NetworkBackups
}

/** What a client starts, wakes and ends of its files. */
export const together = ({ uploads, downloads, chunkWatch, ahead, networkBackups }: Together) => ({
  async start() {
    await uploads.start()
    await networkBackups.start()
    await ahead.start()
    await downloads.start()
    chunkWatch.start()
  },
  wake() {
    uploads.wake()
    ahead.wake()
    downloads.wake()
    networkBackups.look()
  },
  async sweep(nowMs: Millis) {
    await uploads.sweep(nowMs)
    await downloads.sweep(nowMs)
  },
  async [Symbol.asyncDispose]() {
    await networkBackups[Symbol.asyncDispose]()
    const rooms = [uploads, downloads, chunkWatch, ahead]
    await Promise.all(rooms.map(room => room[Symbol.asyncDispose]()))
  }
})
