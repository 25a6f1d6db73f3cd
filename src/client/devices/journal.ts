import { toHex } from '../../base/bytes.ts'
import { codeOf } from '../../base/errors.ts'
import type { Clock, Log, Millis } from '../../base/ports.ts'
import type { Change, State } from '../../store/state.ts'
import type { SyncEvent } from '../../wire/sync.ts'
import { decodeSyncEvent, encodeSyncEvent } from '../../wire/sync.ts'
import type { Closet } from '../closet.ts'
import { dropRow, putRow, sortableTime } from '../table.ts'
import type { LastWords } from './last-words.ts'

type Untimed<T> = T extends SyncEvent ? Omit<T, 'atMs'> : never
/** What happened, to be told now. */
export type News = Untimed<SyncEvent>

/** Where rooms write down, with what they change, what the person's other devices are to be told. */
export interface Journal {
  /** Nothing while there is no other device. */
  note(news: readonly News[]): Change[]
  /** As {@link note}, of a sent letter that also goes on while the vault is locked. @param row as it is kept. */
  noteSent(id: string, row: () => Uint8Array, secret: Uint8Array | null): Change[]
  /** Until the other devices can have the letter of this blob, it is not given up. Hex. */
  isHeld(key: string): Promise<boolean>
}

/** Of a mailbox that belongs to no device. */
export const noJournal: Journal = {
  note: () => [],
  noteSent: () => [],
  isHeld: async () => false
}

export interface JournalRowsParts {
  state: State
  clock: Clock
  log: Log
  closet: () => Closet | undefined
  last: LastWords
  /** This device, hex. */
  self: string
  /** Whether there is anybody to be told. */
  isShared: () => boolean
  /** Something was noted, and is being written. */
  onNoted(): void
}

const events = 'sync-events'
const holds = 'sync-holds'
/** Sent letters of which something is to be told when the vault is open. */
const lockedSent = 'sync-sent'
const nothing = new Uint8Array()

export interface Noted {
  readonly key: string
  readonly event: SyncEvent
}

/** The journal on the disk. */
export class JournalRows implements Journal {
  readonly #parts: JournalRowsParts
  /** Devices that are being linked: what happens meanwhile is for them too. */
  expected = 0
  #lastMs: Millis = 0

  constructor(parts: JournalRowsParts) {
    this.#parts = parts
  }

  note(news: readonly News[]): Change[] {
    const { closet, clock, isShared, onNoted, last, self } = this.#parts
    const open = closet()
    if (!open || news.length === 0 || !(isShared() || this.expected > 0)) return []
    onNoted()
    return news.flatMap(one => {
      // No two at the same time: of two words of ours about one thing the later must count.
      const atMs = Math.max(Math.floor(clock.now()), this.#lastMs + 1)
      this.#lastMs = atMs
      const event = { ...one, atMs } as SyncEvent
      const key = sortableTime(atMs)
      const value = open.seal(`${events} ${key}`, encodeSyncEvent(event))
      const hold = event.type === 'letter' ? [putRow(holds, toHex(event.key), nothing)] : []
      return [putRow(events, key, value), ...hold, ...last.put(event, self, open)]
    })
  }

  noteSent(id: string, row: () => Uint8Array, secret: Uint8Array | null): Change[] {
    if (!this.#parts.closet()) return [putRow(lockedSent, id, nothing)]
    return this.note([{ type: 'sent', id, row: row(), secret }])
  }

  /** Ids of sent letters that changed while the vault was locked. */
  async changedLocked(): Promise<string[]> {
    return (await this.#parts.state.list(lockedSent)).map(({ key }) => key)
  }

  toldLocked(id: string): Change {
    return dropRow(lockedSent, id)
  }

  async isHeld(key: string): Promise<boolean> {
    return (await this.#parts.state.get(holds, key)) !== undefined
  }

  /** There is nobody to be told. @returns the letters that were held */
  async clear(): Promise<string[]> {
    const { state } = this.#parts
    const noted = (await state.list(events)).map(({ key }) => dropRow(events, key))
    const held = (await state.list(holds)).map(({ key }) => key)
    await state.write([...noted, ...this.free(held)])
    return held
  }

  free(keys: readonly string[]): Change[] {
    return keys.map(key => dropRow(holds, key))
  }

  /** The oldest first; damaged ones are dropped, and logged. */
  async waiting(closet: Closet, limit: number): Promise<Noted[]> {
    const { state, log } = this.#parts
    const found: Noted[] = []
    for (const { key, value } of await state.list(events, { limit }))
      try {
        found.push({ key, event: decodeSyncEvent(closet.open(`${events} ${key}`, value)) })
      } catch (err) {
        log.warn('what other devices were to be told is damaged', { code: codeOf(err) })
        await state.write([dropRow(events, key)])
      }
    return found
  }

  told(noted: readonly Noted[]): Change[] {
    return noted.map(({ key }) => dropRow(events, key))
  }

  /** Whether an event of these types waits to go out. */
  async waits(types: readonly SyncEvent['type'][], closet: Closet): Promise<boolean> {
    return (await this.waiting(closet, 1_000)).some(({ event }) => types.includes(event.type))
  }
}
