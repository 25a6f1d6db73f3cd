import { MuttrError } from '../../base/errors.ts'
import { limits } from '../../base/limits.ts'
import type { State } from '../../store/state.ts'
import type { Manifest } from '../../wire/attachment.ts'
import { decodeManifest, encodeManifest } from '../../wire/attachment.ts'
import { array, bytes, decodeCbor, encodeCbor, literal, text, tuple } from '../../wire/cbor.ts'
import type { SentAttachment } from '../client.ts'
import type { Self } from '../self.ts'
import type { OutRow } from './out-rows.ts'

interface LetterFilesParts {
  state: State
  self: Self
  /** A file that is sealed, and may be sent. @throws {MuttrError} `ATTACHMENT_UNKNOWN`, `ATTACHMENT_WAITING` */
  manifest(id: string): Promise<Manifest>
  row(id: string): OutRow | undefined
}

/** Which files go with which letter that was written here. */
export interface LetterFiles {
  /** Before the letter itself is written down. @throws {MuttrError} `ATTACHMENT_UNKNOWN`, `ATTACHMENT_WAITING`, `LETTER_INVALID` above 64 */
  bind(letter: string, ids: readonly string[]): Promise<void>
  /** The letter came to nothing. */
  unbind(letter: string): Promise<void>
  /** As they stand in the letter. @throws {MuttrError} `VAULT_LOCKED` */
  manifests(letter: string): Promise<Uint8Array[]>
  /** As its sender is shown them. @throws {MuttrError} `VAULT_LOCKED` */
  shown(letter: string): Promise<SentAttachment[]>
  /** Nothing may point at chunks that are not there. @throws {MuttrError} `ATTACHMENT_WAITING` */
  stand(letter: string): Promise<void>
  /** Letters that have this file. */
  lettersOf(id: string): Promise<string[]>
  /** Files of this letter. */
  filesOf(letter: string): Promise<string[]>
}

const letters = 'letter-attachments'
const uses = 'attachment-letters'
const letterRow = tuple(
  literal(1),
  array(text(32, 32), limits.letterAttachmentsMax),
  bytes(1, limits.letterAttachmentsMax * (limits.letterManifestBytesMax + 8))
)
const frames = array(bytes(1, limits.letterManifestBytesMax), limits.letterAttachmentsMax)
const rowBytesMax = 2 * limits.letterAttachmentsMax * limits.letterManifestBytesMax

export function createLetterFiles({ state, self, manifest, row }: LetterFilesParts): LetterFiles {
  async function read(letter: string) {
    const stored = await state.get(letters, letter)
    if (!stored) return undefined
    const what = 'the files of a letter'
    const [, ids, sealed] = decodeCbor(stored, what, letterRow, rowBytesMax, 'HOME_DAMAGED')
    return { ids, sealed }
  }
  async function manifests(letter: string): Promise<Uint8Array[]> {
    const found = await read(letter)
    if (!found) return []
    const opened = self.closet().open(`attachments ${letter}`, found.sealed)
    return decodeCbor(opened, 'manifests', frames, rowBytesMax, 'HOME_DAMAGED')
  }
  const filesOf = async (letter: string) => (await read(letter))?.ids ?? []
  return {
    filesOf,
    async bind(letter, ids) {
      if (ids.length === 0) return
      if (ids.length > limits.letterAttachmentsMax)
        throw new MuttrError('LETTER_INVALID', `${ids.length} files`, {
          hint: `A letter carries at most ${limits.letterAttachmentsMax} files; put them into one, or write two letters.`
        })
      const made = await Promise.all(ids.map(async id => encodeManifest(await manifest(id))))
      const name = `attachments ${letter}`
      const sealed = self.closet().seal(name, encodeCbor(made))
      await state.write([
        { type: 'put', table: letters, key: letter, value: encodeCbor([1, ids, sealed]) },
        ...ids.map(id => ({
          type: 'put' as const,
          table: uses,
          key: `${id}-${letter}`,
          value: new Uint8Array()
        }))
      ])
    },
    async unbind(letter) {
      const ids = await filesOf(letter)
      await state.write([
        { type: 'delete', table: letters, key: letter },
        ...ids.map(id => ({ type: 'delete' as const, table: uses, key: `${id}-${letter}` }))
      ])
    },
    manifests,
    async shown(letter) {
      const [ids, made] = await Promise.all([filesOf(letter), manifests(letter)])
      return made.map((frame, i) => {
        const { name, mimeType, sizeBytes, expiryMs } = decodeManifest(frame)
        return { id: ids[i]!, name, type: mimeType, sizeBytes, expiryMs }
      })
    },
    async stand(letter) {
      for (const id of await filesOf(letter)) {
        const stage = row(id)?.stage
        if (stage === 'stored') continue
        const why = stage === 'storing' ? 'is still being stored' : 'cannot be stored any longer'
        throw new MuttrError('ATTACHMENT_WAITING', `an attached file ${why}`)
      }
    },
    async lettersOf(id) {
      const rows = await state.list(uses, { gte: `${id}-`, lt: `${id}.` })
      return rows.map(({ key }) => key.slice(id.length + 1))
    }
  }
}
