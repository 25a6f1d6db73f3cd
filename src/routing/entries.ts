import type { Contact, Millis, PeerId, Place } from '../base/ports.ts'
import { compareDistance, rulerOf } from './distance.ts'

/** What a table knows of one peer. */
export interface Entry {
  contact: Contact
  readonly place: Place
  readonly head: number
  subnets: readonly string[]
  seenMs: Millis
  /** When it answered us first. */
  readonly sinceMs: Millis
  failures: number
}

/**
 * A list of entries, in order, whose heads stand side by side: most questions (is this peer here, who is the nearest) are settled by them, and
 * an entry is an object as far from the processor as memory is. Where many tables are in one process, that was most of a table's time.
 */
export class Entries {
  readonly all: Entry[] = []
  /** In the same order. */
  readonly heads: number[] = []

  get length(): number {
    return this.all.length
  }

  push(entry: Entry): void {
    this.all.push(entry)
    this.heads.push(entry.head)
  }

  removeAt(index: number): void {
    this.all.splice(index, 1)
    this.heads.splice(index, 1)
  }

  remove(entry: Entry): void {
    this.removeAt(this.all.indexOf(entry))
  }

  /** @param head of its place. */
  find(peer: PeerId, head: number): Entry | undefined {
    const { heads } = this
    for (let i = 0; i < heads.length; i++)
      if (heads[i] === head && this.all[i]!.contact.peer === peer) return this.all[i]
    return undefined
  }

  /** Empties it. @returns what was in it. */
  take(): Entry[] {
    this.heads.length = 0
    return this.all.splice(0)
  }
}

/** The `count` nearest to a place of those that it is offered, nearest first; behind whoever is as far. */
export class Nearest {
  readonly #place: Place
  readonly #ruler: number
  readonly #count: number
  readonly #found: Entry[] = []
  /** Of each, by its head. */
  readonly #away: number[] = []

  /** @param count one at least. */
  constructor(place: Place, count: number) {
    this.#place = place
    this.#ruler = rulerOf(place)
    this.#count = count
  }

  get isFull(): boolean {
    return this.#found.length >= this.#count
  }

  /** Most of a list is often not wanted, so it is not sorted first. */
  offer({ all, heads }: Entries): void {
    const [found, away, ruler, count] = [this.#found, this.#away, this.#ruler, this.#count]
    for (let i = 0; i < heads.length; i++) {
      const own = heads[i]! ^ ruler
      let at = found.length
      if (at === count && !this.#isNearer(own, all[i]!, --at)) continue
      for (; at > 0 && this.#isNearer(own, all[i]!, at - 1); at--) {
        found[at] = found[at - 1]!
        away[at] = away[at - 1]!
      }
      found[at] = all[i]!
      away[at] = own
    }
  }

  #isNearer(own: number, entry: Entry, than: number): boolean {
    const away = this.#away[than]!
    if (own !== away) return own < away
    return compareDistance(this.#place, entry.place, this.#found[than]!.place) < 0
  }

  contacts(): Contact[] {
    return this.#found.map(e => e.contact)
  }
}
