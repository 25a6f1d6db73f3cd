import { useSignal } from '@preact/signals'
import type { JSX } from 'preact'
import { joinDevice } from '../data/devices.ts'
import { Button, Field, Trouble } from '../parts/basics.tsx'
import { NewPassphrase, samePassphrase } from '../parts/new-passphrase.tsx'
import { useRun } from '../parts/use-run.ts'
import { count } from '../text/format.ts'

/** This computer as another device of somebody who has one already. Source: docs/protocol/link.md */
export function JoinDevice({ onBack }: { onBack: () => void }): JSX.Element {
  const code = useSignal('')
  const name = useSignal('')
  const history = useSignal(true)
  const passphrase = useSignal<string | null>(null)
  const rows = useSignal<number | null>(null)
  const { problem, isBusy, run, stop } = useRun()
  const join = (event: SubmitEvent) =>
    run(event, async signal => {
      try {
        const sealedBy = samePassphrase(passphrase.value)
        rows.value = 0
        await joinDevice({
          code: code.value.trim(),
          ...(name.value.trim() && { name: name.value.trim() }),
          passphrase: sealedBy,
          history: history.value,
          signal,
          onProgress: taken => (rows.value = taken)
        })
      } finally {
        rows.value = null
      }
    })
  return (
    <form class="stack" onSubmit={join}>
      <h1>From another device</h1>
      <p class="lead">
        This computer becomes another device of yours. On the one that you have, open Settings and
        choose <em>Link a new device</em>, or run <code>muttr device link</code>: it shows a code.
      </p>
      <Field label="The code" hint="It works once, within ten minutes.">
        {(id, describedBy) => (
          <textarea
            id={id}
            aria-describedby={describedBy}
            required
            rows={3}
            autocapitalize="none"
            autocomplete="off"
            spellcheck={false}
            value={code}
            onInput={e => (code.value = e.currentTarget.value)}
          />
        )}
      </Field>
      <Field label="Name of this device" hint="The computer's own, unless you say another.">
        {(id, describedBy) => (
          <input
            id={id}
            aria-describedby={describedBy}
            maxLength={64}
            autocomplete="off"
            value={name}
            onInput={e => (name.value = e.currentTarget.value)}
          />
        )}
      </Field>
      <NewPassphrase
        label="A passphrase for this computer"
        onChange={given => (passphrase.value = given)}
      />
      <label class="check">
        <input
          type="checkbox"
          checked={history}
          onChange={e => (history.value = e.currentTarget.checked)}
        />
        With my letters and drafts
      </label>
      <Trouble problem={problem} />
      {rows.value !== null && (
        <p role="status">
          {rows.value === 0
            ? 'Reaching the other device…'
            : `${count(rows.value, 'row')} so far. Leave both open.`}
        </p>
      )}
      <div class="buttons">
        <Button type="submit" kind="primary" busy={isBusy}>
          Link this computer
        </Button>
        {isBusy ? (
          <Button kind="quiet" onClick={stop}>
            Cancel
          </Button>
        ) : (
          <Button kind="quiet" onClick={onBack}>
            I have no other device
          </Button>
        )}
      </div>
    </form>
  )
}
