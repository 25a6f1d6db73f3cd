import { useSignal } from '@preact/signals'
import type { JSX } from 'preact'
import { useEffect, useLayoutEffect, useMemo, useRef } from 'preact/hooks'
import type { Conversation } from '../../client/client.ts'
import { change, changes } from '../data/mailbox.ts'
import { type Page, Thread } from '../data/thread.ts'
import { attempt } from '../data/toasts.ts'
import { Button, Spinner, Trouble } from '../parts/basics.tsx'
import { LabelMenu } from '../parts/labels.tsx'
import { useKeys } from '../parts/shortcuts.tsx'
import { leave } from '../route.ts'
import { Safe } from '../text/safe.tsx'
import { Reply } from './compose.tsx'
import { Letter } from './letter.tsx'
import { putAway } from './mail.tsx'

/** All letters of one conversation, oldest first, and a place to answer. */
export function ConversationView({ thread: id }: { thread: string }): JSX.Element {
  const thread = useMemo(() => new Thread(id), [id])
  const isReplying = useSignal(false)
  const box = useRef<HTMLDivElement>(null)
  const end = useRef<HTMLDivElement>(null)
  /** How far the end was below the top of what is seen, before older letters came in above. */
  const belowPx = useRef<number | null>(null)
  const { conversation, pages, next, problem } = thread.now.value
  useEffect(() => void thread.refresh(), [thread, changes.value])
  useEffect(() => {
    if (conversation && conversation.unread > 0) void change(id, { read: true })
  }, [conversation])
  const newest = pages.at(-1)?.letters ?? []
  useEffect(() => {
    if (newest.length > 1) end.current?.scrollIntoView({ block: 'end' })
  }, [newest.length > 0])
  useLayoutEffect(() => {
    if (belowPx.current !== null)
      box.current!.scrollTop = box.current!.scrollHeight - belowPx.current
    belowPx.current = null
  }, [pages.length])
  useKeys({ r: () => (isReplying.value = true) })

  if (problem) return <Trouble problem={problem} />
  if (!conversation) return <Spinner label="Opening the letters" />
  const last = newest.findLast(letter => letter.direction === 'in') ?? newest.at(-1)
  const older = () =>
    attempt(() =>
      thread.older(() => {
        belowPx.current = box.current!.scrollHeight - box.current!.scrollTop
      })
    )
  const onDeleted = (letter: string) => {
    if (thread.without(letter)) leave()
  }
  return (
    <div class="conversation">
      <Head conversation={conversation} />
      <div class="letters" ref={box}>
        {next !== null && <Older key={next} onSeen={() => void older()} />}
        {pages.map(page => (
          <LettersOf key={page.before ?? ''} page={page} thread={thread} onDeleted={onDeleted} />
        ))}
        {last && (
          <div class="answer" ref={end}>
            {isReplying.value ? (
              <Reply to={last} onDone={() => (isReplying.value = false)} />
            ) : (
              <Button icon="reply" keys="r" onClick={() => (isReplying.value = true)}>
                Reply
              </Button>
            )}
          </div>
        )}
      </div>
    </div>
  )
}

const Head = ({ conversation: c }: { conversation: Conversation }): JSX.Element => (
  <header class="conversation-head">
    <Button icon="back" label="Back to the list" keys="Escape" kind="quiet" onClick={leave} />
    <div class="conversation-title">
      <h2>
        <Safe text={c.subject || '(no subject)'} />
      </h2>
      <p>
        {c.with.map(alias => (
          <span class="with">
            <Safe text={alias} />
          </span>
        ))}
        {c.labels.map(name => (
          <span class="chip">{name}</span>
        ))}
      </p>
    </div>
    <div class="tools">
      <LabelMenu conversation={c} />
      <Button
        icon="archive"
        label={c.archived ? 'Back to the inbox' : 'Archive'}
        keys="e"
        kind="quiet"
        onClick={() => void putAway(c, !c.archived)}
      />
      <Button
        icon="inbox"
        label="Mark unread"
        keys="u"
        kind="quiet"
        onClick={() => void change(c.thread, { read: false }).then(leave)}
      />
    </div>
  </header>
)

/** How far beyond what is seen letters are made ready. */
const ahead = '1200px 0px'

function watch(
  element: HTMLElement,
  onChange: (isNear: boolean, heightPx: number) => void
): () => void {
  const root = element.closest('.letters')
  const see = (seen: IntersectionObserverEntry[]) => {
    const { isIntersecting, boundingClientRect } = seen.at(-1)!
    onChange(isIntersecting, boundingClientRect.height)
  }
  const eye = new IntersectionObserver(see, { root, rootMargin: ahead })
  eye.observe(element)
  return () => eye.disconnect()
}

/** Above the oldest letter that was read; being scrolled to is enough. */
function Older({ onSeen }: { onSeen: () => void }): JSX.Element {
  const here = useRef<HTMLDivElement>(null)
  useEffect(() => watch(here.current!, isNear => isNear && onSeen()), [])
  return (
    <div class="older" ref={here}>
      <Button kind="quiet" onClick={onSeen}>
        Older letters
      </Button>
    </div>
  )
}

interface LettersOfProps {
  page: Page
  thread: Thread
  onDeleted: (letter: string) => void
}

/** One page of letters; far from what is seen, an empty place of its height. */
function LettersOf({ page, thread, onDeleted }: LettersOfProps): JSX.Element {
  const here = useRef<HTMLDivElement>(null)
  const heightPx = useRef(0)
  const isNear = useSignal(true)
  useEffect(
    () =>
      watch(here.current!, (near, nowPx) => {
        if (isNear.value) heightPx.current = nowPx
        isNear.value = near
      }),
    []
  )
  useEffect(() => {
    if (isNear.value) void attempt(() => thread.near(page))
    else thread.far(page)
  }, [isNear.value])
  const letters = isNear.value ? page.letters : null
  return (
    <div class="letters-page" ref={here} style={letters ? {} : { height: `${heightPx.current}px` }}>
      {letters?.map(letter => (
        <Letter key={letter.id} letter={letter} onDeleted={() => onDeleted(letter.id)} />
      ))}
    </div>
  )
}
