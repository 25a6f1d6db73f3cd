import type { JSX } from 'preact'
import type { SentLetter } from '../../client/client.ts'
import { nowMs } from '../clock.ts'
import { stepsOf } from '../data/steps.ts'
import { apart, exactly, moment } from '../text/format.ts'
import { Icon } from './icons.tsx'

/** All steps, one below the other, with times and who signed. */
export const Steps = ({ letter }: { letter: SentLetter }): JSX.Element => (
  <ol class="steps">
    {stepsOf(letter, nowMs.value).map(({ name, state, atMs, by }) => (
      <li class={`step ${state}`}>
        <span class="step-mark" aria-hidden="true">
          {state === 'done' && <Icon name="check" size={13} />}
          {state === 'bad' && <Icon name="close" size={13} />}
        </span>
        <div>
          <p class="step-name">
            {name}
            {state === 'todo' && <span class="unseen"> (not yet)</span>}
            {atMs !== null && (
              <time dateTime={new Date(atMs).toISOString()} title={exactly(atMs)}>
                {moment(atMs, nowMs.value)}
              </time>
            )}
          </p>
          <p class="step-by">{by}</p>
        </div>
      </li>
    ))}
  </ol>
)

const words: Record<SentLetter['state'], string> = {
  queued: 'Waits here',
  stored: 'Stored',
  announced: 'Announced',
  accepted: 'Accepted',
  withdrawn: 'Withdrawn',
  expired: 'Expired'
}

/** When what waits is tried again. */
export const nextTry = (atMs: number): string =>
  atMs > nowMs.value ? `next try ${apart(atMs, nowMs.value)}` : 'being tried again'

const whyNot = ({ code, retryAtMs }: NonNullable<SentLetter['waiting']>): string =>
  code === 'LETTER_HELD' ? 'held back' : nextTry(retryAtMs)

/** The same on one line: a dot for each step, and the last one in words. */
export function StepLine({ letter }: { letter: SentLetter }): JSX.Element {
  const { waiting, state, copies, wanted } = letter
  const said =
    state === 'stored' || (state === 'queued' && copies.length > 0)
      ? `Stored ${copies.length} of ${wanted}`
      : state === 'accepted' && letter.accepted?.receipt
        ? 'Accepted, with receipt'
        : words[state]
  return (
    <span class={`step-line ${state}${waiting ? ' waits' : ''}`}>
      <span class="dots" aria-hidden="true">
        {stepsOf(letter, nowMs.value).map(step => (
          <span class={`dot ${step.state}`} />
        ))}
      </span>
      {said}
      {waiting && <span class="why">· {whyNot(waiting)}</span>}
    </span>
  )
}
