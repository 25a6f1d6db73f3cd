import { useSignal } from '@preact/signals'
import type { JSX } from 'preact'
import { useEffect } from 'preact/hooks'
import type { Retraction, SentLetter } from '../../client/client.ts'
import { nowMs } from '../clock.ts'
import { ask, json, type Problem, post, problemOf } from '../data/ask.ts'
import { save } from '../data/house.ts'
import { changes } from '../data/mailbox.ts'
import { attempt, tell } from '../data/toasts.ts'
import { Avatar } from '../parts/avatar.tsx'
import { Button, Empty, Spinner, Trouble } from '../parts/basics.tsx'
import { Confirm } from '../parts/confirm.tsx'
import { DeleteLetter, isOver, SentFiles, Waiting } from '../parts/letter-actions.tsx'
import { rowId, useListKeys } from '../parts/list-keys.ts'
import { StepLine, Steps } from '../parts/steps.tsx'
import { VirtualList } from '../parts/virtual-list.tsx'
import { go, href, leave, route } from '../route.ts'
import { apart, count, exactly, nameOf, size, when } from '../text/format.ts'
import { Safe } from '../text/safe.tsx'

const listMax = 1_000

/** What was sent, and how far each letter has come. */
export function Sent(): JSX.Element {
  const { id } = route.value
  const letters = useSignal<readonly SentLetter[] | null>(null)
  useEffect(() => {
    void attempt(async () => {
      letters.value = await json<SentLetter[]>('/sent', { query: { limit: listMax } })
    })
  }, [changes.value])
  const all = letters.value ?? []
  const index = useListKeys({
    view: 'sent',
    items: () => letters.value ?? [],
    keyOf: letter => letter.id
  })
  return (
    <div class={`panes${id ? ' has-open' : ''}`}>
      <section class="pane-list" aria-label="Sent">
        <header class="pane-head">
          <h1>Sent</h1>
        </header>
        {letters.value === null ? (
          <Spinner />
        ) : all.length === 0 ? (
          <Empty icon="sent" title="Nothing was sent yet">
            <Button icon="write" kind="primary" onClick={() => go('write')}>
              Write a letter
            </Button>
          </Empty>
        ) : (
          <VirtualList
            items={all}
            keyOf={letter => letter.id}
            rowHeight={84}
            label="Sent letters"
            selected={index}
            row={letter => <SentRow letter={letter} isOpen={letter.id === id} />}
          />
        )}
      </section>
      <section class="pane-open" aria-label="Sent letter">
        {id ? (
          <SentDetail key={id} id={id} />
        ) : (
          <Empty icon="seal" title="Choose a letter">
            <p>You see each step of its way, and who signed for it.</p>
          </Empty>
        )}
      </section>
    </div>
  )
}

const SentRow = ({ letter, isOpen }: { letter: SentLetter; isOpen: boolean }): JSX.Element => (
  <a
    id={rowId(letter.id)}
    class="row"
    href={href('sent', letter.id)}
    aria-current={isOpen ? 'true' : undefined}
  >
    <Avatar alias={letter.to} fingerprint={letter.fingerprint} />
    <span class="row-text">
      <span class="row-top">
        <span class="row-who">
          <Safe text={nameOf(letter.to)} />
        </span>
        <time dateTime={new Date(letter.sentMs).toISOString()} title={exactly(letter.sentMs)}>
          {when(letter.sentMs, nowMs.value)}
        </time>
      </span>
      <span class="row-subject">
        <Safe text={letter.subject || '(no subject)'} />
      </span>
      <span class="row-snippet">
        <StepLine letter={letter} />
      </span>
    </span>
  </a>
)

function SentDetail({ id }: { id: string }): JSX.Element {
  const letter = useSignal<SentLetter | null>(null)
  const problem = useSignal<Problem | null>(null)
  const isAsking = useSignal(false)
  const isRetracting = useSignal(false)
  const look = async () => {
    isAsking.value = true
    try {
      letter.value = await json<SentLetter>(`/sent/${id}`)
      problem.value = null
    } catch (err) {
      problem.value = problemOf(err)
    } finally {
      isAsking.value = false
    }
  }
  useEffect(() => void look(), [id, changes.value])
  const now = letter.value
  if (problem.value) return <Trouble problem={problem.value} />
  if (!now) return <Spinner label="Asking its holders" />
  const canRetract = !['withdrawn', 'expired'].includes(now.state)
  return (
    <div class="conversation">
      <header class="conversation-head">
        <Button icon="back" label="Back to the list" keys="Escape" kind="quiet" onClick={leave} />
        <div class="conversation-title">
          <h2>
            <Safe text={now.subject || '(no subject)'} />
          </h2>
          <p>
            to <Safe text={now.to} />
          </p>
        </div>
      </header>
      <div class="letters">
        <section class="letter sheet">
          <Waiting letter={now} />
          <Steps letter={now} />
          <SentFiles files={now.attachments} />
          {now.asked && (
            <p class="hint">
              Asked {apart(now.asked.atMs, nowMs.value)}: {now.asked.answered} of{' '}
              {count(now.asked.wanted, 'seed')} answered, {now.asked.holders} hold a copy.
            </p>
          )}
          <div class="buttons">
            <Button icon="clock" busy={isAsking.value} onClick={() => void look()}>
              Ask the holders now
            </Button>
            <Button icon="download" onClick={() => void saveProof(now)}>
              Save the proof
            </Button>
            <Button icon="inbox" onClick={() => go('inbox', now.thread)}>
              Show the letter
            </Button>
            {canRetract && (
              <Button icon="reply" kind="danger" onClick={() => (isRetracting.value = true)}>
                Take it back
              </Button>
            )}
            {isOver(now) && <DeleteLetter letter={now} direction="out" onDeleted={leave} />}
          </div>
          <details class="letter-details">
            <summary>Details</summary>
            <dl>
              <dt>Kept until</dt>
              <dd>{exactly(now.expiryMs)}</dd>
              <dt>Sealed size</dt>
              <dd>{size(now.sizeBytes)}</dd>
              <dt>Their key</dt>
              <dd>
                <code>{now.fingerprint ?? 'not known yet'}</code>
              </dd>
              <dt>Letter</dt>
              <dd>
                <code>{now.id}</code>
              </dd>
            </dl>
          </details>
        </section>
      </div>
      {isRetracting.value && (
        <Retract
          letter={now}
          onClose={() => {
            isRetracting.value = false
            void look()
          }}
        />
      )}
    </div>
  )
}

async function saveProof(letter: SentLetter): Promise<void> {
  await attempt(async () => {
    const answer = await ask(`/sent/${letter.id}/proof`)
    save(await answer.blob(), `muttr-${letter.id.slice(0, 8)}.proof`)
  })
}

const outcomes: Record<Retraction['outcome'], string> = {
  cancelled: 'It had not left your computer.',
  withdrawn: 'Its holders dropped it.',
  'too-late': 'It was accepted already. They were asked to forget it.',
  unknown: 'Too few holders answered. It goes on, and nothing more is announced.',
  expired: 'Nobody keeps it any longer.'
}

function Retract({ letter, onClose }: { letter: SentLetter; onClose: () => void }): JSX.Element {
  const retract = async () => {
    const done = await attempt(() => post<Retraction>(`/sent/${letter.id}/retract`))
    if (done) tell(outcomes[done.outcome])
  }
  return (
    <Confirm
      title="Take this letter back?"
      yes="Take it back"
      no="Leave it"
      onYes={retract}
      onClose={onClose}
    >
      {letter.state === 'accepted'
        ? 'They have opened it. They are asked to forget it; nobody can make them.'
        : 'Its holders are asked to drop it. That does not say that nobody has read it before.'}
    </Confirm>
  )
}
