import { useSignal } from '@preact/signals'
import type { JSX } from 'preact'
import type { Reported } from '../../client/pod-words.ts'
import type { ReportKind } from '../../wire/report.ts'
import { post } from '../data/ask.ts'
import { tell } from '../data/toasts.ts'
import { plainOf } from '../text/tricks.ts'
import { Button, Dialog, Field, Trouble } from './basics.tsx'
import { useRun } from './use-run.ts'

const kinds: Record<ReportKind, string> = {
  spam: 'Unwanted letters',
  abuse: 'Threats, insults, worse',
  impersonation: 'They say they are somebody else',
  other: 'Something else'
}

interface Told {
  alias: string
  /** The letter that it is about. */
  letter?: string
}

/** Tells the pod of an alias what somebody does with it. */
export function Report(told: Told): JSX.Element {
  const isOpen = useSignal(false)
  return (
    <>
      <Button icon="warning" kind="quiet" onClick={() => (isOpen.value = true)}>
        Report
      </Button>
      {isOpen.value && <Form told={told} onClose={() => (isOpen.value = false)} />}
    </>
  )
}

function Form({ told, onClose }: { told: Told; onClose: () => void }): JSX.Element {
  const { problem, isBusy, run } = useRun()
  const kind = useSignal<ReportKind>('spam')
  const text = useSignal('')
  const send = (event: SubmitEvent) =>
    run(event, async () => {
      const said = { ...told, kind: kind.value, ...(text.value && { text: text.value }) }
      const { pod } = await post<Reported>('/reports', said)
      tell(`${pod} was told.`)
      onClose()
    })
  return (
    <Dialog title={`Report ${plainOf(told.alias)}`} onClose={onClose}>
      <form class="stack" onSubmit={event => void send(event)}>
        <p>
          The operators of their pod read what you write here, with your network, and your account
          where you have one there; nothing of the letter itself goes along.
        </p>
        <Field label="What it is">
          {id => (
            <select
              id={id}
              value={kind.value}
              onChange={e => (kind.value = e.currentTarget.value as ReportKind)}
            >
              {Object.entries(kinds).map(([value, words]) => (
                <option value={value}>{words}</option>
              ))}
            </select>
          )}
        </Field>
        <Field label="In your words">
          {id => (
            <textarea
              id={id}
              rows={4}
              maxLength={500}
              value={text.value}
              onInput={e => (text.value = e.currentTarget.value)}
            />
          )}
        </Field>
        <Trouble problem={problem} />
        <div class="buttons">
          <Button kind="primary" type="submit" busy={isBusy}>
            Tell them
          </Button>
          <Button kind="quiet" onClick={onClose}>
            Cancel
          </Button>
        </div>
      </form>
    </Dialog>
  )
}
