import { useSignal } from '@preact/signals'
import type { JSX } from 'preact'
import { useEffect } from 'preact/hooks'
import type { Conversation, LabelCount } from '../../client/client.ts'
import { json } from '../data/ask.ts'
import { change } from '../data/mailbox.ts'
import { attempt } from '../data/toasts.ts'
import { Button, Dialog, Field } from './basics.tsx'

/** Puts labels on a conversation and takes them off. */
export function LabelMenu({ conversation }: { conversation: Conversation }): JSX.Element {
  const isOpen = useSignal(false)
  return (
    <>
      <Button icon="label" label="Labels" kind="quiet" onClick={() => (isOpen.value = true)} />
      {isOpen.value && (
        <Labels conversation={conversation} onClose={() => (isOpen.value = false)} />
      )}
    </>
  )
}

function Labels({
  conversation,
  onClose
}: {
  conversation: Conversation
  onClose: () => void
}): JSX.Element {
  const known = useSignal<string[]>(conversation.labels)
  const mine = useSignal<string[]>(conversation.labels)
  const name = useSignal('')
  useEffect(() => {
    void attempt(async () => {
      const labels = await json<LabelCount[]>('/labels')
      known.value = [...new Set([...conversation.labels, ...labels.map(({ label }) => label)])]
    })
  }, [])
  const set = async (label: string, isOn: boolean) => {
    mine.value = isOn ? [...mine.value, label] : mine.value.filter(other => other !== label)
    await change(conversation.thread, { label: isOn ? { add: [label] } : { remove: [label] } })
  }
  const add = (event: SubmitEvent) => {
    event.preventDefault()
    const label = name.value.trim()
    if (label === '' || mine.value.includes(label)) return
    known.value = [...new Set([...known.value, label])]
    name.value = ''
    void set(label, true)
  }
  return (
    <Dialog title="Labels" onClose={onClose}>
      <div class="stack">
        {known.value.map(label => (
          <label class="check">
            <input
              type="checkbox"
              checked={mine.value.includes(label)}
              onChange={event => void set(label, event.currentTarget.checked)}
            />
            {label}
          </label>
        ))}
        <form class="inline-form" onSubmit={add}>
          <Field label="New label">
            {id => (
              <input
                id={id}
                value={name}
                maxLength={64}
                onInput={event => (name.value = event.currentTarget.value)}
              />
            )}
          </Field>
          <Button type="submit">Add</Button>
        </form>
      </div>
    </Dialog>
  )
}
