import { useSignal } from '@preact/signals'
import type { JSX } from 'preact'
import { restoreHome } from '../data/house.ts'
import { Button, Field, Trouble } from '../parts/basics.tsx'
import { NewPassphrase, samePassphrase } from '../parts/new-passphrase.tsx'
import { useRun } from '../parts/use-run.ts'
import { size } from '../text/format.ts'

/** A person's node again, out of a backup. */
export function Restore({ onBack }: { onBack: () => void }): JSX.Element {
  const file = useSignal<File | null>(null)
  const words = useSignal('')
  const passphrase = useSignal<string | null>(null)
  const readBytes = useSignal<number | null>(null)
  const { problem, isBusy, run, stop } = useRun()
  const restore = (event: SubmitEvent) =>
    run(event, async signal => {
      try {
        const said = { words: words.value, passphrase: samePassphrase(passphrase.value) }
        await restoreHome(file.value!, said, {
          signal,
          onProgress: sentBytes => (readBytes.value = sentBytes)
        })
      } finally {
        readBytes.value = null
      }
    })
  return (
    <form class="stack" onSubmit={restore}>
      <h1>Back from a backup</h1>
      <p class="lead">
        This computer becomes another device of yours, with your key, contacts and letters as they
        were when the backup was made.
      </p>
      <Field
        label="Backup"
        hint={
          <>
            The file that <code>muttr backup</code> or this page made.
          </>
        }
      >
        {(id, describedBy) => (
          <input
            id={id}
            aria-describedby={describedBy}
            type="file"
            required
            onChange={e => (file.value = e.currentTarget.files?.[0] ?? null)}
          />
        )}
      </Field>
      <Field label="Its twelve words">
        {id => (
          <textarea
            id={id}
            required
            rows={3}
            autocapitalize="none"
            autocomplete="off"
            spellcheck={false}
            value={words}
            onInput={e => (words.value = e.currentTarget.value)}
          />
        )}
      </Field>
      <NewPassphrase
        label="A passphrase for this computer"
        onChange={given => (passphrase.value = given)}
      />
      <Trouble problem={problem} />
      {readBytes.value !== null && (
        <>
          <progress
            class="bar"
            max={Math.max(1, file.value?.size ?? 1)}
            value={readBytes.value}
            aria-label="Progress"
          />
          <p class="hint">
            {size(readBytes.value)} of {size(file.value?.size ?? 0)}
          </p>
        </>
      )}
      <div class="buttons">
        <Button type="submit" kind="primary" busy={isBusy}>
          Restore
        </Button>
        {isBusy ? (
          <Button kind="quiet" onClick={stop}>
            Cancel
          </Button>
        ) : (
          <Button kind="quiet" onClick={onBack}>
            I have no backup
          </Button>
        )}
      </div>
    </form>
  )
}
