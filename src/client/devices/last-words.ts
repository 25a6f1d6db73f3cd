import { fromHex, toHex } from '../../base/bytes.ts'
import type { Log, Millis } from '../../base/ports.ts'
import type { Change, State } from '../../store/state.ts'
import { bytes, literal, mapped, nullable, tuple, uint } from '../../wire/cbor.ts'
import type { SyncEvent } from '../../wire/sync.ts'
import { decodeSyncEvent, encodeSyncEvent } from '../../wire/sync.ts'
import type { Closet } from '../closet.ts'
import type { SealedTable } from '../mailbox/sealed-table.ts'
import { createSealedTable } from '../mailbox/sealed-table.ts'
import { awayMs } from './list.ts'

interface Word {
  readonly atMs: Millis
  /** Hex. */
  readonly by: string
  /** What was said of something that is not here yet. */
  readonly early: Uint8Array | null
}

/** Of two devices that change one thing the later counts; of the same moment the one with the higher key. */
const isLater = (a: Pick<Word, 'atMs' | 'by'>, b: Pick<Word, 'atMs' | 'by'>): boolean =>
  a.atMs > b.atMs || (a.atMs === b.atMs && a.by > b.by)

/** What an event is about, when it is about something that others can change too; else null. */
function subjectOf(event: SyncEvent): string | null {
  if (event.type === 'read') return `read ${event.letter.id} ${event.letter.fingerprint}`
  if (event.type === 'conversation') return `conversation ${event.thread}`
  if (event.type === 'contact') return `contact ${event.alias}`
  if (event.type === 'sent') return `sent ${event.id}`
  if (event.type === 'deleted' && event.direction === 'out') return goneName(event.letter.id)
  return null
}

const goneName = (id: string): string => `gone ${id}`
/** What was said before this nobody says any more: an entry lives shorter. */
const keptMs: Millis = awayMs
const pageRows = 256

/** Who said last what of anything that several devices can change. */
export class LastWords {
  readonly #state: State
  readonly #rows: SealedTable<Word>

  constructor(state: State, log: Log) {
    this.#state = state
    this.#rows = createSealedTable({
      ...{ state, log, name: 'sync-last', maxBytes: 400 * 1_024 },
      field: mapped(
        tuple(literal(1), uint(), bytes(32), nullable(bytes(1, 384 * 1_024))),
        ([, atMs, by, early]): Word => ({ atMs, by: toHex(by), early })
      ),
      write: ({ atMs, by, early }) => [1, atMs, fromHex(by, 32)!, early]
    })
  }

  /** Whether this is news beside what was said of the same thing. */
  async isNews(event: SyncEvent, by: string, closet: Closet): Promise<boolean> {
    const before = await this.#get(event, closet)
    // The first word of a sent letter brings what a later one waits for.
    if (event.type === 'sent' && event.secret && before?.early) return true
    return !before || isLater({ atMs: event.atMs, by }, before)
  }

  /** @param isEarly what it is about is not here yet. */
  put(event: SyncEvent, by: string, closet: Closet, isEarly = false): Change[] {
    const subject = subjectOf(event)
    if (subject === null) return []
    const early = isEarly ? encodeSyncEvent(event) : null
    return [this.#rows.put(closet.tag(subject), { atMs: event.atMs, by, early }, closet)]
  }

  /** What was said of something before it was here. */
  async early(
    subject: string,
    closet: Closet
  ): Promise<{ event: SyncEvent; by: string } | undefined> {
    const word = await this.#rows.get(closet.tag(subject), closet)
    return word?.early ? { event: decodeSyncEvent(word.early), by: word.by } : undefined
  }

  /** Whether a sent letter was deleted, here or elsewhere: what another device has still to say of it is not heard. */
  async isGone(id: string, closet: Closet): Promise<boolean> {
    return (await this.#rows.get(closet.tag(goneName(id)), closet)) !== undefined
  }

  /** Forgets what nobody can say anything about any more. */
  async sweep(nowMs: Millis, closet: Closet): Promise<void> {
    for (let gt: string | undefined; ; ) {
      const range = { limit: pageRows, ...(gt !== undefined && { gt }) }
      const { rows, last } = await this.#rows.page(closet, range)
      const over = rows.filter(({ value }) => value.atMs + keptMs <= nowMs)
      if (over.length > 0) await this.#state.write(over.map(({ key }) => this.#rows.drop(key)))
      if (last === undefined) return
      gt = last
    }
  }

  async #get(event: SyncEvent, closet: Closet): Promise<Word | undefined> {
    const subject = subjectOf(event)
    return subject === null ? undefined : this.#rows.get(closet.tag(subject), closet)
  }
}
