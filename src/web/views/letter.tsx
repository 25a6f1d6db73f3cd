import type { JSX } from 'preact'
import type { Entry } from '../../client/client.ts'
import { nowMs } from '../clock.ts'
import { Avatar } from '../parts/avatar.tsx'
import { DeleteLetter, isOver, SentFiles, Waiting, WriteAgain } from '../parts/letter-actions.tsx'
import { ReceivedFiles } from '../parts/received-files.tsx'
import { Report } from '../parts/report.tsx'
import { StepLine, Steps } from '../parts/steps.tsx'
import { Imported, Lookalike, Trust } from '../parts/trust.tsx'
import { Body } from '../text/body.tsx'
import { exactly, moment, size } from '../text/format.ts'
import { Safe } from '../text/safe.tsx'
import { plainOf } from '../text/tricks.ts'

interface LetterProps {
  letter: Entry
  onDeleted: () => void
}

/** A letter of a conversation, received or sent. */
export const Letter = ({ letter, onDeleted }: LetterProps): JSX.Element =>
  letter.direction === 'in' ? (
    <Received letter={letter} onDeleted={onDeleted} />
  ) : (
    <SentEntry letter={letter} onDeleted={onDeleted} />
  )

interface ReceivedProps extends LetterProps {
  letter: Entry & { direction: 'in' }
}
interface SentProps extends LetterProps {
  letter: Entry & { direction: 'out' }
}

function Received({ letter, onDeleted }: ReceivedProps): JSX.Element {
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
      <Details letter={letter} onDeleted={onDeleted} />
    </article>
  )
}

/** What its sender said of it later. Nothing is deleted for that. */
function Marks({ letter }: Pick<ReceivedProps, 'letter'>): JSX.Element | null {
  if (letter.forgetAsked) return <p class="callout">The sender asks you to forget this letter.</p>
  if (letter.correctedBy)
    return <p class="callout">The sender replaced this letter by a later one.</p>
  if (letter.retracts) return <p class="callout">This letter asks you to forget an earlier one.</p>
  if (letter.corrects) return <p class="callout">This letter replaces an earlier one.</p>
  return null
}

const Details = ({ letter, onDeleted }: ReceivedProps): JSX.Element => (
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
    <div class="buttons">
      <DeleteLetter letter={letter} direction="in" onDeleted={onDeleted} />
      {!letter.imported && letter.from.alias && (
        <Report alias={letter.from.alias} letter={letter.id} />
      )}
    </div>
  </details>
)

function SentEntry({ letter, onDeleted }: SentProps): JSX.Element {
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
      <SentFiles files={letter.attachments} />
      {letter.waiting?.code === 'LETTER_HELD' && <Waiting letter={letter} />}
      <details class="letter-details">
        <summary>
          <StepLine letter={letter} />
        </summary>
        {letter.waiting && letter.waiting.code !== 'LETTER_HELD' && <Waiting letter={letter} />}
        <Steps letter={letter} />
        <div class="buttons">
          <WriteAgain letter={letter} />
          {isOver(letter) && <DeleteLetter letter={letter} direction="out" onDeleted={onDeleted} />}
        </div>
      </details>
    </article>
  )
}
