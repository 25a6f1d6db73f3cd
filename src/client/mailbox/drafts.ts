import { toHex } from '../../base/bytes.ts'
import { MuttrError } from '../../base/errors.ts'
import type { Clock, Log, Random } from '../../base/ports.ts'
import type { Change, State } from '../../store/state.ts'
import { array, bool, literal, mapped, nullable, text, tuple, uint } from '../../wire/cbor.ts'
import type { Self } from '../self.ts'
import { createSealedTable } from './sealed-table.ts'
import type { DraftFields, SavedDraft } from './shapes.ts'

/** Letters that are not finished, sealed in the closet. */
export interface Drafts {
  /** Last saved first. @throws {MuttrError} `VAULT_LOCKED` */
  list(): Promise<SavedDraft[]>
  /** A new one, or what one of that id says from now on. @throws {MuttrError} `LETTER_UNKNOWN`, `LETTER_TOO_LARGE`, `LIMIT_EXCEEDED`, `VAULT_LOCKED` */
  save(fields: DraftFields, id?: string): Promise<SavedDraft>
  /** @throws {MuttrError} `LETTER_UNKNOWN` */
  delete(id: string): Promise<void>
  drop(id: string): Change
}

interface DraftsParts {
  state: State
  self: Pick<Self, 'closet'>
  clock: Clock
  random: Random
  log: Log
}

const draftsMax = 1_000
/** More than a letter holds: what is too long shall not be lost before it is cut. */
const draftBytesMax = 256 * 1_024
const shortBytesMax = 4_096
const attachmentsMax = 64

type Key = 'to' | 'from' | 'subject' | 'mimeType' | 'parent' | 'corrects' | 'via'
const shortKeys: readonly Key[] = ['to', 'from', 'subject', 'mimeType', 'parent', 'corrects', 'via']
const short = nullable(text(shortBytesMax))

const row = mapped(
  tuple(
    literal(1),
    uint(),
    text(draftBytesMax),
    tuple(short, short, short, short, short, short, short),
    tuple(nullable(uint()), nullable(bool)),
    nullable(array(text(shortBytesMax), attachmentsMax))
  ),
  ([, savedMs, body, shorts, [lifeMs, receipt], attachments]): Omit<SavedDraft, 'id'> => ({
    savedMs,
    body,
    ...Object.fromEntries(
      shortKeys.flatMap((key, i) => (shorts[i] === null ? [] : [[key, shorts[i]]]))
    ),
    ...(lifeMs !== null && { lifeMs }),
    ...(receipt !== null && { receipt }),
    ...(attachments && { attachments })
  })
)

export function createDrafts({ state, self, clock, random, log }: DraftsParts): Drafts {
  const table = createSealedTable<Omit<SavedDraft, 'id'>>({
    ...{ state, log, name: 'drafts', field: row, maxBytes: draftBytesMax + 512 * 1_024 },
    write: d => [
      1,
      d.savedMs,
      d.body,
      shortKeys.map(key => d[key] ?? null),
      [d.lifeMs === undefined ? null : Math.max(0, Math.round(d.lifeMs)), d.receipt ?? null],
      d.attachments ?? null
    ]
  })
  const unknown = (id: string) =>
    new MuttrError('LETTER_UNKNOWN', `no draft ${id}`, { hint: 'It was sent or deleted.' })

  return {
    async list() {
      const { rows } = await table.page(self.closet(), { limit: draftsMax })
      return rows
        .map(({ key, value }) => ({ id: key, ...value }))
        .sort((a, b) => b.savedMs - a.savedMs)
    },
    async save(fields, given) {
      const closet = self.closet()
      mustFit(fields)
      if (given === undefined) await mustHaveRoom(state)
      else if (!isId(given) || (await state.get('drafts', given)) === undefined)
        throw unknown(given)
      const id = given ?? toHex(random.bytes(32))
      const saved = { ...fields, savedMs: clock.now() }
      await state.write([table.put(id, saved, closet)])
      return { id, ...saved }
    },
    async delete(id) {
      if (!isId(id) || (await state.get('drafts', id)) === undefined) throw unknown(id)
      await state.write([table.drop(id)])
    },
    drop: id => table.drop(id)
  }
}

const isId = (text: string): boolean => /^[0-9a-f]{64}$/.test(text)

function mustFit(fields: DraftFields): void {
  const tooLarge = (what: string) => new MuttrError('LETTER_TOO_LARGE', `a draft with ${what}`)
  const texts = [fields.body, ...shortKeys.map(key => fields[key] ?? '')]
  if (!texts.every(one => one.isWellFormed()))
    throw new MuttrError('LETTER_INVALID', 'text that is not Unicode', {
      hint: 'The text holds half of a surrogate pair.'
    })
  if (Buffer.byteLength(fields.body) > draftBytesMax)
    throw tooLarge(`a body above ${draftBytesMax} bytes`)
  if (texts.slice(1).some(one => Buffer.byteLength(one) > shortBytesMax))
    throw tooLarge(`a field above ${shortBytesMax} bytes`)
  if ((fields.attachments?.length ?? 0) > attachmentsMax)
    throw tooLarge(`more than ${attachmentsMax} attachments`)
  if (fields.attachments?.some(one => one.length > 200)) throw tooLarge('such an attachment')
}

async function mustHaveRoom(state: State): Promise<void> {
  if ((await state.list('drafts', { limit: draftsMax })).length < draftsMax) return
  throw new MuttrError('LIMIT_EXCEEDED', `there are ${draftsMax} drafts`, {
    hint: 'Send or delete some of them.'
  })
}
