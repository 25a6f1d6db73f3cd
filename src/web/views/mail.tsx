import type { JSX } from 'preact'
import { useEffect } from 'preact/hooks'
import type { Conversation } from '../../client/client.ts'
import { nowMs } from '../clock.ts'
import { change, list, loadMore, show } from '../data/mailbox.ts'
import { aliases, status } from '../data/session.ts'
import { tell } from '../data/toasts.ts'
import { Avatar } from '../parts/avatar.tsx'
import { Button, Empty, Spinner } from '../parts/basics.tsx'
import { Icon, type IconName } from '../parts/icons.tsx'
import { rowId, useListKeys } from '../parts/list-keys.ts'
import { VirtualList } from '../parts/virtual-list.tsx'
import { go, href, leave, route } from '../route.ts'
import { exactly, nameOf, when } from '../text/format.ts'
import { Safe } from '../text/safe.tsx'
import { ConversationView } from './conversation.tsx'

const rowHeight = 84

const titles: Record<string, string> = { inbox: 'Inbox', archive: 'Archive' }

/** A list of conversations, and beside it the one that is open. */
export function Mail(): JSX.Element {
  const { view, id } = route.value
  const label = view === 'label' ? route.value.query.name : undefined
  const isArchive = view === 'archive'
  useEffect(() => show(label ? { label } : { archived: isArchive }), [isArchive, label])
  const { conversations, state } = list.value
  const index = useListKeys({
    view,
    items: () => list.value.conversations,
    keyOf: ({ thread }) => thread,
    also: {
      e: c => void putAway(c, !c.archived),
      u: c => void change(c.thread, { read: false }).then(() => leave())
    }
  })
  return (
    <div class={`panes${id ? ' has-open' : ''}`}>
      <section class="pane-list" aria-label={label ?? titles[view] ?? 'Inbox'}>
        <header class="pane-head">
          <h1>{label ?? titles[view] ?? 'Inbox'}</h1>
          <div class="tools">
            <Shortcut name="Drafts" icon="drafts" phone />
            {view === 'archive' || <Shortcut name="Archive" icon="archive" phone />}
            <Shortcut name="Search" icon="search" keys="/" />
          </div>
        </header>
        {view === 'inbox' && <Asking />}
        {state === 'loading' ? (
          <Spinner />
        ) : conversations.length === 0 ? (
          <NothingHere isArchive={isArchive} />
        ) : (
          <VirtualList
            items={conversations}
            keyOf={({ thread }) => thread}
            rowHeight={rowHeight}
            label="Conversations"
            selected={index}
            onEnd={() => void loadMore()}
            row={conversation => (
              <Row conversation={conversation} view={view} isOpen={conversation.thread === id} />
            )}
          />
        )}
      </section>
      <section class="pane-open" aria-label="Conversation">
        {id ? (
          <ConversationView key={id} thread={id} />
        ) : (
          <Empty icon="seal" title="Choose a conversation">
            <p>
              <kbd>j</kbd> and <kbd>k</kbd> go through the list, <kbd>?</kbd> shows all keys.
            </p>
          </Empty>
        )}
      </section>
    </div>
  )
}

interface ShortcutProps {
  name: string
  icon: IconName
  keys?: string
  /** On a phone only, where the places at the side have no room. */
  phone?: boolean
}

const Shortcut = ({ name, icon, keys, phone }: ShortcutProps): JSX.Element => (
  <a
    class={`button quiet only-icon${phone ? ' only-on-phone' : ''}`}
    href={href(name.toLowerCase())}
    aria-label={name}
    title={keys ? `${name} (${keys})` : name}
  >
    <Icon name={icon} size={18} />
  </a>
)

export async function putAway(
  { thread }: Pick<Conversation, 'thread'>,
  archived: boolean
): Promise<void> {
  const isOpen = route.value.id === thread
  await change(thread, { archived })
  if (isOpen) leave()
  tell(
    archived ? 'Archived.' : 'Back in the inbox.',
    () => void change(thread, { archived: !archived })
  )
}

/** Whoever asks to be read is told of where letters are expected. */
function Asking(): JSX.Element | null {
  const asking = status.value?.inbox.requests ?? 0
  if (asking === 0) return null
  return (
    <a class="asking" href={href('requests')}>
      <Icon name="door" size={18} />
      {asking === 1 ? 'Somebody asks to be read' : `${asking} people ask to be read`}
    </a>
  )
}

const NothingHere = ({ isArchive }: { isArchive: boolean }): JSX.Element =>
  isArchive ? (
    <Empty icon="archive" title="Nothing is archived">
      <p>
        What you are done with goes here with <kbd>e</kbd>, and stays searchable.
      </p>
    </Empty>
  ) : (
    <Empty icon="inbox" title="No letters yet">
      {aliases.value[0] && (
        <p>
          Your address is <strong>{aliases.value[0]}</strong>. Give it to somebody, or write first.
        </p>
      )}
      <Button icon="write" kind="primary" onClick={() => go('write')}>
        Write a letter
      </Button>
    </Empty>
  )

interface RowProps {
  conversation: Conversation
  view: string
  isOpen: boolean
}

function Row({ conversation: c, view, isOpen }: RowProps): JSX.Element {
  const isOwn = aliases.value.includes(c.lastFrom)
  const others = c.with.length > 0 ? c.with : [c.lastFrom]
  return (
    <a
      id={rowId(c.thread)}
      class={`row${c.unread > 0 ? ' unread' : ''}`}
      href={href(view, c.thread, route.value.query)}
      aria-current={isOpen ? 'true' : undefined}
    >
      <Avatar alias={others[0] ?? '?'} />
      <span class="row-text">
        {c.unread > 0 && <span class="unseen">Unread, from </span>}
        <span class="row-top">
          <span class="row-who">
            <Safe text={others.map(nameOf).join(', ')} />
            {c.letters > 1 && <span class="row-count">{c.letters}</span>}
          </span>
          <time dateTime={new Date(c.lastMs).toISOString()} title={exactly(c.lastMs)}>
            {when(c.lastMs, nowMs.value)}
          </time>
        </span>
        <span class="row-subject">
          <Safe text={c.subject || '(no subject)'} />
        </span>
        <span class="row-snippet">
          {isOwn && <span class="row-you">You: </span>}
          <Safe text={c.snippet} />
          {c.attachments > 0 && <Icon name="clip" size={14} />}
          {c.labels.map(name => (
            <span class="chip">{name}</span>
          ))}
        </span>
      </span>
      {c.unread > 0 && <span class="unread-dot" aria-hidden="true" />}
    </a>
  )
}
