import { useSignal } from '@preact/signals'
import type { JSX } from 'preact'
import { useEffect } from 'preact/hooks'
import type { SavedDraft } from '../../client/client.ts'
import { nowMs } from '../clock.ts'
import { json } from '../data/ask.ts'
import { changes } from '../data/mailbox.ts'
import { attempt } from '../data/toasts.ts'
import { Avatar } from '../parts/avatar.tsx'
import { Empty, Spinner } from '../parts/basics.tsx'
import { VirtualList } from '../parts/virtual-list.tsx'
import { href } from '../route.ts'
import { exactly, when } from '../text/format.ts'
import { Safe } from '../text/safe.tsx'

/** Letters that are not finished. */
export function Drafts(): JSX.Element {
  const drafts = useSignal<readonly SavedDraft[] | null>(null)
  useEffect(() => {
    void attempt(async () => {
      drafts.value = await json<SavedDraft[]>('/drafts')
    })
  }, [changes.value])
  return (
    <div class="page-view">
      <header class="pane-head">
        <h1>Drafts</h1>
      </header>
      {drafts.value === null ? (
        <Spinner />
      ) : drafts.value.length === 0 ? (
        <Empty icon="drafts" title="No drafts">
          <p>What you begin to write is kept here by itself.</p>
        </Empty>
      ) : (
        <VirtualList
          items={drafts.value}
          keyOf={draft => draft.id}
          rowHeight={84}
          label="Letters that are not finished"
          row={draft => <Row draft={draft} />}
        />
      )}
    </div>
  )
}

const Row = ({ draft }: { draft: SavedDraft }): JSX.Element => (
  <a class="row" href={href('write', draft.id)}>
    <Avatar alias={draft.to || '?'} />
    <span class="row-text">
      <span class="row-top">
        <span class="row-who">
          <Safe text={draft.to || 'To nobody yet'} />
        </span>
        <time dateTime={new Date(draft.savedMs).toISOString()} title={exactly(draft.savedMs)}>
          {when(draft.savedMs, nowMs.value)}
        </time>
      </span>
      <span class="row-subject">
        <Safe text={draft.subject || '(no subject)'} />
      </span>
      <span class="row-snippet">
        <Safe text={draft.body.slice(0, 200).replace(/\s+/g, ' ')} />
      </span>
    </span>
  </a>
)
