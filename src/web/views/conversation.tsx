import { useSignal } from '@preact/signals'
import type { JSX } from 'preact'
import { useEffect, useRef } from 'preact/hooks'
import type { Entry, OpenedConversation } from '../../client/client.ts'
import { nowMs } from '../clock.ts'
import { type Problem, problemOf } from '../data/ask.ts'
import { change, changes, openConversation } from '../data/mailbox.ts'
import { sentence } from '../data/toasts.ts'
import { Avatar, Button, Spinner, Trouble } from '../parts/basics.tsx'
import { LabelMenu } from '../parts/labels.tsx'
import { ReceivedFiles } from '../parts/received-files.tsx'
import { useKeys } from '../parts/shortcuts.tsx'
import { nextTry, StepLine, Steps } from '../parts/steps.tsx'
import { Imported, Lookalike, Trust } from '../parts/trust.tsx'
import { go, route } from '../route.ts'
import { Body } from '../text/body.tsx'
import { exactly, moment, size } from '../text/format.ts'
import { Safe } from '../text/safe.tsx'
import { plainOf } from '../text/tricks.ts'
import { Reply } from './compose.tsx'
import { putAway } from './mail.tsx'

/** All letters of one conversation, oldest first, and a place to answer. */
export function ConversationView({ thread }: { thread: string }): JSX.Element {
  const opened = useSignal<OpenedConversation | null>(null)
  const problem = useSignal<Problem | null>(null)
  const isReplying = useSignal(false)
  const end = useRef<HTMLDivElement>(null)
  useEffect(() => {
    let isOver = false
    openConversation(thread)
      .then(now => {
        if (isOver) return
        opened.value = now
        problem.value = null
        if (now.conversation.unread > 0) void change(thread, { read: true })
      })
      .catch(err => {
        problem.value = problemOf(err)
      })
    return () => void (isOver = true)
  }, [thread, changes.value])
  const letters = opened.value?.letters ?? []
  useEffect(() => {
    if (letters.length > 1) end.current?.scrollIntoView({ block: 'end' })
  }, [letters.length > 0])
  useKeys({ r: () => (isReplying.value = true) })

  if (problem.value) return <Trouble problem={problem.value} />
  if (!opened.value) return <Spinner label="Opening the letters" />
  const { conversation: c } = opened.value
  const last = letters.findLast(letter => letter.direction === 'in') ?? letters.at(-1)
  return (
    <div class="conversation">
      <header class="conversation-head">
        <Button
          icon="back"
          label="Back to the list"
          keys="Escape"
          kind="quiet"
          onClick={() => go(route.value.view)}
        />
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
            onClick={() => void change(thread, { read: false }).then(() => go(route.value.view))}
          />
        </div>
      </header>
      <div class="letters">
        {letters.map(letter =>
          letter.direction === 'in' ? <Received letter={letter} /> : <SentEntry letter={letter} />
        )}
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

function Received({ letter }: { letter: Entry & { direction: 'in' } }): JSX.Element {
  const { from } = letter
  return (
    <article
      class="letter"
      aria-label={`Letter of ${plainOf(from.alias)}, ${moment(letter.sentMs, nowMs.value)}`}
    >
      <header>
        <Avatar alias={from.alias} fingerprint={from.fingerprint} size={36} />
        <div class="letter-who">
          <p class="letter-from">
            <strong>
              <Safe text={from.alias || 'No name'} />
            </strong>
            {letter.imported ? <Imported /> : <Trust from={from} />}
          </p>
          <p class="letter-to">to {letter.to}</p>
        </div>
        <time
          dateTime={new Date(letter.sentMs).toISOString()}
          title={`Sent ${exactly(letter.sentMs)}`}
        >
          {moment(letter.sentMs, nowMs.value)}
        </time>
      </header>
      <Lookalike alias={from.alias} />
      <Marks letter={letter} />
      <div class="letter-body">
        <Body mimeType={letter.mimeType} body={letter.body} />
      </div>
      <ReceivedFiles letter={letter.id} files={letter.attachments} />
      <Details letter={letter} />
    </article>
  )
}

/** What its sender said of it later. Nothing is deleted for that. */
function Marks({ letter }: { letter: Entry & { direction: 'in' } }): JSX.Element | null {
  if (letter.forgetAsked) return <p class="callout">The sender asks you to forget this letter.</p>
  if (letter.correctedBy)
    return <p class="callout">The sender replaced this letter by a later one.</p>
  if (letter.retracts) return <p class="callout">This letter asks you to forget an earlier one.</p>
  if (letter.corrects) return <p class="callout">This letter replaces an earlier one.</p>
  return null
}

const Details = ({ letter }: { letter: Entry & { direction: 'in' } }): JSX.Element => (
  <details class="letter-details">
    <summary>Details</summary>
    <dl>
      <dt>Sent</dt>
      <dd>{exactly(letter.sentMs)}</dd>
      <dt>Received</dt>
      <dd>{exactly(letter.receivedMs)}</dd>
      <dt>Signed by</dt>
      <dd>
        <code>{letter.from.fingerprint}</code>
      </dd>
      <dt>Sealed size</dt>
      <dd>{size(letter.sizeBytes)}</dd>
      <dt>Letter</dt>
      <dd>
        <code>{letter.id}</code>
      </dd>
    </dl>
  </details>
)

function SentEntry({ letter }: { letter: Entry & { direction: 'out' } }): JSX.Element {
  return (
    <article class="letter own" aria-label={`Your letter, ${moment(letter.sentMs, nowMs.value)}`}>
      <header>
        <div class="letter-who">
          <p class="letter-from">
            <strong>You</strong>
          </p>
          <p class="letter-to">
            to <Safe text={letter.to} />
          </p>
        </div>
        <time dateTime={new Date(letter.sentMs).toISOString()} title={exactly(letter.sentMs)}>
          {moment(letter.sentMs, nowMs.value)}
        </time>
      </header>
      <div class="letter-body">
        <Body mimeType={letter.mimeType} body={letter.body} />
      </div>
      <details class="letter-details">
        <summary>
          <StepLine letter={letter} />
        </summary>
        {letter.waiting && (
          <p class="callout">
            {sentence(letter.waiting.message)} {letter.waiting.hint}{' '}
            {sentence(nextTry(letter.waiting.retryAtMs))}
          </p>
        )}
        <Steps letter={letter} />
      </details>
    </article>
  )
}
