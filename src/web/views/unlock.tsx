import { useSignal } from '@preact/signals'
import type { JSX } from 'preact'
import { unlock } from '../data/house.ts'
import { setup } from '../data/session.ts'
import { Button, Field, Trouble } from '../parts/basics.tsx'
import { Icon } from '../parts/icons.tsx'
import { useRun } from '../parts/use-run.ts'

/** Between the person and their letters while the key is locked. The node goes on receiving behind it. */
export function Unlock(): JSX.Element {
  const passphrase = useSignal('')
  const { problem, isBusy, run } = useRun()
  const open = (event: SubmitEvent) => run(event, () => unlock(passphrase.value))
  return (
    <main class="alone">
      <form class="card narrow" onSubmit={open}>
        <span class="card-mark">
          <Icon name="lock" size={26} />
        </span>
        <h1>{setup.value?.name}</h1>
        <p class="lead">Your letters are locked. What arrives meanwhile waits, sealed.</p>
        <Field label="Passphrase">
          {id => (
            <input
              id={id}
              type="password"
              autocomplete="current-password"
              ref={box => box?.focus()}
              required
              value={passphrase}
              onInput={e => (passphrase.value = e.currentTarget.value)}
            />
          )}
        </Field>
        <Trouble problem={problem} />
        <Button type="submit" kind="primary" busy={isBusy}>
          Unlock
        </Button>
      </form>
    </main>
  )
}
