import { MuttrError } from '../../base/errors.ts'
import type { Millis } from '../../base/ports.ts'
import type { ConversationRow } from './conversation-rows.ts'
import type { ConversationQuery } from './shapes.ts'

/** Of each conversation what decides whether and where it is listed; some 150 bytes. */
interface Listed {
  readonly tag: string
  readonly lastMs: Millis
  readonly unread: boolean
  readonly archived: boolean
  readonly labels: readonly string[]
}

const noLabels: readonly string[] = []

/** The order of conversations, held in memory while the vault is open, so that no key on the disk has to tell it. */
export class ConversationList {
  #byTag: Map<string, Listed> | undefined
  #sorted: Listed[] | undefined

  get loaded(): boolean {
    return this.#byTag !== undefined
  }

  load(rows: ReadonlyMap<string, ConversationRow>): void {
    this.#byTag = new Map([...rows].map(([tag, row]) => [tag, listed(tag, row)]))
    this.#sorted = undefined
  }

  /** Follows a change; before the first load there is nothing to follow. */
  set(tag: string, row: ConversationRow | undefined): void {
    if (row) this.#byTag?.set(tag, listed(tag, row))
    else this.#byTag?.delete(tag)
    this.#sorted = undefined
  }

  forget(): void {
    this.#byTag = undefined
    this.#sorted = undefined
  }

  page({ limit, before, label, archived, unread }: ConversationQuery & { limit: number }): {
    tags: string[]
    next: string | null
  } {
    const all = this.#inOrder()
    const tags: string[] = []
    const from = before === undefined ? 0 : placeAfter(all, readCursor(before))
    for (let i = from; i < all.length; i++) {
      const one = all[i]!
      const fits =
        (label === undefined || one.labels.includes(label)) &&
        (archived === undefined || one.archived === archived) &&
        (unread === undefined || one.unread === unread)
      if (!fits) continue
      if (tags.length === limit) return { tags, next: cursorOf(all[i - 1]!) }
      tags.push(one.tag)
    }
    return { tags, next: null }
  }

  labels(): Map<string, number> {
    const counts = new Map<string, number>()
    for (const { labels } of this.#byTag?.values() ?? [])
      for (const label of labels) counts.set(label, (counts.get(label) ?? 0) + 1)
    return counts
  }

  #inOrder(): Listed[] {
    this.#sorted ??= [...(this.#byTag?.values() ?? [])].sort(newestFirst)
    return this.#sorted
  }
}

const listed = (tag: string, { lastMs, unread, archived, labels }: ConversationRow): Listed => ({
  tag,
  lastMs,
  unread: unread > 0,
  archived,
  labels: labels.length === 0 ? noLabels : labels
})

type Place = Pick<Listed, 'lastMs' | 'tag'>
const newestFirst = (a: Place, b: Place): number =>
  b.lastMs - a.lastMs || (a.tag < b.tag ? -1 : a.tag > b.tag ? 1 : 0)

/** The first that comes after a place, which need not be there any longer. */
function placeAfter(all: readonly Listed[], place: Place): number {
  let [from, to] = [0, all.length]
  while (from < to) {
    const middle = (from + to) >>> 1
    if (newestFirst(all[middle]!, place) <= 0) from = middle + 1
    else to = middle
  }
  return from
}

const cursorOf = ({ lastMs, tag }: Place): string => `${lastMs.toString(16)}-${tag}`

function readCursor(text: string): Place {
  const [, time, tag] = /^([0-9a-f]{1,13})-([0-9a-f]{32})$/.exec(text) ?? []
  if (time === undefined || tag === undefined)
    throw new MuttrError('USAGE', 'not the `next` of a list of conversations', {
      hint: 'Give `before` as the list before gave `next`.'
    })
  return { lastMs: Number.parseInt(time, 16), tag }
}
