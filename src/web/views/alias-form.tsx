import { useSignal } from '@preact/signals'
import type { JSX } from 'preact'
import { register } from '../data/house.ts'
import { setup } from '../data/session.ts'
import { AskedIn, AskingIn, askedWith } from '../parts/asking-in.tsx'
import { Button, Field } from '../parts/basics.tsx'
import { Icon } from '../parts/icons.tsx'
import { useRun } from '../parts/use-run.ts'

/** A name at a pod. */
export function AliasForm({ onDone }: { onDone?: (alias: string) => void }): JSX.Element {
  const now = setup.value!
  const form = useSignal({
    name: '',
    pod: now.invited[0] ?? now.pods[0] ?? '',
    invite: '',
    note: ''
  })
  const { problem, isBusy, run } = useRun()
  const f = form.value
  const set = (changed: Partial<typeof f>) => (form.value = { ...form.value, ...changed })
  const isInvited = now.invited.includes(f.pod)
  const take = (event: SubmitEvent) =>
    run(event, async () => {
      const alias = `${f.name.trim().toLowerCase()}@${f.pod}`
      await register(alias, askedWith(f))
      onDone?.(alias)
    })
  if (now.pods.length === 0)
    return (
      <p class="callout">
        <Icon name="warning" /> This network names no pod yet. A join link from somebody who runs
        one brings it.
      </p>
    )
  return (
    <form class="stack" onSubmit={take}>
      <div class="address-fields">
        <Field label="Name">
          {id => (
            <input
              id={id}
              required
              autocapitalize="none"
              autocomplete="off"
              spellcheck={false}
              maxLength={64}
              value={f.name}
              onInput={e => set({ name: e.currentTarget.value })}
            />
          )}
        </Field>
        <span class="at" aria-hidden="true">
          @
        </span>
        <Field label="Pod">
          {id => (
            <select id={id} value={f.pod} onChange={e => set({ pod: e.currentTarget.value })}>
              {now.pods.map(pod => (
                <option value={pod}>{pod}</option>
              ))}
            </select>
          )}
        </Field>
      </div>
      {isInvited ? (
        <p class="callout good">
          <Icon name="check" /> Your link brought an invite to {f.pod}.
        </p>
      ) : (
        <AskingIn asking={f} set={set} then="Your address may then take a while." />
      )}
      <AskedIn problem={problem} />
      <div class="buttons">
        <Button type="submit" kind="primary" busy={isBusy}>
          Take this address
        </Button>
      </div>
    </form>
  )
}
