import { useSignal } from '@preact/signals'
import type { JSX } from 'preact'
import type { Client } from '../../client/client.ts'
import { post } from '../data/ask.ts'
import { aliases } from '../data/session.ts'
import { Button, Dialog, Field, Trouble } from '../parts/basics.tsx'
import { OwnAlias } from '../parts/own-alias.tsx'
import { useRun } from '../parts/use-run.ts'

export type HandedOut = Awaited<ReturnType<Client['makeAddress']>>

const dayMs = 86_400_000
/** A pod keeps an address for so long at most. Source: docs/protocol/address.md#at-the-pod */
const daysMax = 400
const usesMax = 1_000

/** An address for first letters: so many, until a day, or until it is taken back. */
export function NewAddress({
  onMade,
  onClose
}: {
  onMade: (address: HandedOut) => void
  onClose: () => void
}): JSX.Element {
  const form = useSignal({ alias: aliases.value[0] ?? '', note: '', uses: '1', days: '30' })
  const { problem, isBusy, run } = useRun()
  const f = form.value
  const set = (changed: Partial<typeof f>) => (form.value = { ...form.value, ...changed })
  const make = (event: SubmitEvent) =>
    run(event, async () => {
      onMade(
        await post<HandedOut>('/addresses', {
          alias: f.alias,
          ...(f.note.trim() !== '' && { note: f.note.trim() }),
          ...(f.uses !== '' && { uses: Number(f.uses) }),
          ...(f.days !== '' && { lifeMs: Number(f.days) * dayMs })
        })
      )
    })
  const number = (label: string, name: 'uses' | 'days', max: number, hint: string) => (
    <Field label={label} hint={hint}>
      {(id, describedBy) => (
        <input
          id={id}
          aria-describedby={describedBy}
          class="short"
          type="number"
          inputMode="numeric"
          min={1}
          max={max}
          step={1}
          value={f[name]}
          onInput={e => set({ [name]: e.currentTarget.value })}
        />
      )}
    </Field>
  )
  return (
    <Dialog title="Make an address to hand out" onClose={onClose}>
      <form class="stack" onSubmit={make}>
        {aliases.value.length > 1 && (
          <OwnAlias label="For" value={f.alias} onChange={alias => set({ alias })} />
        )}
        <Field label="What it is for" hint="Only you see it.">
          {(id, describedBy) => (
            <input
              id={id}
              aria-describedby={describedBy}
              autocomplete="off"
              maxLength={64}
              value={f.note}
              onInput={e => set({ note: e.currentTarget.value })}
            />
          )}
        </Field>
        {number('Letters that it takes', 'uses', usesMax, 'Empty: as many as come.')}
        {number('Days that it is good', 'days', daysMax, 'Empty: until you take it back.')}
        <Trouble problem={problem} />
        <div class="buttons">
          <Button type="submit" kind="primary" busy={isBusy}>
            Make it
          </Button>
          <Button kind="quiet" onClick={onClose}>
            Cancel
          </Button>
        </div>
      </form>
    </Dialog>
  )
}
