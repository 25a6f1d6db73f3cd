import { signal } from '@preact/signals'
import type { Conversation, Entry, OpenedConversation } from '../../client/client.ts'
import { json, type Problem, problemOf } from './ask.ts'

/** Letters that were read in one answer, oldest first. */
export interface Page {
  /** Where it ends: the `next` of the newer page; the newest has none. */
  readonly before: string | undefined
  /** Null when they were given up to save memory. */
  readonly letters: readonly Entry[] | null
}

interface ThreadNow {
  conversation: Conversation | null
  /** Oldest first. */
  pages: readonly Page[]
  /** Where older letters begin. */
  next: string | null
  problem: Problem | null
}

const pageSize = 100
/** Pages kept whole; others are read again when they come near. */
const keptPages = 8

/** A conversation of any length, read from its end upwards as far as somebody looks. */
export class Thread {
  readonly now = signal<ThreadNow>({ conversation: null, pages: [], next: null, problem: null })
  readonly #id: string
  readonly #near = new Set<string | undefined>([undefined])
  #isReading = false

  constructor(id: string) {
    this.#id = id
  }

  /** Reads the newest letters, and again those of pages that are looked at. */
  async refresh(): Promise<void> {
    try {
      const { pages, next } = this.now.value
      const had = pages.at(-1)?.letters ?? []
      const newest = await this.#read(undefined, Math.max(pageSize, had.length))
      const older = pages.slice(0, -1)
      const joined = older.length > 0 ? joinedTo(had, newest.letters) : null
      this.now.value = {
        conversation: newest.conversation,
        pages: [...(joined ? older : []), { before: undefined, letters: joined ?? newest.letters }],
        next: joined ? next : newest.next,
        problem: null
      }
      for (const page of joined ? older : [])
        if (this.#near.has(page.before)) await this.#fill(page)
    } catch (err) {
      this.now.value = { ...this.now.value, problem: problemOf(err) }
    }
  }

  /** Reads the page before. @param grows is told just before it is there */
  async older(grows: () => void): Promise<void> {
    const { next } = this.now.value
    if (next === null || this.#isReading) return
    this.#isReading = true
    try {
      const read = await this.#read(next)
      grows()
      const page = { before: next, letters: this.#fresh(read.letters, next) }
      this.now.value = {
        ...this.now.value,
        pages: [page, ...this.now.value.pages],
        next: read.next
      }
    } finally {
      this.#isReading = false
    }
  }

  /** A page is about to be seen. */
  async near(page: Page): Promise<void> {
    this.#near.add(page.before)
    if (page.letters === null) await this.#fill(page)
  }

  /** A page is far from what is seen. */
  far(page: Page): void {
    if (page.before === undefined) return
    this.#near.delete(page.before)
    const whole = this.now.value.pages.filter(({ letters }) => letters !== null)
    if (whole.length > keptPages) this.#put(page.before, null)
  }

  /** A letter is gone. @returns whether it was the last one */
  without(id: string): boolean {
    for (const { before, letters } of this.now.value.pages)
      if (letters?.some(letter => letter.id === id))
        this.#put(
          before,
          letters.filter(letter => letter.id !== id)
        )
    const { pages, next } = this.now.value
    return next === null && pages.every(({ letters }) => letters?.length === 0)
  }

  async #fill({ before, letters }: Page): Promise<void> {
    const read = await this.#read(before, letters?.length)
    this.#put(before, this.#fresh(read.letters, before))
  }

  /** What no newer page has: letters move up where others were deleted. */
  #fresh(letters: readonly Entry[], before: string | undefined): readonly Entry[] {
    const { pages } = this.now.value
    const at = pages.findIndex(page => page.before === before)
    const known = new Set(pages.slice(at + 1).flatMap(page => page.letters?.map(l => l.id) ?? []))
    return letters.filter(({ id }) => !known.has(id))
  }

  #put(before: string | undefined, letters: readonly Entry[] | null): void {
    const { now } = this
    const pages = now.value.pages.map(page => (page.before === before ? { before, letters } : page))
    now.value = { ...now.value, pages }
  }

  #read(before: string | undefined, limit = pageSize): Promise<OpenedConversation> {
    return json(`/conversations/${this.#id}`, { query: { limit: Math.max(1, limit), before } })
  }
}

/** What was read, behind those of the page that are older than it; null when so much came that something is missing between. */
function joinedTo(had: readonly Entry[], read: readonly Entry[]): readonly Entry[] | null {
  const places = new Map(had.map(({ id }, i) => [id, i]))
  const first = read.findIndex(({ id }) => places.has(id))
  return first < 0 ? null : [...had.slice(0, places.get(read[first]!.id)), ...read.slice(first)]
}
