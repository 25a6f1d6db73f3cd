import { useSignal } from '@preact/signals'
import type { ComponentChildren, JSX } from 'preact'
import { setup } from '../data/session.ts'
import { Button, Field, Trouble } from './basics.tsx'
import { useRun } from './use-run.ts'

interface ProveProps {
  /** Stands before the question. */
  children?: ComponentChildren
  yes: string
  /** With the passphrase that was typed, or null where the vault has none. */
  onProof: (passphrase: string | null) => Promise<void>
}

/** The passphrase is asked for again, so that whoever finds the page open does not see what comes. */
export function Prove({ children, yes, onProof }: ProveProps): JSX.Element {
  const passphrase = useSignal('')
  const { problem, isBusy, run } = useRun()
  const isSealed = setup.value?.sealed
  const prove = (event: SubmitEvent) =>
    run(event, () => onProof(isSealed ? passphrase.value : null))
  return (
    <form class="stack" onSubmit={prove}>
      {children}
      {isSealed && (
        <Field label="Your passphrase">
          {id => (
            <input
              id={id}
              type="password"
              required
              autocomplete="current-password"
              value={passphrase}
              onInput={e => (passphrase.value = e.currentTarget.value)}
            />
          )}
        </Field>
      )}
      <Trouble problem={problem} />
      <div class="buttons">
        <Button type="submit" kind="primary" busy={isBusy}>
          {yes}
        </Button>
      </div>
    </form>
  )
}
