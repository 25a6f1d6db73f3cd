import { computed, signal } from '@preact/signals'
import type {
  Conversation,
  ConversationChange,
  ConversationPage,
  ConversationQuery
} from '../../client/client.ts'
import { gathered } from '../clock.ts'
import { json, post } from './ask.ts'
import { onEvent, onResume } from './live.ts'
import { setup } from './session.ts'
import { attempt } from './toasts.ts'

/** The first page is there at once; who scrolls on gets longer ones. */
const pageSize = 100
const morePageSize = 1_000

/** A list of conversations, as far as it was scrolled through. */
export interface List {
  conversations: readonly Conversation[]
  next: string | null
  state: 'loading' | 'here'
}

const empty: List = { conversations: [], next: null, state: 'loading' }

/** Which conversations are looked at: those that are not archived, unless told. */
const shown = signal<ConversationQuery>({ archived: false })
export const list = signal<List>(empty)
export const unread = computed(
  () => list.value.conversations.filter(conversation => conversation.unread > 0).length
)
/** Goes up whenever something may have changed; an open conversation reads itself again then. */
export const changes = signal(0)

let asked = 0
let isLoadingMore = false

export function show(query: ConversationQuery): void {
  if (JSON.stringify(query) === JSON.stringify(shown.value)) return
  shown.value = query
  list.value = empty
  void reload()
}

const fetchPage = (query: ConversationQuery): Promise<ConversationPage> =>
  json('/conversations', { query: { ...query } })

/** Reads as many again as were there: what is new pushes others down, and nothing is lost from under the reader. */
export async function reload(): Promise<void> {
  if (setup.value?.state !== 'running' || setup.value.locked) return
  const mine = ++asked
  const limit = Math.max(pageSize, Math.min(1_000, list.value.conversations.length))
  const page = await attempt(() => fetchPage({ ...shown.value, limit }))
  if (!page || mine !== asked) return
  const fresh = new Set(page.conversations.map(({ thread }) => thread))
  const isWhole = list.value.conversations.length <= limit
  const older = isWhole
    ? []
    : list.value.conversations.slice(limit).filter(({ thread }) => !fresh.has(thread))
  list.value = {
    conversations: [...page.conversations, ...older],
    next: isWhole ? page.next : list.value.next,
    state: 'here'
  }
}

export async function loadMore(): Promise<void> {
  const { next, conversations } = list.value
  if (next === null || isLoadingMore) return
  isLoadingMore = true
  const mine = asked
  const page = await attempt(() => fetchPage({ ...shown.value, limit: morePageSize, before: next }))
  isLoadingMore = false
  if (!page || mine !== asked) return
  const known = new Set(conversations.map(({ thread }) => thread))
  const more = page.conversations.filter(({ thread }) => !known.has(thread))
  list.value = { ...list.value, conversations: [...conversations, ...more], next: page.next }
}

/** Shown at once, and taken back when it could not be done. */
export async function change(thread: string, wish: ConversationChange): Promise<void> {
  const before = list.value
  const leaves = wish.archived !== undefined && wish.archived !== shown.value.archived
  list.value = {
    ...before,
    conversations: before.conversations.flatMap(c => {
      if (c.thread !== thread) return [c]
      return leaves ? [] : [{ ...c, ...(wish.read && { unread: 0 }) }]
    })
  }
  const done = await attempt(() => post<Conversation>(`/conversations/${thread}`, wish))
  if (!done) list.value = before
  else touched()
}

const touched = gathered(200, () => {
  changes.value++
  void reload()
})
export const mailChanged = touched

const relevant = new Set([
  ...[
    'opened',
    'sealed',
    'stored',
    'announced',
    'accepted',
    'withdrawn',
    'waiting',
    'released',
    'mirrored'
  ],
  ...['node', 'requested', 'mended']
])
onEvent(event => {
  if (relevant.has(event.type)) touched()
})
onResume(touched)
