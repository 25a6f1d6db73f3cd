import { codeOf } from '../../base/errors.ts'
import type { Log } from '../../base/ports.ts'
import type { Closet } from '../closet.ts'
import type { InboxStore } from '../inbox-store.ts'
import type { Self } from '../self.ts'
import type { SentStore } from '../sent-shape.ts'
import type { LetterRef } from './conversation-rows.ts'
import { textOfFrame } from './frame.ts'
import { around, plainText } from './plain-text.ts'
import type { SearchIndex, SearchText } from './search-index.ts'
import { openSearchIndex, wordsOf } from './search-index.ts'
import type { Found } from './shapes.ts'

export interface SearchParts {
  self: Pick<Self, 'closet' | 'openCloset'>
  received: InboxStore
  sent: SentStore
  log: Log
}

/** A letter as far as a search goes. */
interface Read {
  readonly found: Omit<Found, 'snippet'>
  readonly text: SearchText
}

const foundMax = 50
/** Read together while the index is made, so that other things have their turn in between. */
const batch = 32

/**
 * Finds letters by their words. The index is made from the letters when it is first asked for, is held in memory while the vault is open,
 * follows what comes and goes, and is gone with the lock.
 */
export class Search {
  readonly #parts: SearchParts
  #index: Promise<SearchIndex> | undefined
  /** What has changed since the index was asked last. */
  readonly #changed = new Map<string, LetterRef>()
  #generation = 0

  constructor(parts: SearchParts) {
    this.#parts = parts
  }

  /** A letter came or went. */
  changed({ direction, ref }: LetterRef): void {
    if (this.#index) this.#changed.set(keyOf({ direction, ref }), { direction, ref })
  }

  /** Makes the index, for somebody is likely to ask soon. */
  prepare(): void {
    const closet = this.#parts.self.openCloset
    if (closet)
      this.#made(closet).catch(err =>
        this.#parts.log.debug('nothing to search in yet', { code: codeOf(err) })
      )
  }

  /** Newest first. @throws {MuttrError} `VAULT_LOCKED` */
  async find(text: string, { limit = foundMax } = {}): Promise<Found[]> {
    const closet = this.#parts.self.closet()
    const words = wordsOf(text)
    if (words.length === 0) return []
    const index = await this.#made(closet)
    await this.#follow(index, closet)
    const found: Found[] = []
    for (const key of index.find(words, limit)) {
      const letter = await this.#read(refOf(key), closet)
      if (letter) found.push({ ...letter.found, snippet: around(letter.text.body, words) })
    }
    return found
  }

  /** The vault is locked: the index is gone. */
  forget(): void {
    this.#generation++
    this.#changed.clear()
    const index = this.#index
    this.#index = undefined
    void index?.then(
      made => made[Symbol.dispose](),
      () => undefined
    )
  }

  #made(closet: Closet): Promise<SearchIndex> {
    this.#index ??= this.#make(closet).catch(err => {
      this.#index = undefined
      throw err
    })
    return this.#index
  }

  async #make(closet: Closet): Promise<SearchIndex> {
    const { received, sent, log } = this.#parts
    const generation = this.#generation
    const index = await openSearchIndex()
    let refs: LetterRef[] = []
    const take = async () => {
      const letters = await Promise.all(refs.map(ref => this.#read(ref, closet)))
      if (generation !== this.#generation) throw new Error('the vault was locked')
      const fits = letters.every((one, i) => !one || index.add(keyOf(refs[i]!), one.text))
      refs = []
      return fits
    }
    try {
      let fits = true
      for (const source of [received.places(closet), sent.ids()])
        for await (const ref of source) {
          refs.push(ref)
          if (refs.length === batch) fits = await take()
          if (!fits) break
        }
      if (!(fits && (await take()))) log.warn('the oldest letters cannot be searched')
      return index
    } catch (err) {
      index[Symbol.dispose]()
      throw err
    }
  }

  async #follow(index: SearchIndex, closet: Closet): Promise<void> {
    const changes = [...this.#changed]
    this.#changed.clear()
    for (const [key, ref] of changes) {
      const letter = await this.#read(ref, closet)
      if (!letter) index.remove(key)
      else index.add(key, letter.text)
    }
  }

  async #read({ direction, ref }: LetterRef, closet: Closet): Promise<Read | undefined> {
    try {
      return await (direction === 'in' ? this.#received(ref, closet) : this.#sent(ref, closet))
    } catch (err) {
      this.#parts.log.warn('a letter cannot be searched', { code: codeOf(err) })
      return undefined
    }
  }

  async #received(place: string, closet: Closet): Promise<Read | undefined> {
    const { received } = this.#parts
    const letter = await received.at(place, closet)
    if (!letter) return undefined
    const { row } = letter
    const frame = await received.frame(place, closet)
    const body = textOfFrame(row, frame)
    const { id, conversation: thread, subject, receivedMs: atMs, fromAlias, to, others } = row
    const people = others.map(({ alias }) => alias)
    return {
      found: { direction: 'in', id, thread, subject, with: people, atMs },
      text: {
        ...{ atMs, subject, who: [fromAlias, to, ...people].join(' ') },
        body: plainText(row.mimeType, body)
      }
    }
  }

  async #sent(id: string, closet: Closet): Promise<Read | undefined> {
    const { sent } = this.#parts
    const member = await sent.member(id, closet)
    if (!member) return undefined
    const { thread, subject, others, atMs, from } = member
    const { body, mimeType } = await sent.secret(id, closet)
    const people = others.map(({ alias }) => alias)
    return {
      found: { direction: 'out', id, thread, subject, with: people, atMs },
      text: {
        ...{ atMs, subject, who: [from, ...people].join(' ') },
        body: plainText(mimeType, Buffer.from(body).toString('utf8'))
      }
    }
  }
}

const keyOf = ({ direction, ref }: LetterRef): string => `${direction} ${ref}`
const refOf = (key: string): LetterRef =>
  key.startsWith('in ')
    ? { direction: 'in', ref: key.slice(3) }
    : { direction: 'out', ref: key.slice(4) }
