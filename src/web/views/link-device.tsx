import { useSignal } from '@preact/signals'
import type { JSX } from 'preact'
import { useEffect, useRef } from 'preact/hooks'
import type { LinkStep } from '../../client/client.ts'
import { nowMs } from '../clock.ts'
import { type Problem, problemOf } from '../data/ask.ts'
import { linkDevice } from '../data/devices.ts'
import { attempt, tell } from '../data/toasts.ts'
import { Button, Dialog, Spinner, Trouble } from '../parts/basics.tsx'
import { Icon } from '../parts/icons.tsx'
import { Prove } from '../parts/prove.tsx'
import { QrCode } from '../parts/qr-code.tsx'
import { count, moment, size } from '../text/format.ts'
import { Safe } from '../text/safe.tsx'

type Of<Type> = Extract<LinkStep, { type: Type }>

/** What is known of a session so far. */
interface Course {
  code?: Of<'code'>
  refused?: Of<'refused'>
  came?: Of<'came'>
  sent?: Of<'sent'>
  linked?: Of<'linked'>
}

/** Gives a new device all that the person has. Closing it ends the session, and the code with it. Source: docs/protocol/link.md */
export function LinkDevice({ onClose }: { onClose: () => void }): JSX.Element {
  const history = useSignal(true)
  const course = useSignal<Course | null>(null)
  const problem = useSignal<Problem | null>(null)
  const stop = useRef<AbortController>(undefined)
  useEffect(() => () => stop.current?.abort(), [])
  const follow = async (steps: AsyncIterable<LinkStep>, signal: AbortSignal) => {
    try {
      for await (const step of steps) course.value = { ...course.value, [step.type]: step }
    } catch (err) {
      if (!signal.aborted) problem.value = problemOf(err)
    }
  }
  const begin = async (passphrase: string | null) => {
    const { signal } = (stop.current = new AbortController())
    const steps = await linkDevice({ history: history.value, passphrase }, signal)
    problem.value = null
    course.value = {}
    void follow(steps, signal)
  }
  return (
    <Dialog title="Link a new device" onClose={onClose}>
      {problem.value ? (
        <div class="stack">
          <Trouble problem={problem.value} />
          <div class="buttons">
            <Button
              kind="primary"
              onClick={() => {
                course.value = null
                problem.value = null
              }}
            >
              Begin again
            </Button>
          </div>
        </div>
      ) : course.value ? (
        <CourseView course={course.value} onClose={onClose} />
      ) : (
        <Prove yes="Show the code" onProof={begin}>
          <p>
            The new device becomes you: it gets your key, and is asked for a code that is shown here
            next. Show it to nobody else.
          </p>
          <label class="check">
            <input
              type="checkbox"
              checked={history}
              onChange={e => (history.value = e.currentTarget.checked)}
            />
            With my letters and drafts
          </label>
        </Prove>
      )}
    </Dialog>
  )
}

function CourseView({
  course: { code, refused, came, sent, linked },
  onClose
}: {
  course: Course
  onClose: () => void
}): JSX.Element {
  if (linked)
    return (
      <div class="stack">
        <p class="callout good" role="status">
          <Icon name="check" />
          <span>
            <Safe text={linked.name} /> is your device now.{' '}
            {sent && `${sentSoFar(sent)} went over.`}
          </span>
        </p>
        <div class="buttons">
          <Button kind="primary" onClick={onClose}>
            Done
          </Button>
        </div>
      </div>
    )
  if (came)
    return (
      <div class="stack">
        <p role="status">
          <strong>
            <Safe text={came.name} />
          </strong>{' '}
          came with the code. Leave this open until it has everything.
        </p>
        <p class="hint">{sent ? `${sentSoFar(sent)} so far` : 'Beginning…'}</p>
        <Cancel onClose={onClose} />
      </div>
    )
  if (!code) return <Spinner label="Making a code" />
  return <CodeView code={code} refused={refused} onClose={onClose} />
}

function CodeView({
  code,
  refused,
  onClose
}: {
  code: Of<'code'>
  refused: Of<'refused'> | undefined
  onClose: () => void
}): JSX.Element {
  const copy = () =>
    attempt(async () => {
      await navigator.clipboard.writeText(code.code)
      tell('The code is copied.')
    })
  return (
    <div class="stack card-sheet">
      <QrCode text={code.code} label="The code as a QR code" />
      <p>
        On the new device choose <em>I have another device</em>, and give it this code:
      </p>
      <code class="link-code">{code.code}</code>
      <p class="hint">
        It works once, until {moment(code.untilMs, nowMs.value)}. Whoever has it gets your key and
        everything else that goes over.
      </p>
      {refused && (
        <p class="callout" role="status">
          <Icon name="warning" />
          <span>
            Somebody came with a wrong code. {count(refused.left, 'try', 'tries')} left, then this
            one ends.
          </span>
        </p>
      )}
      <div class="buttons">
        <Button kind="primary" onClick={() => void copy()}>
          Copy the code
        </Button>
        <Button kind="quiet" onClick={onClose}>
          Cancel
        </Button>
      </div>
    </div>
  )
}

const Cancel = ({ onClose }: { onClose: () => void }): JSX.Element => (
  <div class="buttons">
    <Button onClick={onClose}>Cancel</Button>
  </div>
)

const sentSoFar = ({ rows, bytes }: Of<'sent'>): string => `${count(rows, 'row')}, ${size(bytes)}`
