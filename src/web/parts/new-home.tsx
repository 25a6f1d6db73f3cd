import { useSignal } from '@preact/signals'
import type { ComponentChildren, JSX } from 'preact'
import { Button, Field, Trouble } from './basics.tsx'
import { NewPassphrase, samePassphrase } from './new-passphrase.tsx'
import { useRun } from './use-run.ts'

interface NewHomeProps {
  title: string
  lead: ComponentChildren
  /** The fields. */
  children: ComponentChildren
  /** How far it is; null before it has begun. */
  progress: ComponentChildren
  yes: string
  /** With the passphrase that locks the key here. */
  onMake: (passphrase: string, signal: AbortSignal) => Promise<void>
  /** The way back, in the words of who goes it. */
  back: string
  onBack: () => void
}

/** A home that comes from elsewhere, under a passphrase of its own: fields, how far it is, and a way to stop it. */
export function NewHome(props: NewHomeProps): JSX.Element {
  const passphrase = useSignal<string | null>(null)
  const { problem, isBusy, run, stop } = useRun()
  const make = (event: SubmitEvent) =>
    run(event, async signal => props.onMake(samePassphrase(passphrase.value), signal))
  return (
    <form class="stack" onSubmit={make}>
      <h1>{props.title}</h1>
      <p class="lead">{props.lead}</p>
      {props.children}
      <NewPassphrase
        label="A passphrase for this computer"
        onChange={given => (passphrase.value = given)}
      />
      <Trouble problem={problem} />
      {props.progress}
      <div class="buttons">
        <Button type="submit" kind="primary" busy={isBusy}>
          {props.yes}
        </Button>
        {isBusy ? (
          <Button kind="quiet" onClick={stop}>
            Cancel
          </Button>
        ) : (
          <Button kind="quiet" onClick={props.onBack}>
            {props.back}
          </Button>
        )}
      </div>
    </form>
  )
}

interface PastedProps {
  label: string
  hint?: string
  value: string
  onText: (text: string) => void
}

/** Several words or a long code, typed off paper or pasted. */
export const Pasted = ({ label, hint, value, onText }: PastedProps): JSX.Element => (
  <Field label={label} hint={hint}>
    {(id, describedBy) => (
      <textarea
        id={id}
        aria-describedby={describedBy}
        required
        rows={3}
        autocapitalize="none"
        autocomplete="off"
        spellcheck={false}
        value={value}
        onInput={e => onText(e.currentTarget.value)}
      />
    )}
  </Field>
)

/** So much of so much. */
export const Progress = ({
  doneBytes,
  sizeBytes,
  children
}: {
  doneBytes: number
  sizeBytes: number
  /** In words. */
  children: ComponentChildren
}): JSX.Element => (
  <div role="status">
    <progress class="bar" max={Math.max(1, sizeBytes)} value={doneBytes} aria-label="Progress" />
    <p class="hint">{children}</p>
  </div>
)
