import { useSignal } from '@preact/signals'
import type { JSX } from 'preact'
import { useEffect } from 'preact/hooks'
import type { Found } from '../../client/client.ts'
import { gathered, nowMs } from '../clock.ts'
import { json, type Problem, problemOf } from '../data/ask.ts'
import { Avatar } from '../parts/avatar.tsx'
import { Empty, Trouble } from '../parts/basics.tsx'
import { Icon } from '../parts/icons.tsx'
import { VirtualList } from '../parts/virtual-list.tsx'
import { href, route } from '../route.ts'
import { exactly, nameOf, when } from '../text/format.ts'
import { Safe } from '../text/safe.tsx'

const foundMax = 200

/** Finds letters while the person types. */
export function Search(): JSX.Element {
  const text = useSignal(route.value.query.q ?? '')
  const found = useSignal<readonly Found[] | null>(null)
  const problem = useSignal<Problem | null>(null)
  useEffect(() => {
    let latest = 0
    const look = gathered(150, async () => {
      const mine = ++latest
      const wanted = text.value.trim()
      if (wanted === '') {
        found.value = null
        return
      }
      try {
        const now = await json<Found[]>('/search', { query: { text: wanted, limit: foundMax } })
        if (mine === latest) found.value = now
        problem.value = null
      } catch (err) {
        problem.value = problemOf(err)
      }
    })
    return text.subscribe(look)
  }, [])
  return (
    <div class="page-view search">
      <header class="pane-head">
        <h1 class="unseen">Search</h1>
        <div class="search-box">
          <Icon name="search" />
          <input
            type="search"
            aria-label="Search all letters"
            placeholder="Search all letters"
            ref={box => box?.focus()}
            value={text}
            onInput={e => (text.value = e.currentTarget.value)}
          />
        </div>
      </header>
      <Trouble problem={problem.value} />
      {found.value === null ? (
        <Empty icon="search" title="Words of a letter, a subject, a name" />
      ) : found.value.length === 0 ? (
        <Empty icon="search" title="Nothing was found" />
      ) : (
        <VirtualList
          items={found.value}
          keyOf={hit => hit.id}
          rowHeight={84}
          label="What was found"
          row={hit => <Hit hit={hit} />}
        />
      )}
    </div>
  )
}

const Hit = ({ hit }: { hit: Found }): JSX.Element => (
  <a class="row" href={href('inbox', hit.thread)}>
    <Avatar alias={hit.with[0] ?? '?'} />
    <span class="row-text">
      <span class="row-top">
        <span class="row-who">
          {hit.direction === 'out' && 'To '}
          <Safe text={hit.with.map(nameOf).join(', ')} />
        </span>
        <time dateTime={new Date(hit.atMs).toISOString()} title={exactly(hit.atMs)}>
          {when(hit.atMs, nowMs.value)}
        </time>
      </span>
      <span class="row-subject">
        <Safe text={hit.subject || '(no subject)'} />
      </span>
      <span class="row-snippet">
        <Safe text={hit.snippet} />
      </span>
    </span>
  </a>
)
